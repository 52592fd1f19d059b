import { afterAll, beforeAll, expect, test } from "bun:test";
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { buildModel } from "../../src/models/build/build.ts";
import type { Checkpoint } from "../../src/models/build/checkpoint/checkpoint.ts";
import type { ModelFile } from "../../src/models/manifest.ts";
import { LETTER_TOKENIZER } from "../fixtures/tokenizers.ts";
import { contentOf, floatsFile, writeFolder } from "../models/build/checkpoint-files.ts";
import { CHECKPOINTS, manifestOf, withCheckpoint } from "../models/build/fixtures.ts";
import { sha256 } from "../models/model-hub-double.ts";
import { INDEX, SHARDS } from "../models/sharded-checkpoint.ts";
import { BUILD_TIMEOUT_MS, type Scratch, scratch } from "./built.ts";
import type { Order, Places } from "./public-network.ts";
import { type Running, readEvents, start, waitFor } from "./subnet.ts";

/** Two starts, a pull, a build, and steps until an epoch has ended, on two busy cores. */
const RUN_TIMEOUT_MS = 240_000;
const ROOT = resolve(import.meta.dir, "../..");
const REVISION = "0123456789abcdef0123456789abcdef01234567";
const TINY_TOKENS = 64;
/** Neither loopback nor private, and none of this machine's own either: the kernel keeps it for itself all the same. */
const ALONE = [
  ...["unshare", "--map-root-user", "--net", "sh", "-c"],
  'ip link set lo up && ip route add local 20.30.40.0/24 dev lo && exec "$0" "$@"',
];
const canBeAlone = ((): boolean => {
  try {
    return Bun.spawnSync([...ALONE, "true"]).exitCode === 0;
  } catch {
    return false;
  }
})();
if (!canBeAlone)
  process.stderr.write(
    "the first start on a public network is skipped: this user cannot unshare a network\n",
  );

const tokenizer = {
  "tokenizer.json": Buffer.from(JSON.stringify(LETTER_TOKENIZER.tokenizer)),
  "tokenizer_config.json": Buffer.from(JSON.stringify(LETTER_TOKENIZER.config)),
};
const configOf = (name: string): Uint8Array => readFileSync(join(CHECKPOINTS, name, "config.json"));

/** The reward model's stand-in: its architecture and head, original weights in two shards. */
async function writeReward(folder: string): Promise<void> {
  const content = await contentOf(join(CHECKPOINTS, "deberta-v2"));
  const shapes = await withCheckpoint("deberta-v2", ({ tensors }) => tensors);
  const names = Object.keys(content);
  const halves = [names.slice(0, names.length / 2), names.slice(names.length / 2)];
  const shard = (part: string[]): Uint8Array =>
    floatsFile(
      Object.fromEntries(
        part.map((name) => [name, { shape: [...shapes.get(name)!.shape], values: content[name]! }]),
      ),
    );
  const map = halves.flatMap((part, at) => part.map((name) => [name, SHARDS[at]]));
  writeFolder(folder, {
    "config.json": configOf("deberta-v2"),
    ...tokenizer,
    [SHARDS[0]]: shard(halves[0]!),
    [SHARDS[1]]: shard(halves[1]!),
    [INDEX]: JSON.stringify({ weight_map: Object.fromEntries(map) }),
  });
}

/** The stand-in of the classifier of poison, as a graph; its weights are random, so it is made to find none. */
async function writeNsfw(folder: string): Promise<void> {
  const place = join(folder, "..", "nsfw-built");
  mkdirSync(place, { recursive: true });
  await withCheckpoint("roberta-classes", async (checkpoint) => {
    const calm: Checkpoint = {
      config: checkpoint.config,
      tensors: checkpoint.tensors,
      others: checkpoint.others,
      read: (name, rows) => (name === "classifier.out_proj.bias" ? calmBias() : checkpoint.read(name, rows)),
      close: () => checkpoint.close(),
    };
    await buildModel(calm, manifestOf("roberta-classes"), { dtype: "fp32", into: place });
  });
  writeFolder(folder, {
    "config.json": configOf("roberta-classes"),
    ...tokenizer,
    "model_optimized_quantized.onnx": readFileSync(join(place, "onnx/model.onnx")),
  });
}

async function* calmBias(): AsyncGenerator<Float32Array<ArrayBuffer>> {
  yield Float32Array.of(-10, -10);
}

const filesOf = (folder: string): ModelFile[] =>
  readdirSync(folder)
    .sort()
    .map((path) => {
      const bytes = readFileSync(join(folder, path));
      const dtype = path.endsWith(".onnx") ? { dtype: "q8" as const } : {};
      return { path, size: bytes.length, sha256: sha256(bytes), ...dtype };
    });

