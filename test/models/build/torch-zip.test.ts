import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { openCheckpoint } from "../../../src/models/build/checkpoint/open-checkpoint.ts";
import { scratchFolders } from "../../scratch.ts";
import { contentOf, P, refusal, torchZipOf, writeFolder, type ZipPart, zipOf } from "./checkpoint-files.ts";

const scratch = scratchFolders("torch-zip");
const FIXTURES = join(import.meta.dir, "../../fixtures/torch-zip");
const fixture = (name: string): Uint8Array => new Uint8Array(readFileSync(join(FIXTURES, `${name}.bin`)));
const folderOf = (bytes: Uint8Array): string => writeFolder(scratch(), { "pytorch_model.bin": bytes });
/** models/export/torch_files.py: (i − count/3)·step in float32. */
const numbers = (count: number, step: number): number[] =>
  Array.from({ length: count }, (_, index) =>
    Math.fround(Math.fround(index - Math.fround(count / 3)) * step),
  );

describe("what torch.save wrote", () => {
  test("is read: tied tensors, views, parameters, one number, three types", async () => {
    const folder = folderOf(fixture("tensors"));
    const table = numbers(12, 0.25);
    expect(await contentOf(folder)).toEqual({
      "table.weight": table,
      "tied.weight": table,
      half: numbers(6, 0.125),
      brain: numbers(6, 3),
      part: numbers(10, 1.5).slice(4, 8),
      one: [2.5],
      parameter: numbers(4, 1),
    });
    const checkpoint = await openCheckpoint(folder);
    expect([...checkpoint.others]).toEqual([["positions", "I64"]]);
    expect([...checkpoint.tensors.values()].map(({ name, dtype, shape }) => [name, dtype, shape])).toEqual([
      ["table.weight", "F32", [3, 4]],
      ["tied.weight", "F32", [3, 4]],
      ["half", "F16", [2, 3]],
      ["brain", "BF16", [6]],
      ["part", "F32", [4]],
      ["one", "F32", []],
      ["parameter", "F32", [4]],
    ]);
    await checkpoint.close();
  });

  test("is read with the versions of modules that a state_dict has", async () => {
    expect(await contentOf(folderOf(fixture("module")))).toEqual({
      "0.weight": numbers(6, 0.5),
      "0.bias": numbers(2, 0.5),
      "1.weight": numbers(2, 0.5),
      "1.bias": numbers(2, 0.5),
    });
  });

  test("is read in shards", async () => {
    const folder = writeFolder(scratch(), {
      "pytorch_model.bin.index.json": JSON.stringify({
        weight_map: {
          "0.weight": "a.bin",
          "0.bias": "a.bin",
          "1.weight": "a.bin",
          "1.bias": "a.bin",
          x: "b.bin",
        },
      }),
      "a.bin": fixture("module"),
      "b.bin": torchZipOf(P.file(P.text("x"), P.tensor(P.storage("FloatStorage", "0", 1), 0, [1], [1])), {
        0: new Uint8Array(new Float32Array([7]).buffer),
      }),
    });
    expect(Object.keys(await contentOf(folder))).toEqual(["0.weight", "0.bias", "1.weight", "1.bias", "x"]);
  });

  test.each([
    ["whole-module", 'asks for "torch.nn.modules.container.Sequential"'],
    ["before-1.6", "is a bare pickle, as PyTorch wrote before 1.6"],
    ["script", "compressed (method 8), which torch.save never does"],
    ["transposed", 'has "t" in another order than row after row (strides "1,4")'],
    ["with-a-number", 'holds "step", which is no tensor'],
  ])("is refused where it is no table of tensors: %s", async (name, sentence) => {
    const { code, message, hint } = await refusal(folderOf(fixture(name)));
    expect(message).toContain(sentence);
    expect(code).toBe("model.refused");
    expect(hint).toContain("safetensors");
  });
});

const FLOATS = { 0: new Uint8Array(new Float32Array([1, 2, 3, 4]).buffer) };
const STORAGE = P.storage("FloatStorage", "0", 4);
const tensorFile = (tensor: string, storages: Record<string, Uint8Array> = FLOATS): Uint8Array =>
  torchZipOf(P.file(P.text("w"), tensor), storages);

