import { damaged, quoted, refusedFile } from "./refusal.ts";
import type { WeightsFile } from "./weights-file.ts";

/** A file inside the zip, whose bytes stand there as they are. */
export interface ZipEntry {
  name: string;
  /** Of its first byte in the zip. */
  offset: number;
  size: number;
  crc32: number;
}

const SIGNATURE = {
  end: 0x06054b50,
  end64: 0x06064b50,
  locator64: 0x07064b50,
  entry: 0x02014b50,
  local: 0x04034b50,
};
const END_BYTES = 22;
const LOCATOR64_BYTES = 20;
const END64_BYTES = 56;
const ENTRY_BYTES = 46;
const LOCAL_BYTES = 30;
/** Stands where the real number is in the part for large files. */
const IN_ZIP64 = { short: 0xffff, long: 0xffffffff };
const ZIP64_FIELD = 1;
const ENCRYPTED = 1;
/** The largest state dicts here have some hundred tensors, 100 bytes each. */
const MAX_DIRECTORY_BYTES = 4_000_000;
const MAX_NAME_BYTES = 512;
const PLAIN = "save it again with torch.save, or take a checkpoint in safetensors";

/**
 * The files of a zip as torch.save writes it: none of them compressed, none over another, the directory last.
 * APPNOTE.TXT 6.3.10 of PKWARE.
 * @throws Failure `model.corrupt` for a zip that lies, `model.refused` for what torch.save does not write
 */
export async function readZipEntries(file: WeightsFile): Promise<Map<string, ZipEntry>> {
  const directory = await directoryOf(file);
  if (directory.size > MAX_DIRECTORY_BYTES)
    throw refusedFile(
      file.name,
      `has a zip directory of ${directory.size} bytes, and no model here needs that`,
      PLAIN,
    );
  const bytes = await file.bytes(directory.offset, directory.size);
  const entries = new Map<string, ZipEntry>();
  const places: { start: number; end: number; name: string }[] = [];
  let at = 0;
  while (at < bytes.length) {
    const { headerAt, nextAt, ...entry } = entryAt(file.name, bytes, at);
    if (entries.has(entry.name)) throw damaged(file.name, `has two files called ${quoted(entry.name)}`);
    const offset = await contentAt(file, headerAt, entry.name);
    entries.set(entry.name, { ...entry, offset });
    places.push({ start: headerAt, end: offset + entry.size, name: entry.name });
    at = nextAt;
  }
  if (entries.size !== directory.count)
    throw damaged(file.name, `tells of ${directory.count} files, and its directory lists ${entries.size}`);
  places.sort((a, b) => a.start - b.start);
  for (const [index, { end, name }] of places.entries()) {
    const limit = places[index + 1]?.start ?? directory.offset;
    if (end > limit) throw damaged(file.name, `has ${quoted(name)} over the bytes of what follows it`);
  }
  return entries;
}

interface Directory {
  offset: number;
  size: number;
  count: number;
}

async function directoryOf(file: WeightsFile): Promise<Directory> {
  const endAt = file.size - END_BYTES;
  const end = endAt < 0 ? undefined : await viewOf(file, endAt, END_BYTES);
  if (end?.getUint32(0, true) !== SIGNATURE.end)
    throw damaged(file.name, "does not end as a zip does: it was cut, or is none");
  const told: Directory = {
    offset: end.getUint32(16, true),
    size: end.getUint32(12, true),
    count: end.getUint16(10, true),
  };
  const locatorAt = endAt - LOCATOR64_BYTES;
  const locator = locatorAt < 0 ? undefined : await viewOf(file, locatorAt, LOCATOR64_BYTES);
  let limit = endAt;
  if (locator?.getUint32(0, true) === SIGNATURE.locator64) {
    limit = wholeNumber(file.name, locator, 8);
    const end64 = limit > locatorAt - END64_BYTES ? undefined : await viewOf(file, limit, END64_BYTES);
    if (end64?.getUint32(0, true) !== SIGNATURE.end64)
      throw damaged(file.name, "says that its zip64 directory ends where it does not");
    const large: Directory = {
      offset: wholeNumber(file.name, end64, 48),
      size: wholeNumber(file.name, end64, 40),
      count: wholeNumber(file.name, end64, 32),
    };
    // Readers differ in which of two answers they take, so there must be one.
    if (
      !agree(told.offset, large.offset, IN_ZIP64.long) ||
      !agree(told.size, large.size, IN_ZIP64.long) ||
      !agree(told.count, large.count, IN_ZIP64.short)
    )
      throw damaged(file.name, "has two zip directories that contradict each other");
    Object.assign(told, large);
  }
  if (told.offset + told.size !== limit)
    throw damaged(file.name, "has a zip directory that is not at its end");
  return told;
}

