import { beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { rankCorrelation } from "../../../src/base/rank-correlation.ts";
import { buildModel } from "../../../src/models/build/build.ts";
import type { Dtype } from "../../../src/models/manifest.ts";
import { scratchFolders } from "../../scratch.ts";
import { batchOf, largestError, MANIFESTS, manifestOf, ownNumbers, withCheckpoint } from "./fixtures.ts";
import { runGraph } from "./graph-runs.ts";

setDefaultTimeout(120_000);

const NAMES = Object.keys(MANIFESTS);
const folder = scratchFolders("build-forms")();
const FILES = {
  fp32: "model.onnx",
  fp16: "model_fp16.onnx",
  q8: "model_quantized.onnx",
  q4: "model_q4.onnx",
  q4f16: "model_q4f16.onnx",
};
const LEAST: Record<Exclude<Dtype, "fp32">, number> = { fp16: 0.999, q8: 0.97, q4: 0.93, q4f16: 0.93 };

/** Rows of ids below 64, as random as multiplication makes them. */
const ROWS = Array.from({ length: 60 }, (_, row) =>
  Array.from(
    { length: 6 + (row % 17) },
    (_, at) => 4 + ((((row * 7919 + at * 104729) ^ (row * at * 31)) >>> 3) % 60),
  ),
);

beforeAll(async () => {
  for (const name of NAMES)
    for (const dtype of Object.keys(FILES) as Dtype[])
      await withCheckpoint(name, (checkpoint) =>
        buildModel(checkpoint, manifestOf(name), { dtype, into: join(folder, name) }),
      );
});

/** Of each row the numbers of its last token. */
async function lastNumbers(name: string, dtype: Dtype): Promise<number[][]> {
  const run = batchOf(join(folder, name, "onnx", FILES[dtype]), { rows: ROWS }, "right");
  const needsTypes = name.startsWith("bert");
  if (needsTypes) run.feeds.token_type_ids = run.feeds.input_ids!.map((row) => row.map(() => 0));
  const output = await runGraph("cpu", run);
  const width = output.dims.at(-1)!;
  return ownNumbers(output, run).map((numbers) => numbers.slice(-width));
}

test.each(NAMES)("%s keeps its order in every form", async (name) => {
  const exact = await lastNumbers(name, "fp32");
  for (const [dtype, least] of Object.entries(LEAST) as [Dtype, number][]) {
    const ours = await lastNumbers(name, dtype);
    const columns = exact[0]!.map(
      (_, column) =>
        rankCorrelation(
          exact.map((row) => row[column]!),
          ours.map((row) => row[column]!),
        )!,
    );
    const worst = Math.min(...columns);
    expect(worst).toBeGreaterThan(least);
    // Were it fp32 in another name, it would be exact.
    expect(largestError(ours.flat(), exact.flat())).toBeGreaterThan(1e-6);
  }
});