describe("a pickle", () => {
  test("of the right form is read", async () => {
    expect(await contentOf(folderOf(tensorFile(P.tensor(STORAGE, 1, [3], [1]))))).toEqual({ w: [2, 3, 4] });
  });

  test("that asks for a program does not get it", async () => {
    const proof = join(scratch(), "ran");
    // As Python's pickle writes an object whose __reduce__ is (os.system, ("touch …",)).
    const pickle = `\x80\x02cposix\nsystem\nq\0${P.text(`touch ${proof}`)}q\x01\x85q\x02Rq\x03.`;
    const { code, message, hint } = await refusal(folderOf(torchZipOf(pickle)));
    expect(message).toBe(
      'data.pkl in pytorch_model.bin asks for "posix.system", which is none of the names that a table of tensors needs; nothing of it was run',
    );
    expect(code).toBe("model.refused");
    expect(hint).toContain("safetensors");
    expect(existsSync(proof)).toBe(false);
  });

  const cases: [string, string, string][] = [
    ["a builtin", "\x80\x02c__builtin__\neval\n.", 'asks for "__builtin__.eval"'],
    ["a class of torch", "\x80\x02ctorch.nn\nLinear\n.", 'asks for "torch.nn.Linear"'],
    ["a name of every object", "\x80\x02c\ntoString\n.", 'asks for ".toString"'],
    ["a name on the terminal", "\x80\x02cos\n\u001b[2J\n.", 'asks for "os.\\u{1b}[2J"'],
    ["a new object", "\x80\x02ccollections\nOrderedDict\n)\x81.", "instruction NEWOBJ"],
    ["an instance", "\x80\x02(icollections\nOrderedDict\n.", "instruction INST"],
    ["a name from the stack", `\x80\x02${P.text("os")}${P.text("system")}\x93.`, "instruction STACK_GLOBAL"],
    ["an extension", "\x80\x02\x82\x01.", "instruction EXT1"],
    ["a place in words", "\x80\x02P1\n.", "instruction PERSID"],
    ["an unknown instruction", "\x80\x02\xff.", "at byte 2 for pickle's instruction 0xff"],
    ["protocol 4", "\x80\x04}.", "is written in pickle's protocol 4"],
    ["a list", "\x80\x02].", "instruction 0x5d"],
    ["a number alone", `\x80\x02${P.int(1)}.`, "holds something else than tensors by name"],
    ["nothing", "", "breaks off"],
    ["no end", "\x80\x02}", "breaks off"],
    ["more after its end", "\x80\x02}.}.", "goes on after its end"],
    ["values left behind", "\x80\x02}}.", "leaves values behind"],
    ["no value", "\x80\x02.", "takes a value where there is none"],
    ["a value below its mark", "\x80\x02}(\x85.", "takes a value where there is none"],
    ["a list that was not begun", "\x80\x02}u.", "ends a list that was not begun"],
    ["a value that was not kept", "\x80\x02h\x07.", "asks for value 7"],
    ["a text beyond its end", `\x80\x02X\xff\x0f\0\0abc.`, "breaks off"],
    ["a text of gigabytes", `\x80\x02X\xff\xff\xff\xff.`, "has a text of 4294967295 bytes"],
    ["a text that is no UTF-8", "\x80\x02X\x01\0\0\0\xff.", "not written in UTF-8"],
    ["a name without an end", "\x80\x02cos", "has a name without an end"],
    ["marks in marks", `\x80\x02${"(".repeat(100)}.`, "values 32 levels deep"],
    ["a bomb of values", `\x80\x02}${"\x85".repeat(400_000)}.`, "has more than 300000 values"],
    ["a bomb of what it keeps", `\x80\x02}q\0${"h\0".repeat(400_000)}.`, "has more than 300000 values"],
    [
      "a large number",
      "\x80\x02\x8a\x09\xff\xff\xff\xff\xff\xff\xff\xff\x00.",
      "a number that no size or place has",
    ],
    ["a dictionary in itself", `\x80\x02}q\0(${P.text("me")}h\0u.`, 'holds "me", which is no tensor'],
    ["a tuple in itself", `\x80\x02}q\0(${P.text("me")}(h\0tu.`, 'holds "me", which is no tensor'],
    ["a name twice", P.file(P.text("a"), "N", P.text("a"), "N"), 'names "a" twice'],
    ["a number as a name", P.file(P.int(1), "N"), "a name that is no text"],
    ["a name without a value", P.file(P.text("a")), "has a name without a value"],
    [
      "a value set in a text",
      `\x80\x02${P.text("a")}(${P.text("b")}Nu.`,
      "sets a value in something that is no dictionary",
    ],
    ["attributes", `\x80\x02}}(${P.text("__class__")}Nub.`, "sets attributes that no state dict has"],
    ["a call of a text", `\x80\x02${P.text("a")})R.`, "calls something that is no function"],
    [
      "a call of a call",
      `\x80\x02${P.name("torch", "FloatStorage")})R)R.`,
      "calls something that is no function",
    ],
    [
      "a dictionary of something",
      `\x80\x02${P.name("collections", "OrderedDict")}(Nt\x85R.`,
      "makes a dictionary out of something",
    ],
    [
      "a class as its whole",
      `\x80\x02${P.name("torch", "FloatStorage")}.`,
      "holds something else than tensors",
    ],
  ];
  test.each(cases)("with %s is refused with a sentence", async (_, pickle, sentence) => {
    const { code, message, hint } = await refusal(folderOf(torchZipOf(pickle)));
    expect(message).toContain(sentence);
    expect(message).toContain("pytorch_model.bin");
    expect(["model.corrupt", "model.refused"]).toContain(code);
    expect(hint!.length).toBeGreaterThan(20);
  });
});

