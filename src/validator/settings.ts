import type { Settings } from "../config/options.ts";
import { expandPath } from "../config/paths.ts";
import type { ValidatorSettings } from "./session.ts";

export function validatorSettings(settings: Settings): ValidatorSettings {
  return {
    netuid: settings.netuid,
    followupSampleSize: settings.neuronFollowupSampleSize,
    followupTimeoutMs: settings.neuronFollowupTimeout * 1000,
    answerSampleSize: settings.neuronAnswerSampleSize,
    answerTimeoutMs: settings.neuronAnswerTimeout * 1000,
    followupSteps: settings.neuronNumFollowupSteps,
    concurrentForwards: settings.neuronNumConcurrentForwards,
    forwards: settings.runForwards,
    movingAverageAlpha: settings.neuronMovingAverageAlpha,
    checkpointBlocks: settings.neuronCheckpointBlockLength,
    epochBlocks: settings.neuronEpochLengthOverride,
    vpermitTaoLimit: settings.neuronVpermitTaoLimit,
    explore: settings.gatingExplore,
    shadowMiners: settings.shadowMiners,
    setsWeights: !settings.neuronDisableSetWeights && !settings.neuronMockDendritePool,
    seedsScores: !settings.neuronSeedScoresOff,
    showsLayer: settings.wandbTrackGatingModel && !settings.wandbOff,
    logRewards: !settings.neuronDisableLogRewards,
    diskMaxBytes: settings.diskMax,
    logFile: settings.logFile === undefined ? undefined : expandPath(settings.logFile),
  };
}
