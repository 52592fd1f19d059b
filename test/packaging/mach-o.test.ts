import { beforeEach, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { signAdHoc } from "../../src/packaging/mach-o.ts";
import { scratchFolders } from "../scratch.ts";

const scratch = scratchFolders("mach-o");
const PAGE = 4096;
/** Code and what the linker left, then a signature of somebody else. */
const TEXT_BYTES = 2 * PAGE;
const CODE_BYTES = TEXT_BYTES + PAGE + 100;
const OLD_SIGNATURE_BYTES = 5000;
const SEGMENT_BYTES = 72;
const SIGNATURE_COMMAND_BYTES = 16;

function segment(name: string, start: number, bytes: number): Buffer {
  const command = Buffer.alloc(SEGMENT_BYTES);
  command.writeUInt32LE(0x19, 0);
  command.writeUInt32LE(SEGMENT_BYTES, 4);
  command.write(name, 8);
  command.writeBigUInt64LE(BigInt(start), 40);
  command.writeBigUInt64LE(BigInt(bytes), 48);
  return command;
}

/** The smallest file of the form that the bundler leaves. */
function program(): Buffer {
  const signature = Buffer.alloc(SIGNATURE_COMMAND_BYTES);
  [0x1d, SIGNATURE_COMMAND_BYTES, CODE_BYTES, OLD_SIGNATURE_BYTES].forEach((word, index) => {
    signature.writeUInt32LE(word, 4 * index);
  });
  const commands = Buffer.concat([
    segment("__TEXT", 0, TEXT_BYTES),
    segment("__LINKEDIT", TEXT_BYTES, CODE_BYTES - TEXT_BYTES + OLD_SIGNATURE_BYTES),
    signature,
  ]);
  const header = Buffer.alloc(32);
  header.writeUInt32LE(0xfeedfacf, 0);
  header.writeUInt32LE(3, 16);
  header.writeUInt32LE(commands.length, 20);
  const rest = Buffer.alloc(CODE_BYTES - header.length - commands.length, "code ");
  return Buffer.concat([header, commands, rest, Buffer.alloc(OLD_SIGNATURE_BYTES, "old ")]);
}

let path: string;
beforeEach(() => {
  path = join(scratch(), "program");
  writeFileSync(path, program());
});

test("a program for macOS is signed by the hashes of all of its pages", () => {
  signAdHoc(path);
  const signed = readFileSync(path);
  // The commands tell where the signature is, that it ends the file, and that it belongs to the last segment.
  expect(signed.readUInt32LE(32 + 2 * SEGMENT_BYTES + 8)).toBe(CODE_BYTES);
  expect(signed.readUInt32LE(32 + 2 * SEGMENT_BYTES + 12)).toBe(signed.length - CODE_BYTES);
  expect(Number(signed.readBigUInt64LE(32 + SEGMENT_BYTES + 48))).toBe(signed.length - TEXT_BYTES);
  expect(Number(signed.readBigUInt64LE(32 + SEGMENT_BYTES + 32))).toBe(0x4000);

  const blob = signed.subarray(CODE_BYTES);
  expect([0, 4, 8, 12, 16].map((at) => blob.readUInt32BE(at))).toEqual([0xfade0cc0, blob.length, 1, 0, 20]);
  const directory = blob.subarray(20);
  expect(directory.readUInt32BE(0)).toBe(0xfade0c02);
  expect(directory.readUInt32BE(4)).toBe(directory.length);
  expect(directory.readUInt32BE(12)).toBe(0x20002);
  expect(directory.toString("latin1", directory.readUInt32BE(20)).split("\0")[0]).toBe("openvalidator");
  expect(directory.readUInt32BE(32)).toBe(CODE_BYTES);
  expect([...directory.subarray(36, 40)]).toEqual([32, 2, 0, 12]);
  expect([64, 72, 80].map((at) => Number(directory.readBigUInt64BE(at)))).toEqual([0, TEXT_BYTES, 1]);
  const pages = directory.readUInt32BE(28);
  expect(pages).toBe(4);
  for (let index = 0; index < pages; index++) {
    const at = directory.readUInt32BE(16) + 32 * index;
    const page = signed.subarray(PAGE * index, Math.min(PAGE * (index + 1), CODE_BYTES));
    expect(directory.subarray(at, at + 32)).toEqual(createHash("sha256").update(page).digest());
  }
});

test("a second signature is the same as the first", () => {
  signAdHoc(path);
  const once = readFileSync(path);
  signAdHoc(path);
  expect(readFileSync(path).equals(once)).toBeTrue();
});

test("what is no such program, or ends with something else, is not signed", () => {
  writeFileSync(path, Buffer.alloc(100));
  expect(() => signAdHoc(path)).toThrow("no program for macOS");
  writeFileSync(path, Buffer.concat([program(), Buffer.from("x")]));
  expect(() => signAdHoc(path)).toThrow("not at its end");
});
