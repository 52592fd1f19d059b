import { describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, statSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openCheckpoint } from "../../../src/models/build/checkpoint/open-checkpoint.ts";
import { scratchFolders } from "../../scratch.ts";
import {
  contentOf,
  floatsFile,
  joined,
  rawSafetensors,
  refusal,
  safetensorsOf,
  writeFolder,
} from "./checkpoint-files.ts";

const scratch = scratchFolders("safetensors");
const folderOf = (files: Record<string, Uint8Array | string>): string => writeFolder(scratch(), files);
const F32 = (shape: number[], from: number, to: number) => ({
  dtype: "F32",
  shape,
  data_offsets: [from, to],
});

describe("a safetensors file", () => {
  test("gives float32, float16 and bfloat16 exactly, and names what is none of them", async () => {
    const bytes = joined(
      new Uint8Array(new Float32Array([1.1, -2, Infinity, 1e-45]).buffer),
      new Uint8Array(new Float16Array([0.1, -65504, 6e-8]).buffer),
      new Uint8Array(new Uint16Array([0x3f80, 0xc2f7, 0x0001]).buffer),
      new Uint8Array(new BigInt64Array([7n]).buffer),
    );
    const folder = folderOf({
      "config.json": '{"model_type":"bert"}',
      "model.safetensors": safetensorsOf(
        {
          __metadata__: { format: "pt" },
          half: { dtype: "F16", shape: [3], data_offsets: [16, 22] },
          single: F32([2, 2], 0, 16),
          brain: { dtype: "BF16", shape: [3, 1], data_offsets: [22, 28] },
          ids: { dtype: "I64", shape: [], data_offsets: [28, 36] },
        },
        bytes,
      ),
    });
    expect(await contentOf(folder)).toEqual({
      half: [...new Float16Array([0.1, -65504, 6e-8])],
      single: [...new Float32Array([1.1, -2, Infinity, 1e-45])],
      brain: [1, -123.5, 2 ** -133],
    });
    const checkpoint = await openCheckpoint(folder);
    expect(checkpoint.config).toEqual({ model_type: "bert" });
    expect([...checkpoint.others]).toEqual([["ids", "I64"]]);
    expect(checkpoint.tensors.get("single")).toMatchObject({ dtype: "F32", shape: [2, 2] });
    await checkpoint.close();
  });

  test("may be large: two places that no product of them fits", async () => {
    const half = 26_000_000;
    const folder = folderOf({
      "model.safetensors": safetensorsOf({ a: F32([half], 0, 4 * half), b: F32([half], 4 * half, 8 * half) }),
    });
    const path = join(folder, "model.safetensors");
    // Its zeros take no place on the disk.
    truncateSync(path, statSync(path).size + 8 * half);
    const checkpoint = await openCheckpoint(folder);
    expect([...checkpoint.tensors.keys()]).toEqual(["a", "b"]);
    await checkpoint.close();
  });

  test("is read by rows, in pieces of whole rows", async () => {
    const values = Array.from({ length: 3000 * 1000 }, (_, index) => index);
    const folder = folderOf({ "model.safetensors": floatsFile({ big: { shape: [3000, 1000], values } }) });
    const checkpoint = await openCheckpoint(folder);
    const lengths: number[] = [];
    let next = 0;
    let wrong = 0;
    for await (const piece of checkpoint.read("big")) {
      lengths.push(piece.length);
      for (const value of piece) if (value !== next++) wrong++;
    }
    expect({ next, wrong }).toEqual({ next: values.length, wrong: 0 });
    expect(lengths).toEqual([1048 * 1000, 1048 * 1000, 904 * 1000]);
    const rows: number[] = [];
    for await (const piece of checkpoint.read("big", { from: 2998, to: 2999 })) rows.push(...piece);
    expect(rows).toEqual(values.slice(2_998_000, 2_999_000));
    const none = async (range: { from?: number; to?: number }): Promise<void> => {
      for await (const _ of checkpoint.read("big", range));
    };
    for (const range of [{ to: 3001 }, { from: -1 }, { from: 2, to: 1 }, { from: 0.5 }])
      await expect(none(range)).rejects.toBeInstanceOf(RangeError);
    await checkpoint.close();
  });

  test("gives a row that is larger than a piece in parts", async () => {
    const values = Array.from({ length: 1_500_000 }, (_, index) => index % 1000);
    const folder = folderOf({
      "model.safetensors": floatsFile({ row: { shape: [1, values.length], values } }),
    });
    const checkpoint = await openCheckpoint(folder);
    const lengths: number[] = [];
    for await (const piece of checkpoint.read("row")) lengths.push(piece.length);
    expect(lengths).toEqual([1_048_576, 451_424]);
    await checkpoint.close();
  });

  test("may hold a tensor of no numbers, and names that every object has", async () => {
    const folder = folderOf({
      "model.safetensors": safetensorsOf(
        `{"empty":{"dtype":"F32","shape":[0,9007199254740991,4096],"data_offsets":[0,0]},"__proto__":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"constructor":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`,
        new Uint8Array(new Float32Array([3, 4]).buffer),
      ),
    });
    const content = await contentOf(folder);
    expect(Object.entries(content)).toEqual([
      ["empty", []],
      ["__proto__", [3]],
      ["constructor", [4]],
    ]);
    const checkpoint = await openCheckpoint(folder);
    expect(checkpoint.tensors.has("toString")).toBe(false);
    const missing = checkpoint.read("toString")[Symbol.asyncIterator]().next();
    await expect(missing).rejects.toMatchObject({
      code: "model.missing",
      message: expect.stringContaining("toString"),
    });
    await checkpoint.close();
  });

  test("that becomes shorter while it is read is told", async () => {
    const folder = folderOf({ "model.safetensors": floatsFile({ a: { shape: [4], values: [1, 2, 3, 4] } }) });
    const checkpoint = await openCheckpoint(folder);
    truncateSync(join(folder, "model.safetensors"), 70);
    await expect(checkpoint.read("a")[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: "model.corrupt",
      message: "model.safetensors became shorter while it was read",
    });
    await checkpoint.close();
  });
});