function agree(small: number, large: number, inZip64: number): boolean {
  return small === large || small === inZip64;
}

function entryAt(
  file: string,
  bytes: Uint8Array<ArrayBuffer>,
  at: number,
): Omit<ZipEntry, "offset"> & { headerAt: number; nextAt: number } {
  const view = new DataView(bytes.buffer, at);
  if (view.byteLength < ENTRY_BYTES || view.getUint32(0, true) !== SIGNATURE.entry)
    throw damaged(file, "has a zip directory that breaks off");
  const nameBytes = view.getUint16(28, true);
  const extraBytes = view.getUint16(30, true);
  const commentBytes = view.getUint16(32, true);
  const nextAt = at + ENTRY_BYTES + nameBytes + extraBytes + commentBytes;
  if (nextAt > bytes.length) throw damaged(file, "has a zip directory that breaks off");
  const nameAt = at + ENTRY_BYTES;
  const name = nameOf(file, bytes.subarray(nameAt, nameAt + nameBytes));
  const method = view.getUint16(10, true);
  if ((view.getUint16(8, true) & ENCRYPTED) !== 0)
    throw refusedFile(file, `has ${quoted(name)} encrypted`, PLAIN);
  if (method !== 0)
    throw refusedFile(
      file,
      `has ${quoted(name)} compressed (method ${method}), which torch.save never does`,
      PLAIN,
    );
  const extra = new DataView(bytes.buffer, nameAt + nameBytes, extraBytes);
  const [size, compressed, headerAt] = largeNumbers(file, name, extra, [
    view.getUint32(24, true),
    view.getUint32(20, true),
    view.getUint32(42, true),
  ]);
  if (size !== compressed)
    throw damaged(file, `gives two sizes for ${quoted(name)}, which is not compressed`);
  return { name, size, crc32: view.getUint32(16, true), headerAt, nextAt };
}

function nameOf(file: string, bytes: Uint8Array): string {
  let name: string;
  try {
    name = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw damaged(file, "has a file inside whose name is not written in UTF-8", { cause });
  }
  const isPath = name.split("/").every((part) => part !== "" && part !== "." && part !== "..");
  if (!isPath || name.includes("\\") || name.includes("\0") || bytes.length > MAX_NAME_BYTES)
    throw refusedFile(file, `has a file inside whose name is no plain path: ${quoted(name)}`, PLAIN);
  return name;
}

/** Uncompressed size, compressed size and place, each from the part for large files where the entry says so. */
function largeNumbers(
  file: string,
  name: string,
  extra: DataView<ArrayBuffer>,
  numbers: [number, number, number],
): [number, number, number] {
  const broken = damaged(file, `has ${quoted(name)} with a broken part for large files`);
  let large: DataView<ArrayBuffer> | undefined;
  for (let at = 0; at < extra.byteLength; ) {
    if (at + 4 > extra.byteLength) throw broken;
    const length = extra.getUint16(at + 2, true);
    if (at + 4 + length > extra.byteLength) throw broken;
    if (extra.getUint16(at, true) === ZIP64_FIELD) {
      if (large !== undefined) throw broken;
      large = new DataView(extra.buffer, extra.byteOffset + at + 4, length);
    }
    at += 4 + length;
  }
  let at = 0;
  return numbers.map((number) => {
    if (number !== IN_ZIP64.long) return number;
    if (large === undefined || at + 8 > large.byteLength) throw broken;
    at += 8;
    return wholeNumber(file, large, at - 8);
  }) as [number, number, number];
}

/** Where the content begins: after the header before it, which must be that of the same file. */
async function contentAt(file: WeightsFile, headerAt: number, name: string): Promise<number> {
  const wrong = (): Error => damaged(file.name, `says that ${quoted(name)} lies where it does not`);
  if (headerAt + LOCAL_BYTES > file.size) throw wrong();
  const header = await viewOf(file, headerAt, LOCAL_BYTES);
  const nameBytes = header.getUint16(26, true);
  const start = headerAt + LOCAL_BYTES + nameBytes + header.getUint16(28, true);
  if (header.getUint32(0, true) !== SIGNATURE.local || header.getUint16(8, true) !== 0 || start > file.size)
    throw wrong();
  const local = await file.bytes(headerAt + LOCAL_BYTES, nameBytes);
  if (!Buffer.from(name).equals(local)) throw wrong();
  return start;
}

async function viewOf(file: WeightsFile, offset: number, length: number): Promise<DataView<ArrayBuffer>> {
  return new DataView((await file.bytes(offset, length)).buffer);
}

function wholeNumber(file: string, view: DataView, at: number): number {
  const number = Number(view.getBigUint64(at, true));
  if (Number.isSafeInteger(number)) return number;
  throw damaged(file, "has a number in its zip directory that is larger than any file");
}
