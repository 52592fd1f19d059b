import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { childEnvironment } from "../../src/base/child-environment.ts";
import { sleep } from "../../src/base/deadline.ts";
import type { ModelChange, Served } from "../../src/inference/changes.ts";
import { InferenceSupervisor } from "../../src/inference/supervisor.ts";
import { WorkerProcess } from "../../src/inference/worker-process.ts";
import { EMBEDDED_MODEL } from "../../src/models/embedded.ts";
import golden from "../golden/inference.json";
import { swiftshaderEnvironment } from "../swiftshader.ts";

// Real processes on a machine that may be busy with others.
setDefaultTimeout(60_000);

const texts = golden.texts.map(({ text }) => text);
/** A second of work on two cores: a worker is in the middle of it when it is killed. */
const many = Array.from({ length: 200 }, (_, index) => `${texts[2]} ${texts[4]} Number ${index}.`);
/** More than any machine does while a test waits. */
const endless = Array.from({ length: 40 }, (_, round) => many.map((text) => `${round} ${text}`)).flat();
/** Quantised numbers of one vector differ from fp32 by about 0.001; another model would differ by 0.05. */
const TOLERANCE = 0.008;
/** A third of the step in which the order mask falls from nine tenths to one half. */
const DISORDER_TOLERANCE = 0.013;

const dot = (a: Float32Array, b: Float32Array): number =>
  a.reduce((sum, value, at) => sum + value * b[at]!, 0);

function expectGolden(vectors: readonly Float32Array[], count = golden.texts.length): void {
  expect(vectors).toHaveLength(count);
  for (const [index, { first8 }] of golden.texts.slice(0, count).entries()) {
    const vector = vectors[index]!;
    expect(vector).toHaveLength(384);
    expect(dot(vector, vector)).toBeCloseTo(1, 5);
    for (const [at, value] of first8.entries()) expect(Math.abs(vector[at]! - value)).toBeLessThan(TOLERANCE);
  }
}

/** Lets the worker get well into its work. */
const meanwhile = (): Promise<void> => sleep(50);

describe("a worker on the CPU", () => {
  let inference: InferenceSupervisor;
  const changes: ModelChange[] = [];
  let served: Served[] = [];
  let onRestart = (): void => undefined;
  beforeAll(async () => {
    inference = await InferenceSupervisor.start({
      device: "cpu",
      onModel(change) {
        changes.push(change);
        if (change.state === "restarted") onRestart();
      },
      onServed: (one) => served.push(one),
    });
  });
  afterEach(() => {
    onRestart = () => undefined;
    changes.length = 0;
    served = [];
  });
  afterAll(async () => await inference.stop());

  test("says what it runs on, and that the model was loaded and tried on its golden numbers", () => {
    expect(inference.device).toEqual({ kind: "cpu" });
    const facts = { model: EMBEDDED_MODEL, device: "cpu", dtype: "q8", bytes: 24_574_322 };
    expect(changes).toEqual([
      { ...facts, state: "loaded", ms: expect.any(Number), detail: null },
      {
        ...facts,
        state: "tried",
        ms: expect.any(Number),
        detail: expect.stringMatching(/^\d+ numbers are off/),
      },
    ]);
    for (const { ms } of changes) expect(ms).toBeGreaterThan(0);
    expect(inference.running).toMatchObject([{ id: EMBEDDED_MODEL, device: "cpu", dtype: "q8" }]);
    expect(inference.running[0]!.sha256).toMatch(/^[0-9a-f]{64}$/);
  });

  test("tells of each answer how long it waited and how long it was computed", async () => {
    const start = performance.now();
    await Promise.all([
      inference.embed(EMBEDDED_MODEL, many.slice(0, 50)),
      inference.embed(EMBEDDED_MODEL, ["x"]),
    ]);
    const wholeMs = performance.now() - start;
    const [first, second] = served;
    expect(served).toMatchObject([{ model: EMBEDDED_MODEL, count: 50 }, { count: 1 }]);
    expect(first!.queueMs).toBeLessThan(first!.computeMs);
    expect(second!.queueMs).toBeGreaterThanOrEqual(first!.computeMs);
    expect(second!.queueMs + second!.computeMs).toBeLessThanOrEqual(wholeMs);
  });

  test("gives the vectors of the original model, in the order of the texts", async () => {
    expectGolden(await inference.embed(EMBEDDED_MODEL, texts));
    expectGolden((await inference.embed(EMBEDDED_MODEL, texts.toReversed())).toReversed());
  });

  test("gives a text the same vector alone and in a batch", async () => {
    const together = await inference.embed(EMBEDDED_MODEL, texts);
    for (const [index, text] of texts.entries()) {
      const [alone] = await inference.embed(EMBEDDED_MODEL, [text]);
      expect(dot(alone!, together[index]!)).toBeGreaterThan(0.9999);
    }
  });

  test("gives nothing for nothing", async () => {
    expect(await inference.embed(EMBEDDED_MODEL, [])).toEqual([]);
  });

  test("bears what a stranger may send", async () => {
    const hostile = [
      "",
      " ",
      "\0",
      "\ud800",
      "[SEP]".repeat(50_000),
      "🙂".repeat(100_000),
      "a".repeat(1_000_000),
    ];
    for (const vector of await inference.embed(EMBEDDED_MODEL, hostile))
      expect(dot(vector, vector)).toBeCloseTo(1, 5);
  });

  test("keeps the parent's event loop free", async () => {
    let ticks = 0;
    const timer = setInterval(() => ticks++, 10);
    await inference.embed(EMBEDDED_MODEL, many.slice(0, 100));
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(5);
  });

  test("refuses a model that is not there, and goes on", async () => {
    await expect(inference.embed("no-such-model", ["x"])).rejects.toMatchObject({ code: "model.missing" });
    expectGolden(await inference.embed(EMBEDDED_MODEL, texts));
  });

  test("is replaced when it is killed in the middle of a batch, and the batch is answered", async () => {
    const before = inference.workerPid!;
    const answer = inference.embed(EMBEDDED_MODEL, [...texts, ...many]);
    await meanwhile();
    process.kill(before, "SIGKILL");
    const vectors = await answer;
    expectGolden(vectors.slice(0, texts.length));
    expect(vectors).toHaveLength(texts.length + many.length);
    expect(changes.map(({ state }) => state)).toEqual(["lost", "loaded", "tried", "restarted"]);
    expect(changes[0]!.detail).toContain("SIGKILL");
    expect(changes[3]!.ms).toBeGreaterThan(0);
    expect(inference.workerPid).not.toBe(before);
  });

  test("fails a request over which it died twice, and serves the next", async () => {
    onRestart = () => process.kill(inference.workerPid!, "SIGKILL");
    const answer = inference.embed(EMBEDDED_MODEL, endless);
    await meanwhile();
    process.kill(inference.workerPid!, "SIGKILL");
    await expect(answer).rejects.toMatchObject({ code: "inference.crashed" });
    onRestart = () => undefined;
    expectGolden(await inference.embed(EMBEDDED_MODEL, texts));
  });

  test("is replaced when it dies between two requests", async () => {
    const before = inference.workerPid!;
    process.kill(before, "SIGKILL");
    expectGolden(await inference.embed(EMBEDDED_MODEL, texts));
    expect(inference.workerPid).not.toBe(before);
  });
});

