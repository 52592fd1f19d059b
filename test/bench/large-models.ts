import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import type { ClassifierInput } from "../../src/inference/protocol.ts";
import { InferenceSupervisor } from "../../src/inference/supervisor.ts";
import type { Dtype } from "../../src/models/manifest.ts";
import { WORDS } from "../fixtures/tokenizers.ts";
import { sha256 } from "../models/model-hub-double.ts";
import { SHAPES, type Shape } from "./random-checkpoints.ts";
import { type BenchRow, renderTable } from "./row.ts";

const DESCRIPTIONS = ["config.json", "tokenizer.json", "tokenizer_config.json"];
/** As in the bench of rewards: a text of ten sentences and an instruction, and answers of one sentence to eight. */
const ANSWERS = 50;
const PROMPT_TOKENS = 250;
const [LEAST_TOKENS, MOST_TOKENS] = [15, 180];
/** The slowest form takes a minute for a batch on two busy cores. */
const REQUEST_TIMEOUT_MS = 900_000;

/** Shapes and forms that are measured; BENCH_SHAPES names others, as `Qwen3-1.7B:q8,q4 Qwen3-4B:q4`. */
const CHOSEN = process.env.BENCH_SHAPES ?? "Qwen3-0.6B:fp32,q8,q4 DeBERTa-v3-large:fp32,q8,q4";

/** Builds reward models of real shapes with random weights, and scores a step of 50 answers with each form on the CPU. */
export async function benchLargeModels(): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const choice of CHOSEN.split(" ")) {
    const [name, forms] = choice.split(":") as [string, string];
    const shape = SHAPES.find((one) => one.name === name);
    if (shape === undefined) throw new Error(`no shape ${name}; there are ${SHAPES.map((one) => one.name)}`);
    const place = mkdtempSync(join(tmpdir(), "openvalidator-large-"));
    try {
      shape.write(join(place, "source"));
      for (const dtype of forms.split(",") as Dtype[]) rows.push(...(await rowsOf(shape, dtype, place)));
    } finally {
      rmSync(place, { recursive: true, force: true });
    }
  }
  return rows;
}

async function rowsOf(shape: Shape, dtype: Dtype, place: string): Promise<BenchRow[]> {
  const { name, model } = shape;
  const folder = join(place, "models", model.id);
  mkdirSync(folder, { recursive: true });
  const script = join(import.meta.dir, "large-build.ts");
  const child = Bun.spawn([process.execPath, script, name, join(place, "source"), folder, dtype], {
    stderr: "inherit",
  });
  const built = JSON.parse(await new Response(child.stdout).text()) as Built;
  for (const path of DESCRIPTIONS) copyFileSync(join(place, "source", path), join(folder, path));
  const files = [
    ...DESCRIPTIONS.map((path) => {
      const bytes = readFileSync(join(folder, path));
      return { path, size: bytes.length, sha256: sha256(bytes) };
    }),
    ...built.files.map(({ path, ...file }) => ({ path: relative(folder, path), ...file, dtype })),
  ];
  const agreement = { [dtype]: { unmeasured: "it is measured now" } };
  writeFileSync(join(folder, "manifest.json"), JSON.stringify({ ...model, files, agreement }));
  const size = built.files.reduce((sum, file) => sum + file.size, 0);
  const step = await stepOf(shape, dtype, join(place, "models"));
  rmSync(folder, { recursive: true });
  const label = `${name} with random weights, ${dtype}`;
  const rows: BenchRow[] = [
    { name: `${label}: built`, value: built.seconds, unit: "s" },
    { name: `${label}: memory of the build`, value: built.bytes / 1e6, unit: "MB" },
    { name: `${label}: size`, value: size / 1e6, unit: "MB" },
    { name: `${label}: loaded and tried`, value: step.loadSeconds, unit: "s" },
    { name: `${label}: ${ANSWERS} answers, CPU`, value: step.seconds, unit: "s" },
    { name: `${label}: memory of its worker at most`, value: step.peakMb, unit: "MB" },
  ];
  // All of them take a quarter of an hour: what is known is told.
  process.stderr.write(`${renderTable(rows)}\n`);
  return rows;
}

interface Built {
  files: { path: string; size: number; sha256: string }[];
  seconds: number;
  bytes: number;
}

async function stepOf({ isBytes, model }: Shape, dtype: Dtype, modelDirectory: string) {
  const began = performance.now();
  const inference = await InferenceSupervisor.start({
    device: "cpu",
    models: [{ id: model.id, dtypes: { cpu: dtype } }],
    modelDirectory,
    requestTimeoutMs: REQUEST_TIMEOUT_MS,
  });
  try {
    const loaded = performance.now();
    await inference.classify(model.id, inputs(isBytes));
    const status = readFileSync(`/proc/${inference.workerPid}/status`, "utf8");
    const peakMb = Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)![1]) / 1000;
    const ended = performance.now();
    return { loadSeconds: (loaded - began) / 1000, seconds: (ended - loaded) / 1000, peakMb };
  } finally {
    await inference.stop();
  }
}

/** Answers of mixed lengths to one prompt. */
function inputs(isBytes: boolean): ClassifierInput[] {
  const text = (tokens: number, seed: number): string => {
    const words = Array.from({ length: tokens }, (_, at) => WORDS[(at * 7 + seed * 11) % WORDS.length]);
    return isBytes ? words.join(" ").slice(0, tokens) : words.join(" ");
  };
  const prompt = text(PROMPT_TOKENS, 0);
  return Array.from({ length: ANSWERS }, (_, at) => {
    // 37 has no factor in common with the number of lengths, so these are mixed and spread evenly.
    const tokens = LEAST_TOKENS + ((at * 37) % (MOST_TOKENS - LEAST_TOKENS + 1));
    return { pair: [prompt, text(tokens, at + 1)] };
  });
}
