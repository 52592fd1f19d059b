import { log } from "../base/log.ts";
import { type Coverage, coverageOf, type Pace } from "../weights/coverage.ts";
import { canBeAsked } from "./choose.ts";
import type { Neuron, Subnet } from "./ports.ts";
import type { Session, ValidatorSettings } from "./session.ts";
import type { Evidence } from "./state/content.ts";

const SHORT_HINT =
  "raise --neuron.followup_sample_size and --neuron.answer_sample_size, or --neuron.num_concurrent_forwards";
const CHANCE_HINT = "--neuron.cover asks those first who had no turn";
/** Steps and blocks from which on a pace is measured rather than guessed. */
const MEASURED = { steps: 5, blocks: 25 };

/**
 * Tells of miners without a turn since a block, when there are some for the first time and when there are none again.
 * @returns how many; undefined where this run began later than that
 */
export function noteTurns<N extends Neuron>(
  { state, settings, watch }: Session<N>,
  since: number,
): number | undefined {
  if (state.turns.since > since) return undefined;
  const miners = state.subnet.neurons.filter(
    (neuron) => canBeAsked({ state, settings }, neuron) && neuron.registeredAt <= since,
  );
  const without = miners.filter(({ hotkey }) => !state.turns.hadOneSince(hotkey, since)).length;
  watch.turns.set(without === 0 ? "all" : "some", { without, miners: miners.length, since });
  return without;
}

/** Says at the start of a run when an epoch has no turn for every miner; that it has one goes without saying. */
export function tellCoverage<N extends Neuron>({ state, settings, modules }: Session<N>): void {
  const { blockTimeMs } = modules.chain;
  const { state: kind, text } = subnetCoverage(settings, state.subnet, state.evidence, blockTimeMs);
  if (kind === "short")
    log.warn("Not every miner is asked in each epoch", { because: text, hint: SHORT_HINT });
  else if (kind === "chance")
    log.info("Not every miner is asked in each epoch", { because: text, hint: CHANCE_HINT });
}

/** What a pace is made of. */
export type PaceSettings = Pick<
  ValidatorSettings,
  | "followupSampleSize"
  | "followupTimeoutMs"
  | "answerSampleSize"
  | "answerTimeoutMs"
  | "followupSteps"
  | "concurrentForwards"
  | "epochBlocks"
  | "vpermitTaoLimit"
  | "covers"
>;

/**
 * Whether every miner of the subnet can have a turn in an epoch.
 * @param evidence what was counted so far; where that is too little, steps take the time that miners have
 */
export function subnetCoverage<N extends Neuron>(
  settings: PaceSettings,
  subnet: Subnet<N>,
  evidence: Evidence,
  blockTimeMs: number,
): Coverage {
  const { followupSampleSize, answerSampleSize, followupTimeoutMs, answerTimeoutMs, followupSteps } =
    settings;
  /** A forward pass asks for a summary, then in each round for a question and an answer. */
  const perStep = (followup: number, answer: number): number =>
    ((followupSteps + 1) * followup + followupSteps * answer) / (2 * followupSteps + 1);
  const epochBlocks = settings.epochBlocks || subnet.tempo;
  const isMeasured = evidence.countedSteps >= MEASURED.steps && evidence.blocks >= MEASURED.blocks;
  const stepMs = perStep(followupTimeoutMs, answerTimeoutMs);
  const stepsPerBlock = isMeasured
    ? evidence.countedSteps / evidence.blocks
    : (settings.concurrentForwards * blockTimeMs) / stepMs;
  const pace: Pace = {
    miners: subnet.neurons.filter((neuron) => canBeAsked({ state: { subnet }, settings }, neuron)).length,
    sampleSize: perStep(followupSampleSize, answerSampleSize),
    stepsPerEpoch: stepsPerBlock * epochBlocks,
    isMeasured,
  };
  return coverageOf(pace, settings.covers);
}
