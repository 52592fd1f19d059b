import { type FileHandle, open } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { wandbFailure } from "./failure.ts";

/**
 * W&B's transaction log: LevelDB's, but for its header and for a plain CRC-32. After 7 bytes come blocks of 32 KiB, of
 * which the first has the header within it. A record is one piece, or several where a block ends: checksum over type and
 * content (4 bytes), length (2), type (1), content. A block's rest of less than 7 bytes is zero.
 */
const MAGIC = Buffer.from([0x3a, 0x57, 0x26, 0x42, 0xe1, 0xbe]); // ":W&B", 0xBEE1
const VERSION = 0;
const HEADER_BYTES = MAGIC.length + 1;
const BLOCK_BYTES = 32_768;
const PIECE_HEADER_BYTES = 7;
const WHOLE = 1;
const FIRST = 2;
const MIDDLE = 3;
const LAST = 4;

/** W&B takes 10 MiB a row; a record that goes on beyond this is none of its client's. */
const MAX_RECORD_BYTES = 64 << 20;
/** A piece fills its block, but for the first and the last one. */
const MAX_PIECES = MAX_RECORD_BYTES / BLOCK_BYTES + 2;
const READ_BYTES = 32 * BLOCK_BYTES;

/** What of a log could not be read. */
export interface LogDamage {
  /** Blocks whose rest was passed over, and records that lacked a piece. */
  damaged: number;
  /** The file ends within a record, as after a crash or while it is written. */
  isCutOff: boolean;
}

/**
 * The records of a log, as bytes that are valid until the next one is asked for. A damaged block costs its own records
 * only. Memory is bounded by the longest record.
 * @param damage is kept up to date while the log is read
 * @throws Failure `wandb.not-records`; the error of the file system
 */
export async function* readRecordLog(path: string, damage: LogDamage): AsyncGenerator<Buffer> {
  const file = await open(path, "r");
  try {
    const buffer = Buffer.alloc(READ_BYTES);
    const pieces = new Pieces(path, damage);
    for (let start = 0; ; start += READ_BYTES) {
      const length = await fill(file, buffer, start);
      if (start === 0) checkHeader(path, buffer.subarray(0, length));
      for (let at = 0; at < length; at += BLOCK_BYTES) {
        const block = buffer.subarray(at, Math.min(at + BLOCK_BYTES, length));
        yield* pieces.recordsOf(block, start + at === 0 ? HEADER_BYTES : 0);
      }
      if (length < READ_BYTES) break;
    }
    if (pieces.isWithin) damage.isCutOff = true;
  } finally {
    await file.close();
  }
}

