import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isFailure } from "../../../src/base/error.ts";
import { openCheckpoint } from "../../../src/models/build/checkpoint/open-checkpoint.ts";
import { floatsFile, joined, P, rawSafetensors, safetensorsOf, torchZipOf } from "./checkpoint-files.ts";

const FIXTURES = join(import.meta.dir, "../../fixtures/torch-zip");
const EXTREMES = [
  0,
  1,
  0x7f,
  0x80,
  0xff,
  0xffff,
  0x7fffffff,
  0xfffffffe,
  0xffffffff,
  2 ** 53,
  2 ** 64 - 2 ** 11,
];

export interface FuzzResult {
  rounds: number;
  opened: number;
  /** Kinds of sentences that were given, names and numbers left out, with how often. */
  refusals: Map<string, number>;
  /** Largest memory of the process that was seen. */
  rssBytes: number;
}

/** Mulberry32: the same numbers for a seed everywhere. */
function randomOf(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}
type Random = ReturnType<typeof randomOf>;

/** Changes one to four places: bits, bytes, numbers at the ends of their range, pieces lost, doubled or from elsewhere. */
function mutated(bytes: Uint8Array, random: Random, other: Uint8Array): Uint8Array {
  let result: Uint8Array = bytes.slice();
  for (let change = random(4); change >= 0 && result.length > 0; change--) {
    const at = random(result.length);
    const length = random(Math.min(64, result.length - at) + 1);
    switch (random(8)) {
      case 0:
        result[at]! ^= 1 << random(8);
        break;
      case 1:
        result[at] = random(256);
        break;
      case 2: {
        const view = new DataView(new ArrayBuffer(8));
        view.setBigUint64(0, BigInt(EXTREMES[random(EXTREMES.length)]!), true);
        const size = [1, 2, 4, 8][random(4)]!;
        result.set(new Uint8Array(view.buffer, 0, Math.min(size, result.length - at)), at);
        break;
      }
      case 3:
        result = joined(result.subarray(0, at), result.subarray(at + length));
        break;
      case 4:
        result = joined(result.subarray(0, at + length), result.subarray(at));
        break;
      case 5:
        result = result.slice(0, at);
        break;
      case 6: {
        const from = random(other.length);
        result = joined(
          result.subarray(0, at),
          other.subarray(from, from + length),
          result.subarray(at + length),
        );
        break;
      }
      default:
        result = joined(
          result.subarray(0, at),
          new Uint8Array(length).fill(random(256)),
          result.subarray(at),
        );
    }
  }
  return result;
}

const VALUES = [
  0,
  1,
  -1,
  3.5,
  4,
  8,
  24,
  1e9,
  2 ** 53,
  1e300,
  null,
  "",
  "F16",
  "I64",
  "F99",
  [],
  {},
  [0, 4],
  true,
];

/** A header of the right form but for one or two of its values. */
function lyingHeader(random: Random): Uint8Array {
  const header: Record<string, Record<string, unknown>> = {
    a: { dtype: "F32", shape: [2, 3], data_offsets: [0, 24] },
    b: { dtype: "BF16", shape: [4], data_offsets: [24, 32] },
    c: { dtype: "I64", shape: [1], data_offsets: [32, 40] },
  };
  for (let change = random(2); change >= 0; change--) {
    const entry = header["abc"[random(3)]!]!;
    const field = ["dtype", "shape", "data_offsets"][random(3)]!;
    const value = VALUES[random(VALUES.length)];
    const list = entry[field];
    if (Array.isArray(list) && list.length > 0 && random(2) === 0)
      entry[field] = list.with(random(list.length), value);
    else entry[field] = value;
  }
  return safetensorsOf(header, new Uint8Array(40));
}

const DATA = { 0: new Uint8Array(16), 1: new Uint8Array(8) };
const PICKLE = P.file(
  P.text("w"),
  P.tensor(P.storage("FloatStorage", "0", 4), 0, [2, 2], [2, 1]),
  P.text("v"),
  P.tensor(P.storage("HalfStorage", "1", 4), 1, [3], [1]),
);

