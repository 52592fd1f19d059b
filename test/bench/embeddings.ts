import { InferenceSupervisor } from "../../src/inference/supervisor.ts";
import { EMBEDDED_MODEL } from "../../src/models/embedded.ts";
import { bestMs, residentMb } from "./measure.ts";
import type { BenchRow } from "./row.ts";
import { mixedTexts } from "./texts.ts";

/** As many as the answers of one step. */
const TEXTS = 50;
/** Embeddings a second of the embedded model on the CPU: one step's answers in one request against one by one. */
export async function benchEmbeddings(): Promise<BenchRow[]> {
  const inference = await InferenceSupervisor.start({ device: "cpu" });
  try {
    const texts = mixedTexts(TEXTS);
    const together = await bestMs(() => inference.embed(EMBEDDED_MODEL, texts));
    const single = await bestMs(async () => {
      for (const text of texts) await inference.embed(EMBEDDED_MODEL, [text]);
    });
    const memory = inference.workerPid === undefined ? undefined : residentMb(inference.workerPid);
    return [
      { name: "embeddings, one by one, CPU", value: (TEXTS * 1000) / single, unit: "/s" },
      {
        name: "embeddings, 50 mixed lengths in one request, CPU",
        value: (TEXTS * 1000) / together,
        unit: "/s",
        ratio: single / together,
      },
      { name: "50 answers embedded, CPU", value: together, unit: "ms" },
      ...(memory === undefined ? [] : [{ name: "RSS, inference worker alone", value: memory, unit: "MB" }]),
    ];
  } finally {
    await inference.stop();
  }
}
