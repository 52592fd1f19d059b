import { messageOf } from "../base/error.ts";
import { log } from "../base/log.ts";
import { VERSION } from "../config/version.ts";
import { decodeRecord, encodeHeader, encodeRecord, type WandbRecord } from "./record.ts";
import { type LogDamage, RecordLogWriter, readRecordLog } from "./record-log.ts";

/**
 * The records of a `.wandb` file in their order: of its run, rows, summary, system metrics and exit. What is damaged is
 * passed over and told in the log; a file that ends within a record, as one that is still written, just ends there.
 * @param damage tells a caller who wants to know what was passed over
 * @throws Failure `wandb.not-records` when it is no such file; the error of the file system
 */
export async function* readWandbFile(
  path: string,
  damage: LogDamage = { damaged: 0, isCutOff: false },
): AsyncGenerator<WandbRecord> {
  for await (const bytes of readRecordLog(path, damage)) {
    let record: WandbRecord | undefined;
    try {
      record = decodeRecord(bytes);
    } catch (error) {
      damage.damaged++;
      log.debug("A record of a .wandb file cannot be read", { path, reason: messageOf(error) });
    }
    if (record !== undefined) yield record;
  }
  if (damage.damaged > 0)
    log.warn("Parts of a .wandb file are damaged and were passed over", { path, parts: damage.damaged });
}

/** Writes a `.wandb` file, as the official client writes one of an offline run. */
export class WandbFileWriter {
  readonly #log: RecordLogWriter;
  #records = 0;

  private constructor(log: RecordLogWriter) {
    this.#log = log;
  }

  /** @throws the error of the file system, also where the file exists already */
  static async create(path: string): Promise<WandbFileWriter> {
    const writer = new WandbFileWriter(await RecordLogWriter.create(path));
    await writer.#log.append(encodeHeader(VERSION));
    return writer;
  }

  /** The run's record comes first, and the exit last. @throws the error of the file system */
  async write(record: WandbRecord): Promise<void> {
    await this.#log.append(encodeRecord(record, ++this.#records));
  }

  /** Writes what waits. @throws the error of the file system */
  close(): Promise<void> {
    return this.#log.close();
  }
}
