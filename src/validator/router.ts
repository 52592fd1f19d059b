import type { Settings } from "../config/options.ts";
import { gatingEncoder } from "../gating/encoder.ts";
import { GatingRouter } from "../gating/router.ts";
import type { ModelServer } from "./judge.ts";
import type { Router } from "./ports.ts";

/** @throws Failure `gating.unknown-encoder` */
export function encoderOf(settings: Settings): string {
  return gatingEncoder({ modelName: settings.gatingModelName, isMock: settings.neuronMockGatingModel });
}

/**
 * The gating model with the operator's settings.
 * @throws Failure `gating.unknown-encoder`
 */
export function openRouter(settings: Settings, models: ModelServer): Router {
  const encoder = encoderOf(settings);
  return new GatingRouter({
    embedder: { embed: (texts) => models.embed(encoder, texts) },
    encoder,
    learningRate: settings.gatingLearningRate,
    momentum: settings.gatingMomentum,
    minRows: settings.gatingNumUids,
  });
}