describe("a header", () => {
  const one = new Uint8Array(4);
  const cases: [string, Uint8Array, string][] = [
    ["no length", new Uint8Array(7), "has 7 bytes, too few"],
    [
      "a length beyond the file",
      rawSafetensors(new Uint8Array(2), one, 2n ** 63n),
      "tells of a header of 9223372036854775808 bytes, and has 14 in all",
    ],
    [
      "a length without need",
      rawSafetensors(new Uint8Array(3_000_000), one),
      "has a header of 3000000 bytes",
    ],
    [
      "no UTF-8",
      rawSafetensors(Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d), one),
      "is not written in UTF-8",
    ],
    ["no JSON", safetensorsOf('{"a":'), "is no JSON"],
    ["a text that does not end", safetensorsOf(`{"${'\\"'.repeat(500_000)}`), "is no JSON"],
    ["a list", safetensorsOf("[]"), "holds no JSON object"],
    ["null", safetensorsOf("null"), "holds no JSON object"],
    ["nesting", safetensorsOf(`{"a":${"[".repeat(900_000)}`), "is nested deeper than 16 levels"],
    [
      "a name twice",
      safetensorsOf(
        '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"\\u0061":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
        one,
      ),
      'names "a" twice',
    ],
    [
      "a field twice",
      safetensorsOf('{"a":{"dtype":"F32","shape":[1],"shape":[2],"data_offsets":[0,4]}}', one),
      'names "shape" twice',
    ],
    [
      "another field",
      safetensorsOf({ a: { ...F32([1], 0, 4), strides: [1] } }, one),
      'says of "a" something else than',
    ],
    ["no entry", safetensorsOf({ a: null }), 'says of "a" something else than'],
    [
      "a lacking field",
      safetensorsOf({ a: { dtype: "F32", shape: [1] } }),
      'says of "a" something else than',
    ],
    [
      "an unknown type",
      safetensorsOf({ a: { dtype: "F4", shape: [8], data_offsets: [0, 4] } }, one),
      'its type is "F4"',
    ],
    [
      "a type of every object",
      safetensorsOf({ a: { dtype: "toString", shape: [1], data_offsets: [0, 4] } }, one),
      'its type is "toString"',
    ],
    ["a negative shape", safetensorsOf({ a: F32([-1, -1], 0, 4) }, one), 'says of "a" a shape that is none'],
    [
      "a shape of texts",
      safetensorsOf({ a: { dtype: "F32", shape: ["1"], data_offsets: [0, 4] } }, one),
      "a shape that is none",
    ],
    [
      "a shape beyond any number",
      safetensorsOf({ a: F32([2 ** 40, 2 ** 40], 0, 4) }, one),
      "a shape that is none",
    ],
    [
      "nine dimensions",
      safetensorsOf({ a: F32([1, 1, 1, 1, 1, 1, 1, 1, 1], 0, 4) }, one),
      "a shape that is none",
    ],
    [
      "a shape that is too small",
      safetensorsOf({ a: F32([1], 0, 8) }, new Uint8Array(8)),
      "its shape and type need 4 bytes",
    ],
    ["places backwards", safetensorsOf({ a: F32([1], 4, 0) }, one), "lies from 4 to 0"],
    [
      "three places",
      safetensorsOf({ a: { dtype: "F32", shape: [1], data_offsets: [0, 4, 8] } }, one),
      "data_offsets that are not two places",
    ],
    ["half a place", safetensorsOf({ a: F32([1], 0.5, 4.5) }, one), "data_offsets that are not two places"],
    [
      "a place beyond the file",
      safetensorsOf({ a: F32([2], 0, 8) }, one),
      'ends at byte 4 of its data, and "a" goes on to 8',
    ],
    [
      "overlap",
      safetensorsOf({ a: F32([2], 0, 8), b: F32([2], 4, 12) }, new Uint8Array(12)),
      'has "b" over the bytes of "a"',
    ],
    [
      "the same bytes for two",
      safetensorsOf({ a: F32([1], 0, 4), b: F32([1], 0, 4) }, one),
      'has "b" over the bytes of "a"',
    ],
    [
      "a hole",
      safetensorsOf({ a: F32([1], 0, 4), b: F32([1], 8, 12) }, new Uint8Array(12)),
      'has 4 bytes that belong to nothing before "b"',
    ],
    [
      "a tail",
      safetensorsOf({ a: F32([1], 0, 4) }, new Uint8Array(9)),
      "has 5 bytes that belong to nothing at its end",
    ],
    ["metadata of numbers", safetensorsOf({ __metadata__: { a: 1 } }), "has __metadata__ that is not texts"],
    [
      "a long name",
      safetensorsOf({ ["n".repeat(300)]: F32([1], 0, 4) }, one),
      "whose name is 300 characters long",
    ],
    [
      "a name that writes on the terminal",
      safetensorsOf({ "\u001b[2J": F32([2], 0, 4) }, one),
      'says of "\\u{1b}[2J"',
    ],
  ];
  test.each(cases)("with %s gets a sentence", async (_, bytes, sentence) => {
    const error = await refusal(folderOf({ "model.safetensors": bytes }));
    expect(error.message).toStartWith("model.safetensors ");
    expect(error.message).toContain(sentence);
    expect(["model.corrupt", "model.refused"]).toContain(error.code);
    expect(error.hint!.length).toBeGreaterThan(20);
  });
});