/** The program with the same catalog, in which two models are tiny ones. @returns the executable */
async function buildWithStandIns(place: Scratch, reward: string, nsfw: string): Promise<string> {
  const tree = join(place.root, "tree");
  for (const name of ["src", "models", "build.ts", "package.json", "bun.lock", "tsconfig.json"])
    cpSync(join(ROOT, name), join(tree, name), { recursive: true });
  for (const name of ["node_modules", ".cache"]) symlinkSync(join(ROOT, name), join(tree, name));
  const change = (id: string, over: object): void => {
    const path = join(tree, "models/manifests", `${id}.json`);
    const manifest = {
      ...JSON.parse(readFileSync(path, "utf8")),
      revision: REVISION,
      maxTokens: TINY_TOKENS,
    };
    writeFileSync(path, JSON.stringify({ ...manifest, ...over }));
  };
  const shards = filesOf(reward).filter(({ path }) => path.startsWith("model-"));
  change("oa-deberta-v3-base", { checkpoint: { kind: "safetensors", files: shards } });
  change("minilmv2-toxic-jigsaw", {
    architecture: "roberta",
    classification: { labels: ["label 0", "label 1"] },
    files: filesOf(nsfw),
  });
  const outfile = join(place.root, "standing-in/openvalidator");
  const child = Bun.spawn([process.execPath, "build.ts", "--outfile", outfile], {
    cwd: tree,
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (code !== 0) throw new Error(`the build failed (${code}): ${stdout}${stderr}`);
  return outfile;
}

let place: Scratch;
let network: Running;
let command: string[];

beforeAll(async () => {
  if (!canBeAlone) return;
  place = scratch();
  const [reward, nsfw] = [join(place.root, "reward"), join(place.root, "nsfw")];
  await writeReward(reward);
  await writeNsfw(nsfw);
  const binary = await buildWithStandIns(place, reward, nsfw);
  const repositories: Order["repositories"] = [
    { repo: "OpenAssistant/reward-model-deberta-v3-base", revision: REVISION, folder: reward },
    { repo: "minuva/MiniLMv2-toxic-jigsaw-onnx", revision: REVISION, folder: nsfw },
  ];
  const order: Order = {
    wallets: join(place.root, "wallets"),
    repositories,
    tricks: ["cut", "good", "held"],
  };
  network = start(
    [...ALONE, process.execPath, join(import.meta.dir, "public-network.ts"), JSON.stringify(order)],
    place,
  );
  const places = await waitFor("places of the network", network, () => {
    const line = /^(\{.*\})$/m.exec(network.output())?.[1];
    return line === undefined ? undefined : (JSON.parse(line) as Places);
  });
  command = [
    ...["nsenter", `--target=${network.pid}`, "--user", "--net", "--preserve-credentials"],
    ...[binary, "run", ...places.runArguments, "--models.mirror", places.hub],
    ...[
      "--neuron.device",
      "cpu",
      "--neuron.num_followup_steps",
      "1",
      "--neuron.axon_off",
      "--run.weights",
      "1",
    ],
    ...["--neuron.followup_timeout", "2", "--neuron.answer_timeout", "2", "--miners.max_requests", "0"],
  ];
}, BUILD_TIMEOUT_MS);
afterAll(() => place?.remove());

test.skipIf(!canBeAlone)(
  "a first start on a public network pulls lite by itself, goes on after a kill, and sets weights",
  async () => {
    const killed = start(command, place);
    // The graph was cut and gone on with; the first shard stops in the middle.
    await waitFor(
      "half of a file",
      killed,
      () => /A model grows .*model-00001.*percent=[1-9]0/.exec(killed.output())?.[0],
    );
    await killed.stop("SIGKILL");
    expect(killed.output()).toMatch(/Profile of models chosen .*profile=lite/);

    const validator = start(command, place);
    const code = await validator.ended;
    const output = validator.output();
    expect({ code, output: code === 0 ? "" : output.slice(-6000) }).toEqual({ code: 0, output: "" });
    expect(output).toMatch(
      /Profile of models chosen .*profile=lite .*the network is public and no GPU is used/,
    );
    expect(output).toMatch(/The model is built from its original weights .*download=/);
    expect(output).toContain("All models of the profile are here");

    const events = readEvents(place.root);
    const tried = events.filter(({ kind, state }) => kind === "model" && state === "tried");
    expect(tried.map(({ model }) => model).sort()).toEqual([
      "all-minilm-l6-v2-embedded",
      "minilmv2-toxic-jigsaw",
      "oa-deberta-v3-base",
    ]);
    const [step] = events.filter(({ kind }) => kind === "step");
    expect(Object.keys(step!)).toContain("rlhf_reward_model");
    const set = events.filter(({ kind, state }) => kind === "weights" && state === "included");
    expect(set.map(({ path }) => path)).toEqual(["plain"]);

    await network.stop();
    const asked = JSON.parse(/^(\[.*\])$/m.exec(network.output())![1]!) as { path: string; range: string }[];
    const ranges = asked.filter(({ range }) => range !== null);
    expect(ranges.length).toBeGreaterThanOrEqual(2);
    // Nothing that was whole is fetched twice: each file once from its start.
    const whole = asked.filter(({ range }) => range === null).map(({ path }) => path);
    expect(whole).toEqual([...new Set(whole)]);
  },
  RUN_TIMEOUT_MS,
);