describe("a tensor of a pickle", () => {
  const cases: [string, Uint8Array, string][] = [
    [
      "beyond its storage",
      tensorFile(P.tensor(STORAGE, 2, [3], [1])),
      'has "w" outside of the 4 numbers of its storage',
    ],
    ["before its storage", tensorFile(P.tensor(STORAGE, -1, [3], [1])), 'has "w" outside of the 4 numbers'],
    ["of a negative shape", tensorFile(P.tensor(STORAGE, 0, [-3], [1])), 'says of "w" a shape that is none'],
    [
      "of a shape beyond any number",
      tensorFile(P.tensor(STORAGE, 0, Array(5).fill(2 ** 30), Array(5).fill(1))),
      "a shape that is none",
    ],
    [
      "of nine dimensions",
      tensorFile(P.tensor(STORAGE, 0, Array(9).fill(1), Array(9).fill(1))),
      "a shape that is none",
    ],
    ["with a stride too few", tensorFile(P.tensor(STORAGE, 0, [2, 2], [2])), "a shape that is none"],
    ["with negative strides", tensorFile(P.tensor(STORAGE, 0, [2, 2], [-2, 1])), 'strides "-2,1"'],
    ["in columns", tensorFile(P.tensor(STORAGE, 0, [2, 2], [1, 2])), 'strides "1,2"'],
    ["that repeats one number", tensorFile(P.tensor(STORAGE, 0, [4], [0])), 'strides "0"'],
    [
      "of a longer storage than there is",
      tensorFile(P.tensor(P.storage("FloatStorage", "0", 5), 0, [4], [1])),
      "is 5 numbers of F32, and it has 16 bytes",
    ],
    [
      "of another type than its storage",
      tensorFile(P.tensor(P.storage("HalfStorage", "0", 4), 0, [4], [1])),
      "is 4 numbers of F16, and it has 16 bytes",
    ],
    [
      "of an unknown storage",
      tensorFile(P.tensor(P.storage("FloatStorage", "9", 4), 0, [4], [1])),
      'has no storage "9" inside',
    ],
    [
      "of a storage elsewhere",
      tensorFile(P.tensor(P.storage("FloatStorage", "../data.pkl", 4), 0, [4], [1])),
      'has no storage "../data.pkl" inside',
    ],
    [
      "of a storage of no class",
      tensorFile(
        P.tensor(
          `${P.tuple(P.text("storage"), P.text("FloatStorage"), P.text("0"), P.text("cpu"), P.int(4))}Q`,
          0,
          [4],
          [1],
        ),
      ),
      "with numbers that lie nowhere",
    ],
    [
      "of a storage of a function",
      tensorFile(
        P.tensor(
          `${P.tuple(P.text("storage"), P.name("torch._utils", "_rebuild_tensor_v2"), P.text("0"), P.text("cpu"), P.int(4))}Q`,
          0,
          [4],
          [1],
        ),
      ),
      "with numbers that lie nowhere",
    ],
    [
      "of something else than a storage",
      tensorFile(
        P.tensor(
          `${P.tuple(P.text("file"), P.name("torch", "FloatStorage"), P.text("0"), P.text("cpu"), P.int(4))}Q`,
          0,
          [4],
          [1],
        ),
      ),
      "with numbers that lie nowhere",
    ],
    ["of no storage", tensorFile(P.tensor("N", 0, [4], [1])), "with numbers that lie nowhere"],
    [
      "made of nothing",
      tensorFile(`${P.name("torch._utils", "_rebuild_tensor_v2")})R`),
      "with numbers that lie nowhere",
    ],
    [
      "in a parameter of nothing",
      tensorFile(`${P.name("torch._utils", "_rebuild_parameter")})R`),
      'holds "w", which is no tensor',
    ],
    ["that is a storage", tensorFile(STORAGE), 'holds "w", which is no tensor'],
    [
      "that shares its storage with one of another type",
      torchZipOf(
        P.file(
          P.text("w"),
          P.tensor(P.storage("FloatStorage", "0", 4), 0, [4], [1]),
          P.text("v"),
          P.tensor(P.storage("IntStorage", "0", 4), 0, [4], [1]),
        ),
        FLOATS,
      ),
      'reads the storage "0" as two types of numbers',
    ],
  ];
  test.each(cases)("%s is refused with a sentence", async (_, bytes, sentence) => {
    const { code, message, hint } = await refusal(folderOf(bytes));
    expect(message).toContain(sentence);
    expect(["model.corrupt", "model.refused"]).toContain(code);
    expect(hint!.length).toBeGreaterThan(20);
  });
});

