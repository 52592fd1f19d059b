import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { isFailure } from "../../../src/base/error.ts";
import { buildModel } from "../../../src/models/build/build.ts";
import type { Checkpoint } from "../../../src/models/build/checkpoint/checkpoint.ts";
import type { Dtype } from "../../../src/models/manifest.ts";
import { scratchFolders } from "../../scratch.ts";
import { manifestOf, withCheckpoint } from "./fixtures.ts";

setDefaultTimeout(60_000);

const scratch = scratchFolders("build-weights");
const FORMS: readonly Dtype[] = ["fp32", "fp16", "q8", "q4", "q4f16"];

/** A checkpoint one number of which is another. */
function withNumber(checkpoint: Checkpoint, tensor: string, at: number, number: number): Checkpoint {
  return {
    config: checkpoint.config,
    tensors: checkpoint.tensors,
    others: checkpoint.others,
    async *read(name, rows) {
      let before = 0;
      for await (const piece of checkpoint.read(name, rows)) {
        if (name === tensor && at >= before && at < before + piece.length) piece[at - before] = number;
        before += piece.length;
        yield piece;
      }
    },
    close: () => checkpoint.close(),
  };
}

/** What is said where a number of a tiny Qwen 3 is another one; undefined where it is built all the same. */
async function told(dtype: Dtype, tensor: string, at: number, number: number): Promise<string | undefined> {
  const into = scratch();
  try {
    await withCheckpoint("qwen3", (checkpoint) =>
      buildModel(withNumber(checkpoint, tensor, at, number), manifestOf("qwen3"), { dtype, into }),
    );
    return undefined;
  } catch (error) {
    if (!isFailure(error, "model.corrupt") && !isFailure(error, "model.unsupported")) throw error;
    expect(existsSync(join(into, "onnx/model.onnx"))).toBe(false);
    return `${error.code}: ${error.message}`;
  }
}

const WORDS = "model.embed_tokens.weight";
const MATRIX = "model.layers.1.mlp.up_proj.weight";
const NORM = "model.layers.0.input_layernorm.weight";

describe.each(FORMS)("%s", (dtype) => {
  // The last word of all is none that a text on which forms are tried has.
  test.each([
    [WORDS, 63 * 32 + 5, Number.NaN, "NaN at [63,5]"],
    [WORDS, 0, Number.POSITIVE_INFINITY, "Infinity at [0,0]"],
    [MATRIX, 40 * 32 + 31, Number.NEGATIVE_INFINITY, "-Infinity at [40,31]"],
    [NORM, 7, Number.NaN, "NaN at [7]"],
  ] as const)("is not made of %s with a number %d that is none", async (tensor, at, number, where) => {
    expect(await told(dtype, tensor, at, number)).toBe(
      `model.corrupt: the checkpoint's tensor ${tensor} has ${where}, which is no number to compute with`,
    );
  });
});

describe("a number that 16 bits do not hold", () => {
  const sentence = (tensor: string, number: number, place: string): string =>
    `model.unsupported: the checkpoint's tensor ${tensor} has ${number} at [${place}], which does not fit into the 16 bits of this form`;

  test("is refused where it is stored in them, and taken where it is not", async () => {
    expect(await told("fp16", MATRIX, 3, 65_520)).toBe(sentence(MATRIX, 65_520, "0,3"));
    expect(await told("fp16", MATRIX, 3, -70_000)).toBe(sentence(MATRIX, -70_000, "0,3"));
    expect(await told("fp16", NORM, 1, 70_000)).toBe(sentence(NORM, 70_000, "1"));
    // Rounded to 65504.
    expect(await told("fp16", MATRIX, 3, 65_519)).toBeUndefined();
    for (const dtype of ["fp32", "q8", "q4"] as const)
      expect(await told(dtype, MATRIX, 3, 70_000)).toBeUndefined();
  });

  test("may be a step of 4 bits times eight", async () => {
    expect(await told("q4f16", MATRIX, 3, 500_000)).toBeUndefined();
    expect(await told("q4f16", MATRIX, 3, 525_000)).toBe(sentence(MATRIX, 525_000, "0,3"));
    expect(await told("q4f16", WORDS, 3, 70_000)).toBe(sentence(WORDS, 70_000, "0,3"));
  });
});
