import { Failure } from "../base/error.ts";
import { EMBEDDED_MODEL } from "../inference/inference.ts";

export type GatingCode = "gating.unknown-encoder";

/** Names under which the embedded encoder may be asked for: its manifest's, and the one it has on the hub. */
const EMBEDDED_NAMES: readonly string[] = [EMBEDDED_MODEL, "sentence-transformers/all-MiniLM-L6-v2"];

export interface EncoderChoice {
  /** --gating.model_name */
  modelName: string | undefined;
  /** --neuron.mock_gating_model: the embedded encoder whatever the name. */
  isMock: boolean;
}

/**
 * Model that encodes prompts for the gating layer.
 * @throws Failure `gating.unknown-encoder` for a name that this program has no model for
 */
export function gatingEncoder({ modelName, isMock }: EncoderChoice): string {
  if (isMock || modelName === undefined || EMBEDDED_NAMES.includes(modelName)) return EMBEDDED_MODEL;
  throw new Failure<GatingCode>("gating.unknown-encoder", {
    message: `--gating.model_name ${modelName} cannot be used: this program has one encoder, all-MiniLM-L6-v2`,
    hint: `leave the flag out, or give ${EMBEDDED_NAMES.join(" or ")}`,
    data: { modelName },
  });
}
