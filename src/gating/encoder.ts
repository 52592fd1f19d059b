import { Failure } from "../base/error.ts";
import { readCatalog } from "../models/catalog.ts";
import { EMBEDDED_MODEL } from "../models/embedded.ts";

export type GatingCode = "gating.unknown-encoder";

/** Names under which the embedded encoder may be asked for: its manifest's, and the one it has on the hub. */
const EMBEDDED_NAMES: readonly string[] = [EMBEDDED_MODEL, "sentence-transformers/all-MiniLM-L6-v2"];

export interface EncoderChoice {
  /** --gating.model_name: the id of a model, or its name on the hub. */
  modelName: string | undefined;
  /** The profile's encoder, where no name is given. */
  profileModel?: string | undefined;
  /** --neuron.mock_gating_model: the embedded encoder whatever the name. */
  isMock: boolean;
}

/**
 * Model that encodes prompts for the gating layer.
 * @throws Failure `gating.unknown-encoder` for a name that this program has no model for
 */
export function gatingEncoder({ modelName, profileModel, isMock }: EncoderChoice): string {
  if (isMock) return EMBEDDED_MODEL;
  if (modelName === undefined) return profileModel ?? EMBEDDED_MODEL;
  if (EMBEDDED_NAMES.includes(modelName)) return EMBEDDED_MODEL;
  const encoders = readCatalog().filter(({ embedding }) => embedding !== undefined);
  const found = encoders.find(({ id, repo, aliases = [] }) => [id, repo, ...aliases].includes(modelName));
  if (found !== undefined) return found.id;
  throw new Failure<GatingCode>("gating.unknown-encoder", {
    message: `--gating.model_name ${modelName} cannot be used: this program knows no such encoder`,
    hint: `leave the flag out, or give one of ${[EMBEDDED_MODEL, ...encoders.map(({ id }) => id)].join(", ")}`,
    data: { modelName },
  });
}
