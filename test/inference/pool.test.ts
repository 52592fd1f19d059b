import { afterAll, afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Failure } from "../../src/base/error.ts";
import { configureLog } from "../../src/base/log.ts";
import type { ModelChange } from "../../src/inference/changes.ts";
import type { InferenceCode } from "../../src/inference/failure.ts";
import { ModelPool, type ModelPoolOptions } from "../../src/inference/pool.ts";
import type { ModelOrder } from "../../src/inference/protocol.ts";
import { InferenceSupervisor } from "../../src/inference/supervisor.ts";
import { findModel } from "../../src/models/model-files.ts";
import { type FixtureId, writeFixtures } from "../fixtures/models.ts";
import { swiftshaderEnvironment } from "../swiftshader.ts";

// Real processes on a machine that may be busy with others.
setDefaultTimeout(120_000);

const fixtures = writeFixtures();
const { directory } = fixtures;
afterAll(() => fixtures.remove());

let lines: string[] = [];
beforeEach(() => {
  lines = [];
  configureLog({ level: "warn", format: "plain", write: (line) => void lines.push(line) });
});
afterEach(() => configureLog({ level: "info", format: "auto", write: (line) => process.stderr.write(line) }));

async function weightBytes(id: FixtureId): Promise<number> {
  return (await findModel(id, directory)).manifest.files.find(({ dtype }) => dtype === "fp32")!.size;
}

/** Processes of which those on a GPU answer as one whose memory other programs took after the start. */
function startFull(): { start: typeof InferenceSupervisor.start; asked: string[] } {
  const asked: string[] = [];
  const start: typeof InferenceSupervisor.start = async (options) => {
    const inference = await InferenceSupervisor.start({ ...options, device: "cpu" });
    if (options.device === "cpu") return inference;
    const full: Pick<InferenceSupervisor, "leftOut" | "device" | "stop" | "embed"> = {
      leftOut: inference.leftOut,
      device: { kind: "webgpu" },
      stop: () => inference.stop(),
      async embed(model: string): Promise<never> {
        asked.push(model);
        throw new Failure<InferenceCode>("gpu.memory", { message: "no memory" });
      },
    };
    return full as InferenceSupervisor;
  };
  return { start, asked };
}

describe("a process with a budget of memory", () => {
  const start = async (
    budget: readonly FixtureId[],
    models: ModelOrder[],
    onModel?: (change: ModelChange) => void,
  ): Promise<InferenceSupervisor> => {
    const bytes = await Promise.all(budget.map(weightBytes));
    return await InferenceSupervisor.start({
      device: "cpu",
      models,
      ...(onModel && { onModel }),
      modelDirectory: directory,
      memoryBytes: bytes.reduce((sum, size) => sum + size, 0),
    });
  };

  test("loads in the given order what fits, and tells what does not", async () => {
    const inference = await start(["tiny-bert"], [{ id: "tiny-bert" }, { id: "tiny-mpnet" }]);
    expect(inference.leftOut.map(({ id, failure }) => [id, failure.code])).toEqual([
      ["tiny-mpnet", "gpu.memory"],
    ]);
    expect(inference.leftOut[0]!.failure.message).toMatch(/tiny-mpnet needs 0\.\d MB, and 0\.0 MB are left/);
    await expect(inference.embed("tiny-mpnet", ["x"])).rejects.toMatchObject({ code: "gpu.memory" });
    expect(await inference.embed("tiny-bert", ["x"])).toHaveLength(1);
    await inference.stop();
  });

  test("gives up optional models for one that is needed, the last first, and loads them no more", async () => {
    const changes: ModelChange[] = [];
    const inference = await start(
      ["tiny-bert", "tiny-mpnet", "tiny-deberta-rm"],
      [
        { id: "tiny-bert" },
        { id: "tiny-mpnet", isOptional: true },
        { id: "tiny-deberta-rm", isOptional: true },
        { id: "tiny-roberta-hate", isDeferred: true },
      ],
      (change) => changes.push(change),
    );
    expect(inference.leftOut).toEqual([]);
    expect(await inference.classify("tiny-deberta-rm", [{ pieces: "x" }])).toHaveLength(1);
    expect(await inference.classify("tiny-roberta-hate", [{ pieces: "x" }])).toHaveLength(1);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain("model=tiny-deberta-rm for=tiny-roberta-hate");
    expect(changes.filter(({ state }) => state === "shed")).toMatchObject([
      { model: "tiny-deberta-rm", detail: "its memory was needed for tiny-roberta-hate" },
    ]);
    expect(inference.running.map(({ id }) => id)).toEqual(["tiny-bert", "tiny-mpnet", "tiny-roberta-hate"]);
    await expect(inference.classify("tiny-deberta-rm", [{ pieces: "x" }])).rejects.toMatchObject({
      code: "model.shed",
    });
    expect(await inference.embed("tiny-mpnet", ["x"])).toHaveLength(1);
    expect(await inference.embed("tiny-bert", ["x"])).toHaveLength(1);
    await inference.stop();
  });
});

