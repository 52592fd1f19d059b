import { describe, expect, test } from "bun:test";
import { appendFileSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { crc32, gunzipSync } from "node:zlib";
import { fieldsOf } from "../../src/wandb/protobuf.ts";
import type { WandbRecord } from "../../src/wandb/record.ts";
import { readWandbFile, WandbFileWriter } from "../../src/wandb/record-file.ts";
import { RecordLogWriter, readRecordLog } from "../../src/wandb/record-log.ts";
import { parseRow, textOfPlain, toPlain } from "../../src/wandb/row.ts";
import { scratchFolders } from "../scratch.ts";

const folder = scratchFolders("wandb-records");
const BLOCK_BYTES = 32_768;
/** Written once by the official Python client 0.31.0, offline: five rows, one of them longer than a block. */
const OFFICIAL = join(import.meta.dir, "../golden/wandb/official-0.31.0.wandb.gz");

const RUN: WandbRecord = {
  kind: "run",
  id: "abcd1234",
  entity: "e",
  project: "p",
  displayName: "1-2-abcd1234",
  notes: "a note",
  group: "g",
  jobType: "j",
  tags: ["b", "a"],
  host: "h",
  startedAtMs: 1_767_225_600_250,
  config: { neuron: { device: "auto" }, netuid: 1, x: Number.NEGATIVE_INFINITY },
};

function history(step: number, more: Record<string, unknown> = {}): WandbRecord {
  return { kind: "history", step, row: { loss: step / 8, _step: step, ...more } };
}

async function write(records: readonly WandbRecord[]): Promise<string> {
  const path = join(folder(), "run.wandb");
  const writer = await WandbFileWriter.create(path);
  for (const record of records) await writer.write(record);
  await writer.close();
  return path;
}

async function read(path: string) {
  const damage = { damaged: 0, isCutOff: false };
  const records: WandbRecord[] = [];
  for await (const record of readWandbFile(path, damage)) records.push(record);
  return { records, ...damage };
}

function writeBytes(...parts: (Buffer | number[])[]): string {
  const path = join(folder(), "hostile.wandb");
  writeFileSync(path, Buffer.concat(parts.map((part) => Buffer.from(part))));
  return path;
}

const HEADER = [0x3a, 0x57, 0x26, 0x42, 0xe1, 0xbe, 0];
function piece(type: number, content: Buffer): Buffer {
  const head = Buffer.alloc(7);
  head[6] = type;
  head.writeUInt16LE(content.length, 4);
  head.writeUInt32LE(crc32(Buffer.concat([head.subarray(6), content])), 0);
  return Buffer.concat([head, content]);
}

const steps = (records: readonly WandbRecord[]): number[] =>
  records.flatMap((record) => (record.kind === "history" ? [record.step] : []));

test("a file of the official client is read: run, rows with its numbers, summary, late config, exit", async () => {
  const path = writeBytes(gunzipSync(readFileSync(OFFICIAL)));
  const { records, damaged, isCutOff } = await read(path);
  expect({ damaged, isCutOff }).toEqual({ damaged: 0, isCutOff: false });
  expect(records[0]).toMatchObject({
    kind: "run",
    id: "golden01",
    entity: "e",
    project: "openvalidators",
    displayName: "brave-fox-1",
    notes: "a note",
    group: "g",
    jobType: "j",
    tags: ["b", "a"],
    host: "h",
    config: { neuron: { device: "auto" }, netuid: 1, x: Number.POSITIVE_INFINITY },
  });
  expect(records.flatMap((record) => (record.kind === "history" ? [record.row] : []))).toMatchObject(
    [0, 1, 2, 3, 4].map((row) => ({
      _step: 2 * row,
      loss: row / 8,
      text: 'é\n"NaN" \u2028',
      nested: { a: { b: row }, c: [1, null, "x"] },
      rewards: [0.5, Number.NaN, Number.NEGATIVE_INFINITY],
      series: { é: row },
      ...(row === 2 && { nan: Number.NaN }),
      ...(row === 3 && { long: "x".repeat(40_000) }),
    })),
  );
  expect(records).toContainEqual({ kind: "summary", values: { best: 7 } });
  expect(records).toContainEqual({ kind: "config", config: { late: true } });
  expect(records.at(-1)).toMatchObject({ kind: "exit", exitCode: 3 });
});

test("the writer makes the framing of the official client, byte for byte", async () => {
  // What the official file has as records, put into pieces and blocks by our writer.
  const official = gunzipSync(readFileSync(OFFICIAL));
  const from = writeBytes(official);
  const path = join(folder(), "copy.wandb");
  const writer = await RecordLogWriter.create(path);
  for await (const bytes of readRecordLog(from, { damaged: 0, isCutOff: false }))
    await writer.append(Buffer.from(bytes));
  await writer.close();
  expect(readFileSync(path).equals(official)).toBe(true);
});

test("every record comes back as it was written, at every place of a block", async () => {
  const records: WandbRecord[] = [
    RUN,
    { kind: "config", config: { late: [1, null] } },
    ...Array.from({ length: 200 }, (_, step) =>
      history(step, {
        text: `é"\\\u2028${"x".repeat((step * 997) % 3_000)}`,
        nan: [Number.NaN, "NaN", null],
        ["__proto__"]: 1,
      }),
    ),
    history(200, { long: "y".repeat(300_000) }),
    { kind: "stats", timeMs: 1_767_225_600_125, values: { cpu: 12.5, "gpu.0.gpu": 33 } },
    { kind: "summary", values: { loss: 25, last: Number.POSITIVE_INFINITY } },
    { kind: "exit", exitCode: -1, runtimeSeconds: 77 },
  ];
  const path = await write(records);
  expect(await read(path)).toEqual({ records, damaged: 0, isCutOff: false });
  // The end of a block that is too short for a piece: 0 to 6 bytes.
  for (let rest = 0; rest < 8; rest++) {
    const bytes = BLOCK_BYTES - readFileSync(await write([history(1, { x: "" })])).length - rest;
    const padded = [history(1, { x: "z".repeat(bytes - 4) }), history(2), history(3)];
    expect(await read(await write(padded))).toEqual({ records: padded, damaged: 0, isCutOff: false });
  }
});

test("records are numbered from 1, behind a header that names the writer", async () => {
  const bytes = readFileSync(await write([RUN, history(0)]));
  const first = bytes.subarray(14, 14 + bytes.readUInt16LE(11));
  expect([...fieldsOf(first)].map(({ number }) => number)).toEqual([21]);
  const at = 14 + first.length;
  const second = bytes.subarray(at + 7, at + 7 + bytes.readUInt16LE(at + 4));
  expect([...fieldsOf(second)].map(({ number, value }) => [number, typeof value])).toEqual([
    [1, "bigint"],
    [17, "object"],
  ]);
});

describe("a damaged file", () => {
  const many = [RUN, ...Array.from({ length: 400 }, (_, step) => history(step, { x: "x".repeat(500) }))];

  test("of which a byte is wrong loses what is in that block, and counts it", async () => {
    const path = await write(many);
    const bytes = readFileSync(path);
    bytes[3 * BLOCK_BYTES + 900]! ^= 1;
    writeFileSync(path, bytes);
    const { records, damaged, isCutOff } = await read(path);
    expect({ damaged, isCutOff }).toEqual({ damaged: 1, isCutOff: false });
    const there = new Set(steps(records));
    const missing = Array.from({ length: 400 }, (_, step) => step).filter((step) => !there.has(step));
    expect(missing.length).toBeGreaterThan(40);
    expect(missing.length).toBeLessThan(70);
    expect(missing).toEqual(missing.map((_, index) => missing[0]! + index));
    expect(steps(records).at(-1)).toBe(399);
  });

  test("that is cut off anywhere gives all whole records before", async () => {
    const path = await write(many);
    const { length } = readFileSync(path);
    for (const size of [
      length - 1,
      length - 520,
      5 * BLOCK_BYTES + 3,
      4 * BLOCK_BYTES + 9,
      BLOCK_BYTES - 2,
    ]) {
      truncateSync(path, size);
      const { records, damaged, isCutOff } = await read(path);
      expect({ damaged, isCutOff }).toEqual({ damaged: 0, isCutOff: true });
      expect(steps(records)).toEqual(steps(records).map((_, index) => index));
      expect(steps(records).length).toBeGreaterThan(size / 600 - 10);
    }
  });

  test("that ends in room nobody wrote to is whole", async () => {
    const path = await write(many);
    appendFileSync(path, Buffer.alloc(100_000));
    expect(await read(path)).toMatchObject({ damaged: 0, isCutOff: false });
    expect(steps((await read(path)).records).length).toBe(400);
  });

  test("with records that are none passes over them", async () => {
    const good = readFileSync(await write([history(7)])).subarray(7);
    const broken = [
      Buffer.from([0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]), // a length of 2^64 - 1
      Buffer.from([0x12, 0x05, 0x0a]), // cut off
      Buffer.alloc(11, 0xff), // a number without an end
      Buffer.from([0x0b]), // a group
      Buffer.from([0x12, 0x06, 0x0a, 0x04, 0x82, 0x01, 0x01, 0x7b]), // JSON that is none
    ];
    const path = writeBytes(HEADER, ...broken.map((bytes) => piece(1, bytes)), good);
    const { records, damaged } = await read(path);
    expect(damaged).toBe(broken.length);
    expect(steps(records)).toEqual([7]);
  });

  test("with pieces without a beginning, or without an end, passes over those", async () => {
    const content = Buffer.from([0x08, 0x01]);
    const good = readFileSync(await write([history(7)])).subarray(7);
    const path = writeBytes(HEADER, piece(3, content), piece(4, content), piece(2, content), good);
    const { records, damaged } = await read(path);
    expect(damaged).toBe(1);
    expect(steps(records)).toEqual([7]);
  });
});

describe("a file is refused by a sentence", () => {
  const CASES: [string, () => string, string][] = [
    ["that is empty", () => writeBytes([]), "is not a .wandb file"],
    ["of another kind", () => writeBytes(Buffer.from("PK\x03\x04 something")), "is not a .wandb file"],
    ["of another version", () => writeBytes(HEADER.slice(0, 6), [9]), "of version 9"],
    [
      "with a record that never ends",
      () => {
        const middle = piece(3, Buffer.alloc(BLOCK_BYTES - 7));
        const first = piece(2, Buffer.alloc(BLOCK_BYTES - 14));
        return writeBytes(HEADER, first, ...Array.from({ length: 2_100 }, () => middle));
      },
      "has a record longer than",
    ],
    [
      "with a record of countless pieces",
      () =>
        writeBytes(
          HEADER,
          piece(2, Buffer.alloc(1)),
          ...Array.from({ length: 3_000 }, () => piece(3, Buffer.alloc(1))),
        ),
      "has a record longer than",
    ],
  ];
  test.each(CASES)("%s", async (_, make, words) => {
    const error = await read(make()).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "wandb.not-records", message: expect.stringContaining(words) });
  });
});

test("bare words are numbers outside of texts only", () => {
  const value = {
    a: [Number.NaN, -1 / 0, 1 / 0],
    "NaN ": 'x NaN, "Infinity" \\',
    b: { c: Number.NaN, n: null },
  };
  expect(parseRow(textOfPlain(toPlain(value)))).toEqual(value);
  expect(parseRow('"NaN"')).toBe("NaN");
  // Texts on which a regular expression gives up.
  for (const long of ["x".repeat(4 << 20), '\\"'.repeat(1 << 20)])
    expect(parseRow(textOfPlain(toPlain({ long, nan: Number.NaN })))).toEqual({ long, nan: Number.NaN });
  expect(() => parseRow("{NaN: 1")).toThrow();
});