describe("shards", () => {
  const first = floatsFile({ a: { shape: [1], values: [1] } });
  const second = floatsFile({ b: { shape: [2], values: [2, 3] } });
  const indexOf = (map: unknown): string => JSON.stringify({ metadata: { total_size: 12 }, weight_map: map });
  const good = {
    "model.safetensors.index.json": indexOf({ a: "one.safetensors", b: "two.safetensors" }),
    "one.safetensors": first,
    "two.safetensors": second,
  };

  test("are one checkpoint", async () => {
    expect(await contentOf(folderOf(good))).toEqual({ a: [1], b: [2, 3] });
  });

  const cases: [string, Record<string, Uint8Array | string>, string][] = [
    [
      "that is missing",
      { "model.safetensors.index.json": good["model.safetensors.index.json"], "one.safetensors": first },
      "two.safetensors cannot be found",
    ],
    [
      "that was swapped for another",
      { ...good, "two.safetensors": floatsFile({ c: { shape: [1], values: [1] } }) },
      'two.safetensors holds "c", which the index puts elsewhere',
    ],
    [
      "that lacks a tensor",
      {
        ...good,
        "model.safetensors.index.json": indexOf({
          a: "one.safetensors",
          c: "one.safetensors",
          b: "two.safetensors",
        }),
      },
      'one.safetensors lacks "c"',
    ],
    [
      "with a tensor of another",
      {
        ...good,
        "two.safetensors": floatsFile({ a: { shape: [1], values: [9] }, b: { shape: [1], values: [1] } }),
      },
      'two.safetensors holds "a", which another shard holds as well',
    ],
    [
      "in a folder above",
      { ...good, "model.safetensors.index.json": indexOf({ a: "../one.safetensors" }) },
      'names "../one.safetensors"',
    ],
    [
      "in a folder below",
      { ...good, "model.safetensors.index.json": indexOf({ a: "sub/one.safetensors" }) },
      'names "sub/one.safetensors"',
    ],
    [
      "with an absolute path",
      { ...good, "model.safetensors.index.json": indexOf({ a: "/etc/a.safetensors" }) },
      'names "/etc/a.safetensors"',
    ],
    [
      "of another kind",
      { ...good, "model.safetensors.index.json": indexOf({ a: "config.json" }) },
      'names "config.json"',
    ],
    ["that is no name", { ...good, "model.safetensors.index.json": indexOf({ a: { b: 1 } }) }, "names "],
    [
      "that is the index",
      { ...good, "model.safetensors.index.json": indexOf({ a: "model.safetensors.index.json" }) },
      "names itself as a file of weights",
    ],
    ["of none", { ...good, "model.safetensors.index.json": indexOf({}) }, "has no weight_map"],
    ["without a map", { ...good, "model.safetensors.index.json": "{}" }, "has no weight_map"],
    [
      "in hundreds",
      {
        "model.safetensors.index.json": indexOf(
          Object.fromEntries(
            Array.from({ length: 300 }, (_, index) => [`t${index}`, `s${index}.safetensors`]),
          ),
        ),
      },
      "names 300 files",
    ],
    [
      "named twice",
      {
        ...good,
        "model.safetensors.index.json": '{"weight_map":{"a":"one.safetensors","a":"two.safetensors"}}',
      },
      'names "a" twice',
    ],
    ["without a configuration", { ...good, "config.json": "[]" }, "config.json holds no JSON object"],
    [
      "with an endless configuration",
      { ...good, "config.json": " ".repeat(1_000_001) },
      "config.json has 1000001 bytes",
    ],
  ];
  test.each(cases)("with one %s are refused", async (_, files, sentence) => {
    const error = await refusal(folderOf(files));
    expect(error.message).toContain(sentence);
    expect(error.code).toStartWith("model.");
    expect(error.hint!.length).toBeGreaterThan(20);
  });
});