function caseOf(seed: number, bases: readonly Uint8Array[]): { name: string; bytes: Uint8Array } {
  const random = randomOf(seed);
  const safetensors = bases[0]!;
  const torch = bases[1 + random(bases.length - 1)]!;
  switch (random(5)) {
    case 0:
      return { name: "model.safetensors", bytes: mutated(safetensors, random, torch) };
    case 1: {
      // With the right length, so that what is inside the header is met.
      const length = Number(new DataView(safetensors.buffer).getBigUint64(0, true));
      const header = mutated(safetensors.subarray(8, 8 + length), random, safetensors);
      return { name: "model.safetensors", bytes: rawSafetensors(header, safetensors.subarray(8 + length)) };
    }
    case 2:
      return { name: "model.safetensors", bytes: lyingHeader(random) };
    case 3:
      return { name: "pytorch_model.bin", bytes: mutated(torch, random, safetensors) };
    default: {
      // With the right checksum, so that what is inside the pickle is met.
      const pickle = mutated(Buffer.from(PICKLE, "latin1"), random, torch);
      return { name: "pytorch_model.bin", bytes: torchZipOf(Buffer.from(pickle).toString("latin1"), DATA) };
    }
  }
}

/**
 * Opens files that were changed at random, and reads every number of those that are opened.
 * @param until milliseconds of performance.now() after which no further round begins
 * @throws for whatever is no Failure with a sentence and a hint, and for a tensor of another length than its shape; the
 * message tells the seed
 */
export async function fuzzCheckpoints(rounds: number, until = Number.POSITIVE_INFINITY): Promise<FuzzResult> {
  const bases = [
    floatsFile({
      "a.weight": { shape: [2, 3], values: [1, 2, 3, 4, 5, 6] },
      "a.bias": { shape: [2], values: [7, 8] },
    }),
    ...["tensors", "module", "script"].map(
      (name) => new Uint8Array(readFileSync(join(FIXTURES, `${name}.bin`))),
    ),
  ];
  const folder = mkdtempSync(join(tmpdir(), "ov-fuzz-"));
  const result: FuzzResult = { rounds: 0, opened: 0, refusals: new Map(), rssBytes: 0 };
  try {
    writeFileSync(join(folder, "config.json"), "{}");
    for (let seed = 1; seed <= rounds && performance.now() < until; seed++) {
      const { name, bytes } = caseOf(seed, bases);
      writeFileSync(join(folder, name), bytes);
      const sentence = await readAll(folder).catch((error) => {
        throw new Error(`seed ${seed}: ${error}`, { cause: error });
      });
      rmSync(join(folder, name));
      result.rounds++;
      if (seed % 20 === 0) result.rssBytes = Math.max(result.rssBytes, process.memoryUsage.rss());
      if (sentence === undefined) result.opened++;
      else result.refusals.set(sentence, (result.refusals.get(sentence) ?? 0) + 1);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  return result;
}

/** @returns the kind of sentence that the folder was refused with; undefined where all of it was read */
async function readAll(folder: string): Promise<string | undefined> {
  try {
    const checkpoint = await openCheckpoint(folder);
    try {
      for (const { name, shape } of checkpoint.tensors.values()) {
        let count = 0;
        for await (const piece of checkpoint.read(name)) count += piece.length;
        const expected = shape.reduce((product, length) => product * length, 1);
        if (count !== expected) throw new Error(`${count} numbers of ${expected}`);
      }
    } finally {
      await checkpoint.close();
    }
    return undefined;
  } catch (error) {
    if (!isFailure(error) || !error.code.startsWith("model.") || (error.hint ?? "").length < 20) throw error;
    return error.message.replaceAll(/"[^"]*"/g, "…").replaceAll(/-?\d[\d.e+]*/g, "N");
  }
}

// Run alone, so that its memory can be measured: rounds, then milliseconds.
if (import.meta.main) {
  // What the first rounds load and compile is no memory of a hostile file.
  await fuzzCheckpoints(100);
  Bun.gc(true);
  const before = process.memoryUsage.rss();
  const began = performance.now();
  const { refusals, rssBytes, ...counts } = await fuzzCheckpoints(
    Number(process.argv[2]),
    began + Number(process.argv[3] ?? Number.POSITIVE_INFINITY),
  );
  const grownBytes = Math.max(0, rssBytes - before);
  const seconds = (performance.now() - began) / 1000;
  process.stdout.write(`${JSON.stringify({ ...counts, kinds: refusals.size, grownBytes, seconds })}\n`);
}
