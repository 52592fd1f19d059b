import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { type BuildOptions, buildModel } from "../../../src/models/build/build.ts";
import type { Checkpoint } from "../../../src/models/build/checkpoint/checkpoint.ts";
import { scratchFolders } from "../../scratch.ts";
import { batchOf, largestError, manifestOf, ownNumbers, readExpected, withCheckpoint } from "./fixtures.ts";
import { runGraph } from "./graph-runs.ts";

const scratch = scratchFolders("build-writer");
const NAME = "qwen3";
const build = (options: BuildOptions, change = (own: Checkpoint): Checkpoint => own) =>
  withCheckpoint(NAME, (checkpoint) => buildModel(change(checkpoint), manifestOf(NAME), options));

test("weights beside the graph give the same numbers, and begin where pages of memory do", async () => {
  const into = scratch();
  const progress: number[] = [];
  const written = await build({
    dtype: "fp32",
    into,
    largestMessage: 10_000,
    onProgress: (done, total) => progress.push(done / total),
  });
  const path = join(into, "onnx/model.onnx");
  expect(written.map((file) => file.path)).toEqual([path, `${path}_data`]);
  for (const { path: at, size, sha256 } of written) {
    expect(statSync(at).size).toBe(size);
    expect(createHash("sha256").update(readFileSync(at)).digest("hex")).toBe(sha256);
  }
  expect(progress.at(-1)).toBe(1);
  const expected = readExpected(NAME);
  const run = batchOf(path, expected, "left");
  for (const [row, ours] of ownNumbers(await runGraph("cpu", run), run).entries())
    expect(largestError(ours, expected.outputs[row]!.flat())).toBeLessThan(1e-4);
});

test("the same checkpoint gives the same bytes, with tied embeddings in the file once", async () => {
  const [first] = await build({ dtype: "fp32", into: scratch() });
  const [second] = await build({ dtype: "fp32", into: scratch() });
  expect(second!.sha256).toBe(first!.sha256);
  const numbers = await withCheckpoint(NAME, ({ tensors }) =>
    [...tensors.values()].reduce((sum, { shape }) => sum + shape.reduce((all, size) => all * size, 1), 0),
  );
  // Beside the weights there are nodes and tables of angles, which are far less than the embeddings [64, 32] of this model.
  expect(first!.size).toBeLessThan(4 * numbers + 40_000);
});

test("what fails or is stopped halfway leaves no file", async () => {
  const into = scratch();
  const stop = new AbortController();
  const stopped = build({
    dtype: "q4",
    into,
    signal: stop.signal,
    onProgress: (done, total) => {
      if (done > total / 2) stop.abort(new Error("enough"));
    },
  });
  await expect(stopped).rejects.toThrow("enough");
  const cut = build({ dtype: "q4", into }, (own) => ({
    config: own.config,
    tensors: own.tensors,
    others: own.others,
    close: () => own.close(),
    async *read(name) {
      for await (const piece of own.read(name)) yield name.includes("layers.1") ? piece.slice(0, -32) : piece;
    },
  }));
  await expect(cut).rejects.toThrow(/bytes in place of/);
  expect(readdirSync(join(into, "onnx"))).toEqual([]);
});
