import { describe, expect, test } from "bun:test";
import type { Work } from "../../../src/inference/protocol.ts";
import { tryOut } from "../../../src/inference/worker/trial.ts";
import { type GoldenCase, manifestSchema } from "../../../src/models/manifest.ts";

/** Tries a model out whose every run gives the same numbers. */
async function tried(golden: GoldenCase[] | undefined, values: number[]): Promise<Work[]> {
  const manifest = manifestSchema.parse({
    id: "model",
    repo: "a/b",
    licence: { spdx: "MIT", url: "https://example.org" },
    architecture: "bert",
    maxTokens: 16,
    dtype: { webgpu: "fp16", cpu: "fp32" },
    files: [{ path: "x.onnx", size: 1, sha256: "0".repeat(64), dtype: "fp32" }],
    ...(golden && { golden: { fp32: golden } }),
  });
  const asked: Work[] = [];
  await tryOut({ manifest, pathOf: (file) => file }, { kind: "cpu" }, "classification", async (work) => {
    asked.push(work);
    return { values: Float32Array.from(values), width: values.length, counts: [1] };
  });
  return asked;
}
const refusal = { code: "inference.wrong-numbers" };

describe("a model that is loaded", () => {
  test("is run on any text where nothing is known of its numbers", async () => {
    expect(await tried(undefined, [Number.NaN])).toHaveLength(1);
  });

  test("is run on what its manifest has, in each form", async () => {
    expect(await tried([{ text: "a", first8: [0.03, -0.01] }], [0.03, -0.01, 9])).toEqual([
      { kind: "embed", texts: ["a"] },
    ]);
    expect(await tried([{ pieces: "a", logits: [[1], [2]] }], [1, 2])).toEqual([
      { kind: "classify", inputs: [{ pieces: "a" }] },
    ]);
    expect(await tried([{ pair: ["a", "b"], logits: [[1]] }], [1.001])).toEqual([
      { kind: "classify", inputs: [{ pair: ["a", "b"] }] },
    ]);
    expect(await tried([{ prompt: "a", completion: "b", logProb: -3 }], [-3])).toEqual([
      { kind: "log-prob", pairs: [{ prompt: "a", completion: "b" }], penalty: 1 },
    ]);
  });

  test("is refused for another number, for none, and for one that is no number", async () => {
    const { text, first8 } = { text: "a", first8: [0.03, -0.01] };
    await expect(tried([{ text, first8 }], [0.03, -0.02])).rejects.toMatchObject(refusal);
    await expect(tried([{ text, first8 }], [0.03])).rejects.toMatchObject(refusal);
    await expect(tried([{ text, first8 }], [0.03, Number.NaN])).rejects.toMatchObject(refusal);
    await expect(tried([{ pieces: text, logits: [[5]] }], [5.02])).rejects.toMatchObject(refusal);
    await expect(tried([{ prompt: "a", completion: "b", logProb: -3 }], [-Infinity])).rejects.toMatchObject({
      message: expect.stringContaining("gives -Infinity on cpu where its manifest has -3"),
    });
  });
});
