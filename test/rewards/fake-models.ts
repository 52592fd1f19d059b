import type { TextEmbedder } from "../../src/inference/embedding-cache.ts";
import type { ServedModels } from "../../src/rewards/served.ts";

/** Models of which only the encoder is there; a part that a test needs replaces what is missing. */
export function fakeModels(encoder: TextEmbedder, parts: Partial<ServedModels> = {}): ServedModels {
  const missing = async (model: string): Promise<never> => {
    throw new Error(`nobody serves ${model}`);
  };
  return {
    read: async (_model, texts) => (await encoder.embed(texts)).map((vector) => ({ vector, disorder: 0 })),
    classify: missing,
    logProb: missing,
    digitScores: missing,
    ...parts,
  };
}