describe("a zip", () => {
  const pickle: ZipPart = { name: "archive/data.pkl", content: Buffer.from("\x80\x02}.", "latin1") };
  const part = (name: string, lies: ZipPart["lies"] = {}, bytes = 8): ZipPart => ({
    name,
    content: new Uint8Array(bytes),
    lies,
  });
  const field64 = (...numbers: number[]): Uint8Array => {
    const view = new DataView(new ArrayBuffer(4 + numbers.length * 8));
    view.setUint16(0, 1, true);
    view.setUint16(2, numbers.length * 8, true);
    for (const [index, number] of numbers.entries()) view.setBigUint64(4 + index * 8, BigInt(number), true);
    return new Uint8Array(view.buffer);
  };
  const IN_ZIP64 = 0xffffffff;

  test("may keep a size in the part for large files", async () => {
    const zip = zipOf([{ ...pickle, lies: { size: IN_ZIP64, compressed: IN_ZIP64, extra: field64(4, 4) } }]);
    expect(await contentOf(folderOf(zip))).toEqual({});
  });

  const whole = zipOf([pickle]);
  const cases: [string, Uint8Array, string][] = [
    ["of nothing", new Uint8Array(), "is no zip of PyTorch"],
    ["of text", Buffer.from("version https://git-lfs.github.com/spec/v1"), "is no zip of PyTorch"],
    ["of two letters", Buffer.from("PK"), "does not end as a zip does"],
    ["that was cut", whole.subarray(0, -3), "does not end as a zip does"],
    ["with more after it", Buffer.concat([whole, new Uint8Array(5)]), "does not end as a zip does"],
    [
      "whose directory lies elsewhere",
      zipOf([pickle], { offset: 3 }),
      "has a zip directory that is not at its end",
    ],
    [
      "whose directory is beyond its end",
      zipOf([pickle], { offset: 0xfffffff0 }),
      "has a zip directory that is not at its end",
    ],
    [
      "whose directory is longer",
      zipOf([pickle], { size: 9999 }),
      "has a zip directory that is not at its end",
    ],
    ["with too few files", zipOf([pickle], { count: 2 }), "tells of 2 files, and its directory lists 1"],
    ["without files", zipOf([]), "beside the one folder"],
    [
      "with a compressed file",
      zipOf([pickle, part("archive/data/0", { method: 8 })]),
      '"archive/data/0" compressed (method 8)',
    ],
    [
      "with an encrypted file",
      zipOf([pickle, part("archive/data/0", { flags: 1 })]),
      '"archive/data/0" encrypted',
    ],
    [
      "with a bomb",
      zipOf([pickle, part("archive/data/0", { size: 1_000_000_000, compressed: 8 })]),
      'gives two sizes for "archive/data/0"',
    ],
    [
      "with a size beyond its end",
      zipOf([pickle, part("archive/data/0", { size: 1_000_000_000 })]),
      'has "archive/data/0" over the bytes of what follows',
    ],
    [
      "with a file over another",
      zipOf([pickle, part("archive/data/0", { size: 60 }), part("archive/data/1")]),
      'has "archive/data/0" over the bytes of what follows',
    ],
    [
      "with two names for one place",
      zipOf([pickle, part("archive/data/0"), part("archive/data/1", { at: 48 })]),
      'says that "archive/data/1" lies where it does not',
    ],
    [
      "with a name twice",
      zipOf([pickle, part("archive/data/0"), part("archive/data/0")]),
      'has two files called "archive/data/0"',
    ],
    [
      "with two names for one file",
      zipOf([pickle, part("archive/data/0", { localName: "archive/data/1" })]),
      'says that "archive/data/0" lies where it does not',
    ],
    [
      "with a place that is none",
      zipOf([pickle, part("archive/data/0", { at: 5 })]),
      'says that "archive/data/0" lies where it does not',
    ],
    [
      "with a place beyond its end",
      zipOf([pickle, part("archive/data/0", { at: 0xfffffff0 })]),
      'says that "archive/data/0" lies where it does not',
    ],
    [
      "with a large place that is none",
      zipOf([pickle, part("archive/data/0", { at: IN_ZIP64, extra: field64(2 ** 52) })]),
      'says that "archive/data/0" lies where it does not',
    ],
    [
      "with a place beyond any number",
      zipOf([
        pickle,
        part("archive/data/0", {
          at: IN_ZIP64,
          extra: new Uint8Array([1, 0, 8, 0, 255, 255, 255, 255, 255, 255, 255, 255]),
        }),
      ]),
      "larger than any file",
    ],
    [
      "with a large size without its part",
      zipOf([pickle, part("archive/data/0", { size: IN_ZIP64 })]),
      "with a broken part for large files",
    ],
    [
      "with half a part for large files",
      zipOf([pickle, part("archive/data/0", { at: IN_ZIP64, extra: Uint8Array.of(1, 0, 8, 0, 1) })]),
      "with a broken part for large files",
    ],
    [
      "with two parts for large files",
      zipOf([pickle, part("archive/data/0", { extra: Buffer.concat([field64(1), field64(1)]) })]),
      "with a broken part for large files",
    ],
    ["with a path above", zipOf([pickle, part("archive/../../x")]), 'no plain path: "archive/../../x"'],
    ["with an absolute path", zipOf([pickle, part("/etc/passwd")]), 'no plain path: "/etc/passwd"'],
    ["with a path of another system", zipOf([pickle, part("archive\\x")]), 'no plain path: "archive\\x"'],
    ["with a folder", zipOf([pickle, part("archive/data/", {}, 0)]), 'no plain path: "archive/data/"'],
    [
      "with two folders",
      zipOf([pickle, part("other/data/0")]),
      "beside the one folder that torch.save makes",
    ],
    [
      "without a folder",
      zipOf([{ ...pickle, name: "data.pkl" }]),
      "beside the one folder that torch.save makes",
    ],
    ["without data.pkl", zipOf([part("archive/data/0")]), "has no data.pkl inside"],
    [
      "with a program",
      zipOf([pickle, part("archive/code/x.py")]),
      "is a TorchScript program (it holds code/)",
    ],
    [
      "of another byte order",
      zipOf([pickle, { name: "archive/byteorder", content: Buffer.from("big") }]),
      'says that its byte order is "big"',
    ],
    ["with a pickle that was changed", changed(whole, 47), "data.pkl that is not what its checksum says"],
    [
      "with a pickle of megabytes",
      zipOf([{ ...pickle, content: new Uint8Array(4_000_001) }]),
      "has a data.pkl of 4000001 bytes",
    ],
  ];
  test.each(cases)("%s is refused with a sentence", async (_, bytes, sentence) => {
    const { code, message, hint } = await refusal(folderOf(bytes));
    expect(message).toContain(sentence);
    expect(["model.corrupt", "model.refused"]).toContain(code);
    expect(hint!.length).toBeGreaterThan(20);
  });

  test("with two directories that contradict each other is refused", async () => {
    const end = whole.length - 22;
    const end64 = new DataView(new ArrayBuffer(76));
    end64.setUint32(0, 0x06064b50, true);
    end64.setBigUint64(32, 1n, true);
    end64.setBigUint64(40, BigInt(end - 50), true);
    end64.setBigUint64(48, 50n, true);
    end64.setUint32(56, 0x07064b50, true);
    end64.setBigUint64(64, BigInt(end), true);
    const both = (): Uint8Array =>
      Buffer.concat([whole.subarray(0, end), new Uint8Array(end64.buffer), whole.subarray(end)]);
    expect(await contentOf(folderOf(both()))).toEqual({});
    end64.setBigUint64(48, 40n, true);
    expect((await refusal(folderOf(both()))).message).toContain(
      "two zip directories that contradict each other",
    );
    end64.setBigUint64(64, BigInt(end - 9), true);
    expect((await refusal(folderOf(both()))).message).toContain(
      "says that its zip64 directory ends where it does not",
    );
    end64.setBigUint64(64, 2n ** 60n, true);
    expect((await refusal(folderOf(both()))).message).toContain("larger than any file");
  });
});

function changed(bytes: Uint8Array, at: number): Uint8Array {
  const copy = bytes.slice();
  copy[at]! ^= 0x55;
  return copy;
}
