import { beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isFailure } from "../../../src/base/error.ts";
import { planGraph } from "../../../src/models/build/build.ts";
import { openCheckpoint } from "../../../src/models/build/checkpoint/open-checkpoint.ts";
import { buildFromFolder } from "../../../src/models/built-model.ts";
import { lockedManifest, modelFolder, modelState, partFolder } from "../../../src/models/locked-manifest.ts";
import { type Dtype, manifestSchema } from "../../../src/models/manifest.ts";
import { findModel, readVerified } from "../../../src/models/model-files.ts";
import { type BuiltForm, type FormRunner, memoryToRun } from "../../../src/models/trials/form-trials.ts";
import type { TrialQuestion } from "../../../src/models/trials/questions.ts";
import { scratchFolders } from "../../scratch.ts";
import { tinyModel, writeTinySource } from "./tiny-sources.ts";

// Real processes on a machine that may be busy with others.
setDefaultTimeout(60_000);

const scratch = scratchFolders("form-trials");
const model = tinyModel("qwen3-classes");
let directory: string;
let folder: string;
beforeEach(() => {
  directory = scratch();
  folder = scratch();
  writeTinySource("qwen3-classes", folder);
});

/** A runner whose forms give what a test wants; it sees what a real one would find. */
function runnerOf(
  numberOf: (dtype: Dtype, question: number) => number,
  { freeBytes = 1e12 } = {},
): FormRunner & { ran: Dtype[] } {
  const ran: Dtype[] = [];
  return {
    ran,
    freeMemoryBytes: () => freeBytes,
    async answer(form: BuiltForm, batches: readonly (readonly TrialQuestion[])[]) {
      const { manifest, pathOf } = await findModel(form.id, form.directory);
      // Whole, and in this form, where it is run.
      await readVerified(
        { manifest: { ...manifest, dtype: { webgpu: [form.dtype], cpu: [form.dtype] } }, pathOf },
        "cpu",
      );
      expect(modelState(directory, model)).not.toBe("here");
      ran.push(form.dtype);
      return batches.flat().map((question) => [numberOf(form.dtype, lengthOf(question))]);
    },
  };
}
/** In characters: the same for the same question. */
const lengthOf = (question: TrialQuestion): number => [...JSON.stringify(question)].length;
const right = (dtype: Dtype, value: number): number => value * 0.01 + (dtype === "fp32" ? 0 : 1e-3);

const build = (dtypes: Dtype[], runner?: FormRunner) =>
  buildFromFolder(directory, model, model.checkpoint!, folder, { dtypes, ...(runner && { runner }) });
const locked = () => lockedManifest(directory, model);
async function refusal(work: Promise<unknown>): Promise<{ code: string; message: string }> {
  const error = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!isFailure(error)) throw new Error("no failure", { cause: error });
  return error;
}

describe("a form that is built", () => {
  test("is held against fp32, which is made for that alone and not kept", async () => {
    const runner = runnerOf(right);
    await build(["q4"], runner);
    expect(runner.ran).toEqual(["fp32", "q4"]);
    const { files, golden, agreement } = locked()!;
    expect(files.flatMap(({ dtype }) => dtype ?? [])).toEqual(["q4"]);
    expect(agreement).toEqual({
      q4: { comparedWith: "fp32, on this program's texts", texts: 41, rankCorrelation: 1, maxError: 0.001 },
    });
    expect(golden!.q4).toHaveLength(4);
    for (const asked of golden!.q4!)
      if ("pair" in asked)
        expect(asked.logits[0]![0]).toBeCloseTo(right("q4", lengthOf({ pair: asked.pair })), 5);
    expect(existsSync(join(modelFolder(directory, model.id), "onnx/model.onnx"))).toBe(false);
    expect(existsSync(join(partFolder(directory, model.id), "built"))).toBe(false);
  });

  test("needs no fp32 anew where its numbers are known, and leaves what other forms have", async () => {
    await build(["q4"], runnerOf(right));
    const before = locked()!;
    const later = runnerOf(right);
    // What was built counts as here; the runner of this one may see it.
    await build(["q8"], { ...later, answer: (...asked) => answerWhileHere(later, asked) });
    const after = locked()!;
    expect(after.golden!.q4).toEqual(before.golden!.q4!);
    expect(after.agreement!.q4).toEqual(before.agreement!.q4!);
    expect(Object.keys(after.golden!).sort()).toEqual(["q4", "q8"]);
    expect(later.ran).toEqual(["q8"]);
  });

  test("gets its truth anew where the weights are others, or the numbers are damaged", async () => {
    await build(["q4"], runnerOf(right));
    const numbers = join(modelFolder(directory, model.id), "fp32-numbers.json");
    writeFileSync(numbers, readFileSync(numbers, "utf8").slice(0, -20));
    const later = runnerOf(right);
    await build(["q4"], { ...later, answer: (...asked) => answerWhileHere(later, asked) });
    expect(later.ran).toEqual(["fp32", "q4"]);
  });

  test.each([
    [
      "ranks texts in another order",
      "q8",
      (value: number) => value + 40 * (value % 7),
      "ranks texts as fp32 does to 0.",
    ],
    ["gives no numbers", "q4", () => Number.NaN, "gives NaN"],
    ["gives zeros", "fp16", () => 0, "ranks texts as fp32 does to 0.000 only, and 0.99 is asked for"],
    ["gives the reverse", "q4f16", (value: number) => -value, "ranks texts as fp32 does to -1.000"],
  ] as [string, Dtype, (value: number) => number, string][])(
    "is refused where it %s, and nothing of it is kept",
    async (_, dtype, wrong, sentence) => {
      const runner = runnerOf((own, value) => (own === "fp32" ? right(own, value) : wrong(value)));
      const { code, message } = await refusal(build([dtype], runner));
      expect(code).toBe("model.unsupported");
      expect(message).toStartWith(`the form ${dtype} of tiny-qwen3-classes ${sentence}`);
      expect(locked()).toBeUndefined();
      expect(existsSync(join(partFolder(directory, model.id), "built"))).toBe(false);
      await expect(findModel(model.id, directory)).rejects.toMatchObject({ code: "model.missing" });
    },
  );

  test("of fp32 is refused where it gives no numbers", async () => {
    const { message } = await refusal(
      build(
        ["fp32"],
        runnerOf(() => Number.NaN),
      ),
    );
    expect(message).toBe("the form fp32 of tiny-qwen3-classes gives NaN for a text");
  });
});

