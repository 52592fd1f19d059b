import { unsupported } from "../graph/parameters.ts";
import type { Architecture } from "./architecture.ts";
import { bert } from "./bert.ts";
import { mpnet } from "./mpnet.ts";
import { roberta } from "./roberta.ts";

/** By `model_type` of config.json. */
const ARCHITECTURES: Readonly<Record<string, Architecture>> = { bert, mpnet, roberta };

/** @throws Failure `model.unsupported` for a `model_type` that this program does not build */
export function architectureOf(modelType: unknown): Architecture {
  const found = typeof modelType === "string" && Object.hasOwn(ARCHITECTURES, modelType);
  if (found) return ARCHITECTURES[modelType]!;
  throw unsupported(
    `models of the type ${JSON.stringify(modelType)} are not built, only ${Object.keys(ARCHITECTURES).join(", ")}`,
  );
}