/** @returns bytes that were read, fewer than wanted at the end of the file only */
async function fill(file: FileHandle, buffer: Buffer, position: number): Promise<number> {
  let length = 0;
  while (length < buffer.length) {
    const { bytesRead } = await file.read(buffer, length, buffer.length - length, position + length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return length;
}

function checkHeader(path: string, head: Buffer): void {
  if (!head.subarray(0, MAGIC.length).equals(MAGIC) || head.length < HEADER_BYTES)
    throw wandbFailure("wandb.not-records", { message: `${path} is not a .wandb file` });
  if (head[MAGIC.length] !== VERSION)
    throw wandbFailure("wandb.not-records", {
      message: `${path} is a .wandb file of version ${head[MAGIC.length]}, and only version ${VERSION} can be read`,
    });
}

/** Puts records together from the pieces of blocks. */
class Pieces {
  readonly #path: string;
  readonly #damage: LogDamage;
  #parts: Buffer[] | undefined;
  #sizeBytes = 0;

  constructor(path: string, damage: LogDamage) {
    this.#path = path;
    this.#damage = damage;
  }

  /** A record has begun and not ended. */
  get isWithin(): boolean {
    return this.#parts !== undefined;
  }

  *recordsOf(block: Buffer, from: number): Generator<Buffer> {
    const isLast = block.length < BLOCK_BYTES;
    for (let at = from; at < block.length; ) {
      const left = block.length - at;
      if (left < PIECE_HEADER_BYTES) {
        if (isLast) this.#damage.isCutOff = true;
        return;
      }
      const checksum = block.readUInt32LE(at);
      const length = block.readUInt16LE(at + 4);
      const type = block[at + 6]!;
      // Room that a file system gave and nobody wrote to.
      if (checksum === 0 && length === 0 && type === 0) return;
      const end = at + PIECE_HEADER_BYTES + length;
      if (end > block.length) {
        if (isLast && at + PIECE_HEADER_BYTES + length <= BLOCK_BYTES) {
          this.#damage.isCutOff = true;
          this.#parts = undefined;
        } else this.#lose();
        return;
      }
      if (crc32(block.subarray(at + 6, end)) !== checksum || type < WHOLE || type > LAST) {
        this.#lose();
        return;
      }
      const record = this.#take(type, block.subarray(at + PIECE_HEADER_BYTES, end));
      if (record !== undefined) yield record;
      at = end;
    }
  }

  /** @returns the record that ends with this piece */
  #take(type: number, content: Buffer): Buffer | undefined {
    if (type === WHOLE || type === FIRST) {
      if (this.#parts !== undefined) this.#lose();
      if (type === WHOLE) return content;
      this.#parts = [];
      this.#sizeBytes = 0;
    }
    // The rest of a record whose beginning was lost, which is counted already.
    if (this.#parts === undefined) return undefined;
    this.#sizeBytes += content.length;
    if (this.#sizeBytes > MAX_RECORD_BYTES || this.#parts.length >= MAX_PIECES)
      throw wandbFailure("wandb.not-records", {
        message: `${this.#path} has a record longer than ${MAX_RECORD_BYTES} bytes, which no W&B client writes`,
      });
    this.#parts.push(Buffer.from(content));
    if (type !== LAST) return undefined;
    const record = Buffer.concat(this.#parts);
    this.#parts = undefined;
    return record;
  }

  #lose(): void {
    this.#damage.damaged++;
    this.#parts = undefined;
  }
}

/** Appends records to a new log. */
export class RecordLogWriter {
  readonly #file: FileHandle;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #position = HEADER_BYTES;

  private constructor(file: FileHandle) {
    this.#file = file;
    this.#put(Buffer.concat([MAGIC, Buffer.from([VERSION])]));
  }

  /** @throws the error of the file system, also where the file exists already */
  static async create(path: string): Promise<RecordLogWriter> {
    return new RecordLogWriter(await open(path, "wx", 0o600));
  }

  /** @throws the error of the file system */
  async append(record: Buffer): Promise<void> {
    for (let from = 0, isFirst = true; ; isFirst = false) {
      let room = BLOCK_BYTES - (this.#position % BLOCK_BYTES);
      if (room < PIECE_HEADER_BYTES) {
        this.#put(Buffer.alloc(room));
        this.#position += room;
        room = BLOCK_BYTES;
      }
      const content = record.subarray(from, from + room - PIECE_HEADER_BYTES);
      from += content.length;
      const isLast = from === record.length;
      const head = Buffer.alloc(PIECE_HEADER_BYTES);
      head.writeUInt16LE(content.length, 4);
      head[6] = isFirst ? (isLast ? WHOLE : FIRST) : isLast ? LAST : MIDDLE;
      head.writeUInt32LE(crc32(content, crc32(head.subarray(6))), 0);
      this.#put(head);
      this.#put(content);
      this.#position += head.length + content.length;
      if (isLast) break;
    }
    if (this.#waitingBytes >= READ_BYTES) await this.#flush();
  }

  /** Writes what waits, to the disk itself. @throws the error of the file system */
  async close(): Promise<void> {
    try {
      await this.#flush();
      await this.#file.sync();
    } finally {
      await this.#file.close();
    }
  }

  #put(bytes: Buffer): void {
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
  }

  async #flush(): Promise<void> {
    const bytes = Buffer.concat(this.#waiting);
    this.#waiting = [];
    this.#waitingBytes = 0;
    for (let at = 0; at < bytes.length; ) at += (await this.#file.write(bytes, at)).bytesWritten;
  }
}