describe("a machine that cannot run", () => {
  test("fp32 builds the form all the same, keeps its numbers and says why it was not compared", async () => {
    // As much as fp32 takes, less a byte.
    const runner = runnerOf(right, { freeBytes: memoryToRun("fp32", await weightsOf("fp32")) - 1 });
    await build(["q4"], runner);
    expect(runner.ran).toEqual(["q4"]);
    const { golden, agreement } = locked()!;
    expect(golden!.q4).toHaveLength(4);
    expect(agreement!.q4).toEqual({
      unmeasured: expect.stringMatching(
        /^fp32 was not run here: it takes about \S+ GB of memory to run, and/,
      ),
    });
  });

  test("anything builds, and says that nothing is known of the numbers", async () => {
    const runner: FormRunner = {
      freeMemoryBytes: () => 1e12,
      answer: async () => ({ unable: "no library" }),
    };
    await build(["fp32", "q4"], runner);
    const { golden, agreement } = locked()!;
    expect(golden).toEqual({});
    expect(agreement).toEqual({
      fp32: { unmeasured: "it was not run here: no library" },
      q4: { unmeasured: "it was not run here: no library" },
    });
  });
});

test.each(["fp32", "q4"])(
  "a build that is killed while %s is tried leaves nothing that loads, and the next one ends it",
  async (dtype) => {
    const source = (path: string): string =>
      JSON.stringify(join(import.meta.dir, "../../../src/models", path));
    const script = `
    const { buildFromFolder } = await import(${source("built-model.ts")});
    await buildFromFolder(${JSON.stringify(directory)}, ${JSON.stringify(model)}, { kind: "safetensors", files: [] },
      ${JSON.stringify(folder)}, { dtypes: ["q4"], runner: {
        freeMemoryBytes: () => 1e12,
        answer: (form, batches) => {
          if (form.dtype === ${JSON.stringify(dtype)}) {
            console.log("tried");
            setInterval(() => {}, 1000);
            return new Promise(() => {});
          }
          return batches.flat().map((question) => [JSON.stringify(question).length]);
        },
      } });`;
    const child = Bun.spawn([process.execPath, "-e", script], { stderr: "inherit" });
    for await (const chunk of child.stdout) if (Buffer.from(chunk).toString().includes("tried")) break;
    child.kill("SIGKILL");
    await child.exited;
    // The form is whole, and has its manifest, where nobody looks for models.
    expect(existsSync(join(partFolder(directory, model.id), "built", model.id, "manifest.json"))).toBe(true);
    expect(modelState(directory, model)).not.toBe("here");
    await expect(findModel(model.id, directory)).rejects.toMatchObject({ code: "model.missing" });
    await build(["q4"], runnerOf(right));
    expect(modelState(directory, { ...model, files: locked()!.files })).toBe("here");
  },
);

test("a manifest of an older export, with agreement in another form, is read without it", () => {
  const { checkpoint, ...manifest } = model;
  const file = { path: "x.onnx", size: 1, sha256: "0".repeat(64), dtype: "fp32" };
  const old = { ...manifest, files: [file], agreement: { texts: 56, fp32: { maxError: 1 } } };
  expect(manifestSchema.parse(old).agreement).toBeUndefined();
});

/** Bytes that a form has of weights. */
async function weightsOf(dtype: Dtype): Promise<number> {
  const checkpoint = await openCheckpoint(folder);
  try {
    return planGraph(checkpoint, model, dtype).weightBytes;
  } finally {
    await checkpoint.close();
  }
}

function answerWhileHere(
  { ran }: { ran: Dtype[] },
  [form, batches]: Parameters<FormRunner["answer"]>,
): ReturnType<FormRunner["answer"]> {
  ran.push(form.dtype);
  return Promise.resolve(batches.flat().map((question) => [right(form.dtype, lengthOf(question))]));
}