describe("the life of a worker", () => {
  test("ends with stop, and what is under way or asked later says so", async () => {
    const inference = await InferenceSupervisor.start({ device: "cpu" });
    const pid = inference.workerPid!;
    const underWay = inference.embed(EMBEDDED_MODEL, endless).catch((error: unknown) => error);
    await meanwhile();
    await inference.stop();
    expect(await underWay).toMatchObject({ code: "inference.stopped" });
    await expect(inference.embed(EMBEDDED_MODEL, ["x"])).rejects.toMatchObject({ code: "inference.stopped" });
    expect(() => process.kill(pid, 0)).toThrow();
  });

  test("ends within three seconds of stop when it is stopped or hung", async () => {
    const inference = await InferenceSupervisor.start({ device: "cpu" });
    const pid = inference.workerPid!;
    process.kill(pid, "SIGSTOP");
    const underWay = inference.embed(EMBEDDED_MODEL, ["x"]).catch((error: unknown) => error);
    const start = performance.now();
    await inference.stop();
    expect(performance.now() - start).toBeLessThan(3_000);
    expect(await underWay).toMatchObject({ code: "inference.stopped" });
    expect(() => process.kill(pid, 0)).toThrow();
  });

  test("gives it what drivers need of the environment, and no secret", async () => {
    const before = { ...process.env };
    Object.assign(process.env, {
      HF_TOKEN: "hf_secret",
      BT_PW__ROOT__VALIDATOR: "secret",
      WANDB_API_KEY: "secret",
      NVIDIA_API_KEY: "secret",
      OPENVALIDATOR_WALLET_NAME: "secret",
      MESA_DEBUG: "silent",
      XDG_CACHE_HOME: "/nonexistent/cache",
    });
    try {
      const inference = await InferenceSupervisor.start({
        device: "cpu",
        environment: { LP_NUM_THREADS: "1" },
      });
      const environ = readFileSync(`/proc/${inference.workerPid}/environ`, "utf8").split("\0");
      await inference.stop();
      expect(environ).toContain("MESA_DEBUG=silent");
      expect(environ).toContain("XDG_CACHE_HOME=/nonexistent/cache");
      expect(environ).toContain("LP_NUM_THREADS=1");
      expect(environ.filter((line) => line.includes("secret"))).toEqual([]);
    } finally {
      for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
      Object.assign(process.env, before);
    }
  });

  test("ends with its parent, even when that is killed", async () => {
    const module = join(import.meta.dir, "../../src/inference/supervisor.ts");
    const script = `const { InferenceSupervisor } = await import(${JSON.stringify(module)});
      const inference = await InferenceSupervisor.start({ device: "cpu" });
      console.log(inference.workerPid); setInterval(() => {}, 1000);`;
    const parent = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe", stderr: "ignore" });
    const { value } = await parent.stdout.getReader().read();
    const worker = Number(new TextDecoder().decode(value));
    expect(existsSync(`/proc/${worker}`)).toBe(true);
    parent.kill("SIGKILL");
    // Ends by the test's own time limit when the worker stays.
    while (existsSync(`/proc/${worker}`)) await sleep(20);
  });

  test("is cut short when it is silent for too long, as on a hung device", async () => {
    const inference = await InferenceSupervisor.start({ device: "cpu", requestTimeoutMs: 1_000 });
    process.kill(inference.workerPid!, "SIGSTOP");
    await expect(inference.embed(EMBEDDED_MODEL, ["x"])).rejects.toMatchObject({ code: "inference.late" });
    const [vector] = await inference.embed(EMBEDDED_MODEL, ["a short one"]);
    expect(dot(vector!, vector!)).toBeCloseTo(1, 5);
    await inference.stop();
  });

  test("has as long as it needs while batches are computed", async () => {
    const child = `
      process.on("message", async ({ kind, id }) => {
        if (kind === "start") process.send({ kind: "ready", device: { kind: "cpu" }, leftOut: [] });
        if (kind !== "work") return;
        for (let batch = 0; batch < 20; batch++) {
          await Bun.sleep(100);
          process.send({ kind: "alive" });
        }
        process.send({ kind: "done", id, values: Float32Array.of(7), width: 1, counts: [1], shed: [] });
      });`;
    const worker = await WorkerProcess.start([process.execPath, "-e", child], childEnvironment(process.env), {
      device: "cpu",
      models: [],
    });
    // Twenty batches of 100 ms are two seconds.
    const { values } = await worker.compute(
      { id: 1, model: "m", work: { kind: "embed", texts: ["x"] } },
      1_500,
    );
    expect([...values]).toEqual([7]);
    worker.kill();
    await worker.exited;
  });

  test("ends at once when the start is called off, even of a process that does not react", async () => {
    const command = [process.execPath, "-e", "process.kill(process.pid, 'SIGSTOP')"];
    const stop = new AbortController();
    const start = WorkerProcess.start(
      command,
      childEnvironment(process.env),
      { device: "cpu", models: [] },
      stop,
    ).catch((error: unknown) => error);
    await meanwhile();
    const since = performance.now();
    stop.abort();
    expect(await start).toMatchObject({ code: "inference.crashed" });
    const signal = AbortSignal.timeout(50);
    await expect(InferenceSupervisor.start({ device: "cpu", signal })).rejects.toMatchObject({
      code: "inference.stopped",
    });
    expect(performance.now() - since).toBeLessThan(2_000);
  });
});

