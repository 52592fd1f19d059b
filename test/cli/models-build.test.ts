import { afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { readCatalog } from "../../src/models/catalog.ts";
import { CANARY } from "../canaries.ts";
import { LETTER_TOKENIZER } from "../fixtures/tokenizers.ts";
import { contentOf, floatsFile, writeFolder } from "../models/build/checkpoint-files.ts";
import { CHECKPOINTS, withCheckpoint } from "../models/build/fixtures.ts";
import { sha256, startHub } from "../models/model-hub-double.ts";
import { scratchFolders } from "../scratch.ts";
import { swiftshaderEnvironment } from "../swiftshader.ts";

// Real processes on a machine that may be busy with others.
setDefaultTimeout(120_000);

const MAIN = resolve(import.meta.dir, "../../src/main.ts");
const scratch = scratchFolders("models-build");
/** A model of this program, in whose place a tiny one of the same architecture is served. */
const model = readCatalog().find(({ id }) => id === "qwen3-0.6b-base")!;
const read = (path: string): Uint8Array => new Uint8Array(readFileSync(path));
const FILES = {
  // As long as the model that it stands for; rotary positions have no weights.
  "config.json": Buffer.from(
    JSON.stringify({
      ...JSON.parse(readFileSync(join(CHECKPOINTS, "qwen3", "config.json"), "utf8")),
      max_position_embeddings: 32_768,
    }),
  ),
  "model.safetensors": read(join(CHECKPOINTS, "qwen3", "model.safetensors")),
  "tokenizer.json": Buffer.from(JSON.stringify(LETTER_TOKENIZER.tokenizer)),
  "tokenizer_config.json": Buffer.from(JSON.stringify(LETTER_TOKENIZER.config)),
};

let directory: string;
let hub: ReturnType<typeof startHub>;
beforeEach(() => {
  directory = scratch();
  hub = startHub(FILES, model.revision, model.repo);
});
afterEach(() => hub.stop());

const environment = swiftshaderEnvironment();

async function models(...words: string[]) {
  const child = Bun.spawn([process.execPath, MAIN, "models", ...words, "--models.dir", directory], {
    env: {
      ...process.env,
      ...environment,
      HF_TOKEN: CANARY.hubToken,
      OPENVALIDATOR_MODELS_MIRROR: hub.endpoint,
    },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { exitCode: await child.exited, stdout, stderr };
}

test("pull builds a model from its original weights, telling sizes before; show, list and verify know it then", async () => {
  const pulled = await models("pull", model.id, "--dtype", "fp32,q4");
  expect(pulled.stderr).not.toContain("error");
  expect(pulled.exitCode).toBe(0);
  expect(pulled.stdout).toMatch(/^ {2}original weights \d+\.\d kB, built as fp32 and q4: at most \d+/m);
  expect(pulled.stdout).toContain(`${model.id} is built as fp32 and q4 in ${join(directory, model.id)}`);
  const numbers =
    /^ {2}q4: 4 golden numbers, tried at each load;\n {4}ranks 0\.9\d+, off by \S+ at most, against fp32/m;
  expect(pulled.stdout).toMatch(numbers);
  expect(existsSync(join(directory, ".source", model.id))).toBe(false);

  const shown = await models("show", model.id);
  expect(shown.stdout).toMatch(/^onnx\/model\.onnx +fp32 /m);
  expect(shown.stdout).toMatch(/^fp32, \d+ nodes: .*\d+ MatMul/m);
  expect(shown.stdout).toMatch(/^q4, \d+ nodes:[\s\S]*\d+ com\.microsoft\/MatMulNBits/m);
  expect(shown.stdout).toMatch(numbers);
  expect(shown.stdout).toContain(`from ${model.repo}\nat ${model.revision}:`);
  expect(shown.stdout).toContain(sha256(FILES["model.safetensors"]).slice(0, 16));
  expect(shown.stdout.split("\n").filter((line) => line.length > 100)).toEqual([]);
  expect((await models("verify", model.id)).stdout).toStartWith(`${model.id}: right, `);
  const { models: listed } = JSON.parse((await models("list", "--json")).stdout);
  expect(listed.find(({ id }: { id: string }) => id === model.id)).toMatchObject({
    state: "here",
    dtypesHere: ["fp32", "q4"],
  });

  const before = hub.requests.length;
  expect((await models("pull", model.id, "--dtype", "q4")).stdout).toContain(
    `${model.id} is in ${directory}`,
  );
  expect(hub.requests.length).toBe(before);
});

test("show tells what of a model runs on a device, and what on the CPU", async () => {
  await models("pull", model.id, "--dtype", "q4");
  const onCpu = await models("show", model.id, "--device", "cpu");
  expect(onCpu.stdout).toMatch(
    /^q4 on cpu, tried in \d+ ms: 4 numbers are off by \S+ at most, 0\.005 is allowed$/m,
  );
  expect(onCpu.stdout).toMatch(/^ {2}run by cpu, \d+ nodes: \d+ [A-Z]/m);
  expect(onCpu.stdout).not.toContain("run by webgpu");
  if (environment === undefined) return;
  const onGpu = await models("show", model.id, "--device", "webgpu");
  expect(onGpu.stdout).toMatch(/^q4 on webgpu:\S.*, tried in \d+ ms: 4 numbers/m);
  const count = (device: string): number =>
    Number(new RegExp(`run by ${device}, (\\d+) nodes`).exec(onGpu.stdout)?.[1]);
  expect(count("webgpu")).toBeGreaterThan(50);
  expect(count("cpu")).toBeLessThan(30);
  expect(onGpu.stdout).toMatch(/run by webgpu, \d+ nodes:[\s\S]*MatMulNBits/);
});

test("fp32 that is made for a while is told before", async () => {
  const pulled = await models("pull", model.id, "--dtype", "q4,q4");
  expect(pulled.stdout).toMatch(/, built as q4: at most \S+ kB more$/m);
  expect(pulled.stdout).toMatch(
    /^ {2}fp32 is made for a while, to hold the others against it: at most \S+ kB and \S+ kB of memory \(\S+ [MG]B are free\)$/m,
  );
});

test("--keep-source keeps the weights, from which build works without a network, and remove tells of them", async () => {
  expect((await models("pull", model.id, "--dtype", "q4", "--keep-source")).exitCode).toBe(0);
  const source = join(directory, ".source", model.id);
  expect(readdirSync(source).sort()).toEqual(Object.keys(FILES).sort());
  const asked = hub.requests.length;
  const built = await models("build", model.id, source, "--dtype", "fp32");
  expect(built.exitCode).toBe(0);
  expect(built.stdout).toMatch(/^ {2}original weights \S+ kB, built as fp32: at most \S+ kB more$/m);
  expect(built.stdout).toContain("No known sha256, taken as found in the folder: config.json");
  expect(hub.requests.length).toBe(asked);
  expect((await models("verify", model.id)).exitCode).toBe(0);

  expect((await models("show", model.id)).stdout).toMatch(/^its original weights, \S+ kB, in\n.*\.source/m);
  const first = await models("remove", model.id, "--keep-source");
  expect(first.stdout).toMatch(
    /^removed the model, \S+ kB, in\n\/.*\nstill here: its original weights, \S+ kB, in\n\/.*\n$/,
  );
  expect((await models("build", model.id, source, "--dtype", "fp32")).exitCode).toBe(0);
  expect((await models("remove", model.id, "--source-only")).stdout).toMatch(
    /^removed its original weights, \S+ kB, in\n\/.*\nstill here: the model, \S+ kB, in\n\/.*\n$/,
  );
  expect((await models("remove", model.id, "--source-only")).stdout).toStartWith("the original weights of");
  expect((await models("remove", model.id)).stdout).toMatch(/^removed the model, \S+ kB, in\n\/.*\n$/);
});

test("a pull tells what each model takes, all of them, and what is free, before a byte is fetched", async () => {
  const pulled = await models("pull", model.id, "minilmv2-toxic-jigsaw", "--dtype", "q8");
  const [header, , own, other, total] = pulled.stdout.split("\n");
  expect(header).toMatch(/^model +for +forms +download +on disk +at peak +GPU +CPU$/);
  // The hub tells the size of the stand-in, the manifest that of the other.
  expect(own).toMatch(/^qwen3-0\.6b-base +dpo +q8 +\d+\.\d kB +~\S+ kB +~\d+ kB /);
  expect(other).toMatch(/^minilmv2-toxic-jigsaw +nsfw +q8 +23\.6 MB +23\.6 MB +23\.6 MB +22\.9 MB /);
  expect(total).toMatch(/^total +23\.6 MB +~23\.6 MB +~23\.6 MB /);
  expect(pulled.stdout).toMatch(/^\S+ GB of the disk are free in \//m);
});

/** What toxic-bert's original weights stand for: its architecture and labels, and as many places. */
async function writeClassifier(folder: string): Promise<void> {
  const from = join(CHECKPOINTS, "bert-classes");
  const content = await contentOf(from);
  const config = JSON.parse(readFileSync(join(from, "config.json"), "utf8"));
  const shapes = await withCheckpoint("bert-classes", async ({ tensors }) =>
    Object.fromEntries([...tensors].map(([name, { shape }]) => [name, [...shape]])),
  );
  const tensors = Object.fromEntries(
    Object.entries(content).map(([name, values]) => [name, { shape: shapes[name]!, values }]),
  );
  const places = tensors["bert.embeddings.position_embeddings.weight"]!;
  const [rows, width] = places.shape as [number, number];
  places.values = Array.from({ length: 512 * width }, (_, at) => places.values[at % (rows * width)]!);
  places.shape = [512, width];
  writeFolder(folder, {
    "config.json": JSON.stringify({ ...config, max_position_embeddings: 512 }),
    "tokenizer.json": FILES["tokenizer.json"],
    "tokenizer_config.json": FILES["tokenizer_config.json"],
    "model.safetensors": floatsFile(tensors),
  });
}

test("what the hub has as a graph is built of its original weights as well, and the two are not mixed", async () => {
  const folder = scratch();
  await writeClassifier(folder);
  const built = await models("build", "toxic-bert", folder, "--dtype", "fp32");
  expect(built.stderr).not.toContain("error");
  expect(built.exitCode).toBe(0);
  const shown = await models("show", "toxic-bert");
  expect(shown.stdout).toContain("built by this program from safetensors weights");
  expect(shown.stdout).toContain("from unitary/toxic-bert\nat 4d6c22e74ba2fdd26bc4f7238f50766b045a0d94:");
  expect((await models("verify", "toxic-bert")).stdout).toBe("toxic-bert: right, fp32\n");
  expect((await models("pull", "toxic-bert", "--dtype", "fp32")).stdout).toContain("toxic-bert is in ");
  expect(hub.requests).toEqual([]);
  expect((await models("list")).stdout).toMatch(/^toxic-bert +nsfw +\S+ kB +fp32 +here +standard$/m);

  const other = await models("build", "all-mpnet-base-v2", folder);
  expect(other.stderr).toContain(`model.safetensors in ${folder} is not the one of all-mpnet-base-v2`);
});

test("build says what it does not build, and what a folder lacks", async () => {
  const folder = scratch();
  writeFileSync(join(folder, "config.json"), "{}");
  const { files: _, original: __, ...own } = readCatalog().find(({ id }) => id === "minilmv2-toxic-jigsaw")!;
  const file = { path: "onnx/model.onnx", size: 1, sha256: "0".repeat(64), dtype: "fp32" };
  mkdirSync(join(directory, "mine"));
  writeFileSync(
    join(directory, "mine/manifest.json"),
    JSON.stringify({ ...own, id: "mine", files: [file], dtype: { webgpu: ["fp32"], cpu: ["fp32"] } }),
  );
  const other = await models("build", "mine", folder);
  expect(other.exitCode).not.toBe(0);
  expect(other.stderr).toContain("mine is not built by this program");
  expect(other.stderr).toContain("qwen3-0.6b-base");
  const lacking = await models("build", model.id, folder);
  expect(lacking.exitCode).toBe(69);
  expect(lacking.stderr).toContain("has no tokenizer.json and no tokenizer_config.json");
  expect((await models("show", model.id)).stdout).toContain("nothing of it is in");
  const none = await models("build", model.id, join(folder, "config.json"));
  expect([none.exitCode, none.stderr]).toEqual([69, expect.stringContaining("config.json is no folder")]);
});
