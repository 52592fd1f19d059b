import { Failure } from "../base/error.ts";
import type { ConfigCode } from "../config/kinds.ts";
import type { Settings } from "../config/options.ts";
import { expandPath } from "../config/paths.ts";
import type { ValidatorSettings } from "./session.ts";
import type { PaceSettings } from "./subnet-coverage.ts";

/** What decides how often a miner is asked. */
export function paceSettings(settings: Settings): PaceSettings {
  return {
    followupSampleSize: settings.neuronFollowupSampleSize,
    followupTimeoutMs: settings.neuronFollowupTimeout * 1000,
    answerSampleSize: settings.neuronAnswerSampleSize,
    answerTimeoutMs: settings.neuronAnswerTimeout * 1000,
    followupSteps: settings.neuronNumFollowupSteps,
    concurrentForwards: settings.neuronNumConcurrentForwards,
    epochBlocks: settings.neuronEpochLengthOverride,
    vpermitTaoLimit: settings.neuronVpermitTaoLimit,
    covers: settings.neuronCover,
  };
}

/** @throws Failure `config.conflict` for weights to wait for where none are set */
export function validatorSettings(settings: Settings): ValidatorSettings {
  const cause = (
    [
      [settings.neuronDisableSetWeights, "neuron.disable_set_weights"],
      [settings.neuronMockDendritePool, "neuron.mock_dendrite_pool"],
      [settings.dryRun, "dry-run"],
    ] as const
  ).find(([isOn]) => isOn)?.[1];
  const setsWeights = cause === undefined;
  if (settings.runWeights > 0 && !setsWeights)
    throw new Failure<ConfigCode>("config.conflict", {
      message: "--run.weights waits for weights, and this run sets none",
      hint: `leave it out, or --${cause}`,
    });
  return {
    netuid: settings.netuid,
    ...paceSettings(settings),
    forwards: settings.runForwards,
    weights: settings.runWeights,
    movingAverageAlpha: settings.neuronMovingAverageAlpha,
    minBestReward: settings.neuronMinBestReward,
    checkpointBlocks: settings.neuronCheckpointBlockLength,
    explore: settings.gatingExplore,
    shadowMiners: settings.shadowMiners,
    setsWeights,
    mecids: settings.neuronMecid,
    isDryRun: settings.dryRun,
    waitsForRegistration: settings.waitRegistration,
    burnsIdle: settings.weightsBurnIdle,
    beforeEpochBlocks: settings.weightsBeforeEpoch,
    seedsScores: !settings.neuronSeedScoresOff,
    showsLayer: settings.wandbTrackGatingModel && !settings.wandbOff,
    logRewards: !settings.neuronDisableLogRewards,
    diskMaxBytes: settings.diskMax,
    logFile: settings.logFile === undefined ? undefined : expandPath(settings.logFile),
  };
}