describe("the choice of a device", () => {
  const nothing = { VK_ICD_FILENAMES: "/nonexistent/icd.json", VK_DRIVER_FILES: "/nonexistent/icd.json" };

  test("fails for webgpu where there is no GPU", async () => {
    await expect(InferenceSupervisor.start({ device: "webgpu", environment: nothing })).rejects.toMatchObject(
      {
        code: "gpu.none",
      },
    );
  });

  test("falls to the CPU for auto where there is no GPU", async () => {
    const inference = await InferenceSupervisor.start({ device: "auto", environment: nothing });
    expect(inference.device.kind).toBe("cpu");
    await inference.stop();
  });
});

const environment = swiftshaderEnvironment();
describe.skipIf(environment === undefined)("WebGPU through SwiftShader", () => {
  test("gives the vectors of the original model, whatever shares a batch", async () => {
    const inference = await InferenceSupervisor.start({ device: "webgpu", environment });
    expect(inference.device.kind).toBe("webgpu");
    expect(inference.device.adapter).toContain("SwiftShader");
    // Without the last text, of 256 tokens: it alone takes SwiftShader ten seconds.
    const short = texts.slice(0, -1);
    expectGolden(await inference.embed(EMBEDDED_MODEL, short), short.length);
    await inference.stop();
  });

  test("gives the same verdict on the order of words as the CPU", async () => {
    const ordered = "The storm broke the wall, and nobody had money to mend it.";
    const torn = "Wall nobody the storm it mend, and to broke had the money.";
    const asked = [ordered, torn, texts[0]!, texts[1]!];
    const told: number[][] = [];
    for (const device of ["cpu", "webgpu"] as const) {
      const inference = await InferenceSupervisor.start({
        device,
        ...(device === "webgpu" && { environment }),
      });
      const read = await inference.read(EMBEDDED_MODEL, asked);
      told.push(read.map(({ disorder }) => disorder ?? Number.NaN));
      await inference.stop();
    }
    const [cpu, webgpu] = told as [number[], number[]];
    expect(cpu[0]).toBeLessThan(0.15);
    expect(cpu[1]).toBeGreaterThan(0.4);
    for (const [at, disorder] of cpu.entries())
      expect(Math.abs(disorder - webgpu[at]!)).toBeLessThan(DISORDER_TOLERANCE);
  });

  test("is passed over by auto, because a CPU is faster without it", async () => {
    const inference = await InferenceSupervisor.start({ device: "auto", environment });
    expect(inference.device).toEqual({ kind: "cpu" });
    await inference.stop();
  });
});
