import { createHash } from "node:crypto";
import { closeSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from "node:fs";
import { BuildError } from "./targets.ts";

const MAGIC_64 = 0xfeedfacf;
const HEADER_BYTES = 32;
const LC_SEGMENT_64 = 0x19;
const LC_CODE_SIGNATURE = 0x1d;
/** cs_blobs.h of XNU. */
const SUPER_BLOB = 0xfade0cc0;
const CODE_DIRECTORY = 0xfade0c02;
/** With the range of the text segment, which macOS asks for. */
const VERSION = 0x20400;
const AD_HOC = 0x2;
const LINKER_SIGNED = 0x20000;
const MAIN_BINARY = 1;
const SHA256 = 2;
const HASH_BYTES = 32;
const PAGE_BITS = 12;
const PAGE = 1 << PAGE_BITS;
const BLOB_HEADER_BYTES = 20;
const DIRECTORY_BYTES = 88;
/** Memory of a segment is a whole number of these on every Mac. */
const SEGMENT_PAGE = 0x4000;
const IDENTIFIER = Buffer.from("openvalidator\0");

/**
 * Signs a program for macOS by its own hashes ("ad hoc"), in the place of the signature that it has. Bun 1.4.5 does so for
 * Apple silicon; for Intel it leaves the signature of its own executable, which fits no more once ours is inside, and macOS
 * ends such a program at its start.
 * @throws BuildError when the file is no such program
 */
export function signAdHoc(path: string): void {
  const file = openSync(path, "r+");
  try {
    const { commands, text, linkEdit, signature } = readCommands(file);
    const codeBytes = commands.readUInt32LE(signature + 8);
    const pages = Math.ceil(codeBytes / PAGE);
    const blobBytes = BLOB_HEADER_BYTES + DIRECTORY_BYTES + IDENTIFIER.length + pages * HASH_BYTES;
    const endBytes = codeBytes + blobBytes;
    commands.writeUInt32LE(blobBytes, signature + 12);
    const linkEditBytes = endBytes - Number(commands.readBigUInt64LE(linkEdit + 40));
    commands.writeBigUInt64LE(BigInt(Math.ceil(linkEditBytes / SEGMENT_PAGE) * SEGMENT_PAGE), linkEdit + 32);
    commands.writeBigUInt64LE(BigInt(linkEditBytes), linkEdit + 48);
    // Before the pages are hashed: the commands lie in the first ones.
    writeSync(file, commands, 0, commands.length, 0);
    const textRange = {
      start: commands.readBigUInt64LE(text + 40),
      bytes: commands.readBigUInt64LE(text + 48),
    };
    const blob = Buffer.alloc(blobBytes);
    writeHeaders(blob, { codeBytes, pages, textRange });
    hashPages(file, codeBytes, blob.subarray(BLOB_HEADER_BYTES + DIRECTORY_BYTES + IDENTIFIER.length));
    writeSync(file, blob, 0, blob.length, codeBytes);
    ftruncateSync(file, endBytes);
  } finally {
    closeSync(file);
  }
}

/** The header with its commands, and where in it the ones stand that a signature changes. */
function readCommands(file: number): { commands: Buffer; text: number; linkEdit: number; signature: number } {
  const header = Buffer.alloc(HEADER_BYTES);
  readSync(file, header, 0, HEADER_BYTES, 0);
  if (header.readUInt32LE(0) !== MAGIC_64) throw new BuildError("this is no program for macOS");
  const commands = Buffer.alloc(HEADER_BYTES + header.readUInt32LE(20));
  readSync(file, commands, 0, commands.length, 0);
  const found: Record<string, number> = {};
  let at = HEADER_BYTES;
  for (let left = header.readUInt32LE(16); left > 0; left--) {
    const command = commands.readUInt32LE(at);
    if (command === LC_CODE_SIGNATURE) found.signature = at;
    if (command === LC_SEGMENT_64)
      found[commands.toString("latin1", at + 8, at + 24).replace(/\0+$/, "")] = at;
    at += commands.readUInt32LE(at + 4);
  }
  const { __TEXT: text, __LINKEDIT: linkEdit, signature } = found;
  if (text === undefined || linkEdit === undefined || signature === undefined)
    throw new BuildError("this program for macOS has no place for a signature");
  const signatureEnd = commands.readUInt32LE(signature + 8) + commands.readUInt32LE(signature + 12);
  if (signatureEnd !== fstatSync(file).size)
    throw new BuildError("the signature of this program for macOS is not at its end");
  return { commands, text, linkEdit, signature };
}

interface Directory {
  codeBytes: number;
  pages: number;
  textRange: { start: bigint; bytes: bigint };
}

/** A blob with one part: the directory of hashes. Numbers are big-endian here, unlike in the rest of the file. */
function writeHeaders(blob: Buffer, { codeBytes, pages, textRange }: Directory): void {
  [SUPER_BLOB, blob.length, 1, 0, BLOB_HEADER_BYTES].forEach((word, index) => {
    blob.writeUInt32BE(word, 4 * index);
  });
  const directory = blob.subarray(BLOB_HEADER_BYTES);
  const hashesAt = DIRECTORY_BYTES + IDENTIFIER.length;
  const words = [
    ...[CODE_DIRECTORY, directory.length, VERSION, AD_HOC | LINKER_SIGNED],
    ...[hashesAt, DIRECTORY_BYTES, 0, pages, codeBytes],
  ];
  words.forEach((word, index) => {
    directory.writeUInt32BE(word, 4 * index);
  });
  directory.set([HASH_BYTES, SHA256, 0, PAGE_BITS], 36);
  directory.writeBigUInt64BE(textRange.start, 64);
  directory.writeBigUInt64BE(textRange.bytes, 72);
  directory.writeBigUInt64BE(BigInt(MAIN_BINARY), 80);
  IDENTIFIER.copy(directory, DIRECTORY_BYTES);
}

function hashPages(file: number, codeBytes: number, hashes: Buffer): void {
  const page = Buffer.alloc(PAGE);
  for (let at = 0, index = 0; at < codeBytes; at += PAGE, index++) {
    // The last page is hashed as it is, without what would fill it.
    const read = readSync(file, page, 0, Math.min(PAGE, codeBytes - at), at);
    createHash("sha256")
      .update(page.subarray(0, read))
      .digest()
      .copy(hashes, index * HASH_BYTES);
  }
}
