import { InferenceSupervisor } from "../../src/inference/supervisor.ts";
import { EMBEDDED_MODEL } from "../../src/models/embedded.ts";
import { findModel } from "../../src/models/model-files.ts";
import { FIXTURE_IDS, writeFixtures } from "../fixtures/models.ts";
import { bestMs, residentMb } from "./measure.ts";
import type { BenchRow } from "./row.ts";
import { mixedTexts } from "./texts.ts";

const TEXTS = 50;
const EXCHANGES = 50;

/** What the process border costs, and what each model adds to the process behind it. */
export async function benchInference(): Promise<BenchRow[]> {
  const fixtures = writeFixtures();
  try {
    return [...(await ipcRows(fixtures.directory)), ...(await memoryRows(fixtures.directory))];
  } finally {
    fixtures.remove();
  }
}

/** The same 50 texts through the worker and in this process, on a model so small that the border shows. */
async function ipcRows(directory: string): Promise<BenchRow[]> {
  const texts = mixedTexts(TEXTS);
  const inference = await InferenceSupervisor.start({
    device: "cpu",
    models: ["tiny-mpnet"],
    modelDirectory: directory,
  });
  try {
    // Loads ONNX Runtime, which reads this at that moment.
    process.env.ORT_DISABLE_TELEMETRY = "1";
    const { Encoder } = await import("../../src/inference/graph/encoder.ts");
    const encoder = await Encoder.load(await findModel("tiny-mpnet", directory), "cpu");
    const repeat = (work: () => Promise<unknown>) => async (): Promise<void> => {
      for (let exchange = 0; exchange < EXCHANGES; exchange++) await work();
    };
    const behindMs = (await bestMs(repeat(() => inference.embed("tiny-mpnet", texts)))) / EXCHANGES;
    const hereMs = (await bestMs(repeat(() => encoder.embed(texts)))) / EXCHANGES;
    return [
      { name: "process border, 50 texts there and vectors back", value: behindMs - hereMs, unit: "ms" },
    ];
  } finally {
    await inference.stop();
  }
}

/** Resident memory of a worker with one model loaded and run, against a worker that has only the smallest fixture. */
async function memoryRows(directory: string): Promise<BenchRow[]> {
  const memoryOf = async (models: string[]): Promise<number | undefined> => {
    const inference = await InferenceSupervisor.start({ device: "cpu", models, modelDirectory: directory });
    try {
      return inference.workerPid === undefined ? undefined : residentMb(inference.workerPid);
    } finally {
      await inference.stop();
    }
  };
  const least = await memoryOf(["tiny-bert"]);
  if (least === undefined) return [];
  const rows: BenchRow[] = [{ name: "RSS of a worker with one tiny fixture", value: least, unit: "MB" }];
  for (const id of [EMBEDDED_MODEL, "tiny-gpt-neo", "tiny-deberta-rm"]) {
    const memory = await memoryOf(["tiny-bert", id]);
    if (memory !== undefined)
      rows.push({ name: `RSS added by ${id}`, value: Math.max(0, memory - least), unit: "MB" });
  }
  const all = await memoryOf([...FIXTURE_IDS]);
  if (all !== undefined)
    rows.push({
      name: `RSS added by ${FIXTURE_IDS.length - 1} more fixtures`,
      value: Math.max(0, all - least),
      unit: "MB",
    });
  return rows;
}
