import { unsupported } from "../graph/parameters.ts";
import type { Architecture } from "./architecture.ts";
import { bert } from "./bert.ts";
import { debertaV2 } from "./deberta-v2.ts";
import { gptNeo } from "./gpt-neo.ts";
import { gptj } from "./gptj.ts";
import { llama } from "./llama.ts";
import { mpnet } from "./mpnet.ts";
import { qwen3 } from "./qwen3.ts";
import { roberta } from "./roberta.ts";

/** By `model_type` of config.json. */
const ARCHITECTURES: Readonly<Record<string, Architecture>> = {
  bert,
  "deberta-v2": debertaV2,
  gpt_neo: gptNeo,
  gptj,
  llama,
  mpnet,
  qwen3,
  roberta,
};

/** @throws Failure `model.unsupported` for a `model_type` that this program does not build */
export function architectureOf(modelType: unknown): Architecture {
  const found = typeof modelType === "string" && Object.hasOwn(ARCHITECTURES, modelType);
  if (found) return ARCHITECTURES[modelType]!;
  throw unsupported(
    `models of the type ${JSON.stringify(modelType)} are not built, only ${Object.keys(ARCHITECTURES).join(", ")}`,
  );
}
