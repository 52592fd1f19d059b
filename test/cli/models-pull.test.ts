import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync, statSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { sleep } from "../../src/base/deadline.ts";
import { readCatalog } from "../../src/models/catalog.ts";
import { CANARY } from "../canaries.ts";
import { startHub } from "../models/model-hub-double.ts";

// Real processes on a machine that may be busy with others.
setDefaultTimeout(60_000);

const MAIN = resolve(import.meta.dir, "../../src/main.ts");
const TOKEN = CANARY.hubToken;
const WEIGHTS = new Uint8Array(400_000).map((_, index) => (index * 37) % 241);
/** A model of this program whose fp32 files have no hash in the manifest, so that the hub may bring its own. */
const model = readCatalog().find(({ id }) => id === "toxic-bert")!;
const FILES = {
  "config.json": new TextEncoder().encode("{}"),
  "tokenizer.json": new TextEncoder().encode('{"a":1}'),
  "tokenizer_config.json": new TextEncoder().encode('{"b":1}'),
  "onnx/model.onnx": WEIGHTS,
};

let directory: string;
let hub: ReturnType<typeof startHub>;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "ov-pull-"));
  hub = startHub(FILES, model.revision, model.repo);
});
afterEach(async () => {
  await hub.stop();
  rmSync(directory, { recursive: true, force: true });
});

const partPath = (): string => join(directory, ".partial", model.id, "onnx/model.onnx");
const weightsPath = (): string => join(directory, model.id, "onnx/model.onnx");
const partBytes = (): number => statSync(partPath(), { throwIfNoEntry: false })?.size ?? 0;

function start(...words: string[]) {
  const child = Bun.spawn([process.execPath, MAIN, "models", ...words, "--models.dir", directory], {
    env: { ...process.env, HF_TOKEN: TOKEN, OPENVALIDATOR_MODELS_MIRROR: hub.endpoint },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const ended = Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]).then(
    async ([stdout, stderr]) => {
      expect(stdout + stderr).not.toContain(TOKEN);
      return { exitCode: await child.exited, stdout, stderr };
    },
  );
  return { child, ended };
}

const run = (...words: string[]) => start(...words).ended;
const pull = () => start("pull", model.id, "--dtype", "fp32", "--logging.debug");

/** A pull that has half of the weights and waits for the rest. */
async function pullToTheMiddle() {
  hub.tricks.push("held");
  const pulling = pull();
  while (partBytes() < WEIGHTS.length / 2) await sleep(10);
  return pulling;
}

describe("two pulls at once, in two processes", () => {
  test("one brings the model, the other is told of it", async () => {
    const first = await pullToTheMiddle();
    const second = await pull().ended;
    expect(second.exitCode).toBe(69);
    expect(second.stderr).toContain(
      `error: another openvalidator is pulling, importing or removing ${model.id}\n`,
    );
    expect((await run("remove", model.id)).exitCode).toBe(69);
    hub.release();
    expect(await first.ended).toMatchObject({ exitCode: 0 });
    expect(hub.ranges()).toEqual([null]);
    expect(await run("verify")).toMatchObject({
      exitCode: 0,
      stdout: `${model.id}: right, fp32 (4 of 4 hashes locked by the first pull or import)\n`,
    });
  });
});

describe("a pull that is killed in the middle", () => {
  test("leaves a part and no lock: the next pull goes on", async () => {
    const killed = await pullToTheMiddle();
    killed.child.kill("SIGKILL");
    await killed.ended;
    const left = partBytes();
    expect(await pull().ended).toMatchObject({ exitCode: 0 });
    expect(hub.ranges()).toEqual([null, `bytes=${left}-`]);
    expect(await run("verify")).toMatchObject({ exitCode: 0 });
  });

  test("by Ctrl-C says what to do next", async () => {
    const stopped = await pullToTheMiddle();
    stopped.child.kill("SIGINT");
    const { exitCode, stderr } = await stopped.ended;
    expect(exitCode).toBe(75);
    expect(stderr).toContain("error: the pull was stopped\n  → pull again");
    expect(partBytes()).toBeGreaterThan(0);
  });
});

test("a pull asks the hub once for the files of a repository", async () => {
  const { exitCode } = await pull().ended;
  expect(exitCode).toBe(0);
  expect(hub.requests.filter(({ path }) => path.startsWith("/api/"))).toHaveLength(1);
});

describe("verify", () => {
  test("names what is wrong, ends with 69 and says how to mend it", async () => {
    await pull().ended;
    truncateSync(weightsPath(), 1000);
    const { exitCode, stdout, stderr } = await run("verify");
    expect(exitCode).toBe(69);
    expect(stdout).toBe(`${model.id}: onnx/model.onnx: 1000 bytes instead of ${WEIGHTS.length}\n`);
    expect(stderr).toContain(`openvalidator models pull ${model.id} --dtype fp32`);
    expect(await pull().ended).toMatchObject({ exitCode: 0 });
    expect(await run("verify")).toMatchObject({ exitCode: 0 });
    const { models } = JSON.parse((await run("list", "--json")).stdout) as { models: { id: string }[] };
    expect(models.find(({ id }) => id === model.id)).toMatchObject({
      id: model.id,
      state: "here",
      dtypes: ["fp32", "fp16"],
      dtypesHere: ["fp32"],
    });
    expect((await run("list")).stdout).toMatch(/^toxic-bert +nsfw +400 kB +fp32 +here /m);
  });
});