describe("what lies in the folder", () => {
  test("must be there", async () => {
    expect(await refusal(folderOf({ "readme.md": "" }))).toMatchObject({
      code: "model.missing",
      message: expect.stringContaining("holds no weights"),
    });
    expect(await refusal(join(scratch(), "nowhere"))).toMatchObject({ code: "model.missing" });
  });

  test("must be no link to elsewhere, no link to itself, no folder and no pipe", async () => {
    const outside = join(scratch(), "model.safetensors");
    writeFileSync(outside, floatsFile({ a: { shape: [1], values: [1] } }));
    const linked = folderOf({});
    symlinkSync(outside, join(linked, "model.safetensors"));
    expect(await refusal(linked)).toMatchObject({
      code: "model.refused",
      message: "model.safetensors is a link that leads out of its folder",
    });

    const circle = folderOf({});
    symlinkSync("model.safetensors", join(circle, "model.safetensors"));
    expect(await refusal(circle)).toMatchObject({
      code: "model.missing",
      message: expect.stringContaining("model.safetensors cannot be found"),
    });

    const nested = folderOf({});
    mkdirSync(join(nested, "model.safetensors"));
    expect(await refusal(nested)).toMatchObject({
      code: "model.refused",
      message: "model.safetensors is no regular file",
    });

    const piped = folderOf({});
    expect(Bun.spawnSync(["mkfifo", join(piped, "model.safetensors")]).success).toBe(true);
    expect(await refusal(piped)).toMatchObject({
      code: "model.refused",
      message: "model.safetensors is no regular file",
    });
  });

  test("may be a link to a file beside it", async () => {
    const folder = folderOf({ "blob.bin": floatsFile({ a: { shape: [1], values: [5] } }) });
    symlinkSync("blob.bin", join(folder, "model.safetensors"));
    expect(await contentOf(folder)).toEqual({ a: [5] });
  });

  test.skipIf(process.platform !== "linux")("is closed again, also where it was refused", async () => {
    const open = (): number => readdirSync("/proc/self/fd").length;
    const folder = folderOf({ "model.safetensors": safetensorsOf("[]") });
    const before = open();
    for (let round = 0; round < 5; round++) await refusal(folder);
    expect(open()).toBe(before);
  });
});
