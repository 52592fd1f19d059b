import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { editGraph } from "../../../src/inference/graph/edit.ts";
import { appendScoredHead, LOG_SUM, PICKED, TOKEN_IDS } from "../../../src/inference/graph/scored-head.ts";
import { cacheOutputs, sharePast } from "../../../src/inference/graph/shared-past.ts";
import { buildModel } from "../../../src/models/build/build.ts";
import { scratchFolders } from "../../scratch.ts";
import { largestError, manifestOf, readExpected, withCheckpoint } from "./fixtures.ts";

const scratch = scratchFolders("build-edits");
const PREFIX = 3;

const integers = (rows: readonly (readonly number[])[]): Tensor =>
  new Tensor("int64", BigInt64Array.from(rows.flat().map(BigInt)), [rows.length, rows[0]!.length]);

test.each([
  ["qwen3", "fp32", 1e-4],
  ["qwen3", "fp16", 0.1],
  ["llama", "fp32", 1e-4],
  ["gptj-language", "fp32", 1e-4],
  ["gpt-neo-language", "fp32", 1e-4],
] as const)("the scored head and a shared past fit to %s in %s", async (name, dtype, tolerance) => {
  const [file] = await withCheckpoint(name, (checkpoint) =>
    buildModel(checkpoint, manifestOf(name), { dtype, into: scratch() }),
  );
  const edited = editGraph(readFileSync(file!.path), [appendScoredHead, sharePast]);
  const session = await InferenceSession.create(edited, { executionProviders: ["cpu"], logSeverityLevel: 3 });
  const cached = cacheOutputs(session.inputNames, session.outputNames)!;
  const { rows, outputs } = readExpected(name);
  const [, , ids] = rows as [unknown, unknown, number[]];
  const every = Array.from({ length: 64 }, (_, token) => BigInt(token));
  const tokens = { [TOKEN_IDS]: new Tensor("int64", BigInt64Array.from(every), [64]) };
  const nothing = Object.fromEntries(
    session.inputMetadata.flatMap((input) => {
      if (!input.isTensor || !input.name.startsWith("shared_past")) return [];
      const [, heads, , size] = input.shape as number[];
      return [[input.name, new Tensor("float32", new Float32Array(0), [1, heads!, 0, size!])]];
    }),
  );
  const prefix = ids.slice(0, PREFIX);
  const first = await session.run({
    input_ids: integers([prefix]),
    attention_mask: integers([prefix.map(() => 1)]),
    ...nothing,
    ...tokens,
  });
  // Both rows go on from one prefix; padding is shown as text, as inference does for language models.
  const rest = ids.slice(PREFIX);
  const short = [...rest.slice(0, 5), ...rest.slice(5).map(() => 0)];
  const second = await session.run({
    input_ids: integers([rest, short]),
    attention_mask: integers([ids.map(() => 1), ids.map(() => 1)]),
    ...Object.fromEntries([...cached].map(([input, output]) => [input, first[output]!])),
    ...tokens,
  });
  const picked = second[PICKED]!.data as Float32Array;
  const expected = (outputs[2] as number[][]).slice(PREFIX);
  expect(largestError([...picked.slice(0, rest.length * 64)], expected.flat())).toBeLessThan(tolerance);
  const start = rest.length * 64;
  expect(largestError([...picked.slice(start, start + 5 * 64)], expected.slice(0, 5).flat())).toBeLessThan(
    tolerance,
  );
  const sums = expected.map((logits) => Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0)));
  const found = [...(second[LOG_SUM]!.data as Float32Array)].slice(0, rest.length);
  expect(largestError(found, sums)).toBeLessThan(tolerance);
});
