import { log } from "../base/log.ts";
import type { Settings } from "../config/options.ts";
import { gatingEncoder } from "../gating/encoder.ts";
import { GatingRouter } from "../gating/router.ts";
import { type EmbeddingServer, embedderOn } from "../inference/embedding-cache.ts";
import type { Profile } from "../rewards/profile.ts";
import type { Router } from "./ports.ts";

/**
 * Rate at which a layer learns specialists in some hundred steps, per square of the sample size: the gradient of the
 * loss goes with 1/k². Found by trial with samples of 4 (rate 1) and of 50 (rate 150).
 */
const ROUTING_RATE_PER_SQUARE = 1 / 16;
/** Below this part of it a layer is not worth routing by for many thousand steps. */
const SLOW = 1 / 10;

/** @throws Failure `gating.unknown-encoder` */
export function encoderOf(settings: Settings, profile: Profile): string {
  return gatingEncoder({
    modelName: settings.gatingModelName,
    profileModel: profile.gating?.model,
    isMock: settings.neuronMockGatingModel,
  });
}

/** The gating model on an encoder, with the operator's settings. */
export function openRouter(settings: Settings, encoder: string, models: EmbeddingServer): Router {
  warnSlowLearning(settings);
  return new GatingRouter({
    embedder: embedderOn(models, encoder),
    encoder,
    learningRate: settings.gatingLearningRate,
    momentum: settings.gatingMomentum,
    minRows: settings.gatingNumUids,
  });
}

/** The rate of openvalidators 1.2.0 is fit for a layer that is only watched; who routes should hear of it. */
function warnSlowLearning(settings: Settings): void {
  const sample = Math.max(settings.neuronFollowupSampleSize, settings.neuronAnswerSampleSize);
  const advised = ROUTING_RATE_PER_SQUARE * sample ** 2;
  if (settings.gatingExplore >= 1 || settings.gatingLearningRate >= SLOW * advised) return;
  log.warn("The gating layer learns too slowly for routing at this rate", {
    learningRate: settings.gatingLearningRate,
    hint: `give --gating.learning_rate ${Number(advised.toPrecision(2))} for samples of ${sample}`,
  });
}