describe("a pool of models", () => {
  const open = (options: Partial<ModelPoolOptions> & Pick<ModelPoolOptions, "models">): Promise<ModelPool> =>
    ModelPool.start({ modelDirectory: directory, ...options });

  test("serves each model from the process of its device", async () => {
    const pool = await open({ models: [{ id: "tiny-bert", device: "cpu" }] });
    expect(await pool.running()).toMatchObject([{ id: "tiny-bert", device: "cpu", dtype: "fp32" }]);
    expect((await pool.embed("tiny-bert", ["a", "b"])).length).toBe(2);
    await expect(pool.embed("tiny-mpnet", ["a"])).rejects.toThrow("nobody placed");
    await pool.stop();
  });

  test("is stopped while a process is being started", async () => {
    let startedOnCpu = (): void => undefined;
    const started = new Promise<void>((resolve) => {
      startedOnCpu = resolve;
    });
    // The process on the CPU never gets ready: its start ends by its signal alone.
    const startSupervisor: typeof InferenceSupervisor.start = (options) => {
      if (options.device !== "cpu") return startFull().start(options);
      startedOnCpu();
      return new Promise((_, reject) => {
        const end = (): void =>
          reject(new Failure<InferenceCode>("inference.stopped", { message: "stopped" }));
        options.signal?.addEventListener("abort", end);
      });
    };
    const pool = await open({ models: [{ id: "tiny-bert", device: "webgpu" }], startSupervisor });
    const asked = pool.embed("tiny-bert", ["a"]).catch((error: unknown) => error);
    await started;
    await pool.stop();
    expect(await asked).toMatchObject({ code: "inference.stopped" });
  });

  test("goes without an optional model that has no room, and says so once", async () => {
    const changes: ModelChange[] = [];
    const pool = await open({
      onModel: (change) => changes.push(change),
      models: [
        { id: "tiny-bert", device: "cpu" },
        { id: "tiny-deberta-rm", device: "cpu", isOptional: true },
      ],
      memoryBytes: await weightBytes("tiny-bert"),
    });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain("An optional model is left out");
    expect(changes.map(({ model, state }) => `${model} ${state}`)).toEqual([
      "tiny-bert loaded",
      "tiny-bert tried",
      "tiny-deberta-rm left-out",
    ]);
    expect(changes[2]!.detail).toContain("tiny-deberta-rm needs");
    expect(await pool.embed("tiny-bert", ["a"])).toHaveLength(1);
    for (let ask = 0; ask < 2; ask++)
      await expect(pool.classify("tiny-deberta-rm", [{ pieces: "a" }])).rejects.toMatchObject({
        code: "gpu.memory",
      });
    expect(lines).toHaveLength(1);
    await pool.stop();
  });

  test("does not start without the memory for a model that is needed", async () => {
    const models = [
      { id: "tiny-bert", device: "cpu" },
      { id: "tiny-mpnet", device: "cpu" },
    ] as const;
    const memoryBytes = await weightBytes("tiny-bert");
    await expect(open({ models, memoryBytes })).rejects.toMatchObject({
      code: "gpu.memory",
      message: expect.stringContaining("tiny-mpnet needs"),
      hint: expect.stringContaining("--models.memory"),
    });
  });

  test("does not start without a model's files, even of an optional one", async () => {
    const models = [
      { id: "tiny-bert", device: "cpu" },
      { id: "not-there", device: "cpu", isOptional: true },
    ] as const;
    await expect(open({ models })).rejects.toMatchObject({ code: "model.missing" });
    const empty = mkdtempSync(join(tmpdir(), "ov-none-"));
    await expect(open({ models, modelDirectory: empty })).rejects.toMatchObject({ code: "model.missing" });
  });
});

const environment = swiftshaderEnvironment();
describe.skipIf(environment === undefined)("a pool on a GPU and the CPU", () => {
  test("moves to the CPU what the GPU has no room for, with the same numbers", async () => {
    const alone = await ModelPool.start({
      modelDirectory: directory,
      models: [{ id: "tiny-deberta-rm", device: "cpu" }],
    });
    const inputs = [{ pair: ["a river", "carries water"] as [string, string] }];
    const expected = await alone.classify("tiny-deberta-rm", inputs);
    await alone.stop();
    const pool = await ModelPool.start({
      modelDirectory: directory,
      models: [
        { id: "tiny-bert", device: "webgpu" },
        { id: "tiny-deberta-rm", device: "webgpu" },
      ],
      memoryBytes: Math.max(await weightBytes("tiny-bert"), await weightBytes("tiny-deberta-rm")),
      environment,
    });
    expect((await pool.running()).map(({ id, device }) => `${id} ${device.split(":")[0]}`)).toEqual([
      "tiny-bert webgpu",
      "tiny-deberta-rm cpu",
    ]);
    expect(lines.filter((line) => line.includes("runs on the CPU"))).toHaveLength(1);
    expect(await pool.classify("tiny-deberta-rm", inputs)).toEqual(expected);
    expect(await pool.embed("tiny-bert", ["a"])).toHaveLength(1);
    await pool.stop();
  });
});

describe("a device that runs out of memory in the middle of a step", () => {
  test("loses no step: a needed model moves to the CPU for good, an optional one fails", async () => {
    const { start, asked } = startFull();
    const changes: ModelChange[] = [];
    const pool = await ModelPool.start({
      modelDirectory: directory,
      models: [
        { id: "tiny-bert", device: "webgpu" },
        { id: "tiny-mpnet", device: "webgpu", isOptional: true },
      ],
      startSupervisor: start,
      onModel: (change) => changes.push(change),
    });
    for (let step = 0; step < 3; step++) expect(await pool.embed("tiny-bert", ["a"])).toHaveLength(1);
    expect(asked).toEqual(["tiny-bert"]);
    await expect(pool.embed("tiny-mpnet", ["a"])).rejects.toMatchObject({ code: "gpu.memory" });
    expect(lines.filter((line) => line.includes("moves to the CPU"))).toHaveLength(1);
    expect(changes.filter(({ state }) => state === "moved")).toMatchObject([
      { model: "tiny-bert", device: "cpu", detail: "no memory" },
    ]);
    await pool.stop();
  });
});
