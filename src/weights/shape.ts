import { counted } from "../base/text.ts";
/**
 * What an operator may ask of weights beyond "in proportion to the scores". Each rule is off unless asked for, and says in a
 * sentence what it did, so that nobody has to guess why a weight is what it is.
 */
import { U16_MAX, type Uid } from "../base/units.ts";
import { normalizeL1 } from "./scores.ts";

export interface WeightPolicy {
  /** Share of all weight that goes to one uid, the subnet owner's where none is named: the chain burns what its owner earns. */
  burn: { share: number; uid: number | undefined } | undefined;
  /** Where nobody earned anything, all of it. */
  burnsIdle: boolean;
  /** Share of the own weights on chain in the new ones, 0..1. */
  smoothing: number;
  /** Exponent of a score; 1 keeps proportions. */
  steepness: number;
  /** What a miner that was never asked counts as, as a share of the mean score of those with one, 0..1. */
  floor: number;
  /** Hotkeys and coldkeys that get nothing. */
  deny: readonly string[];
}

export const PLAIN_POLICY: WeightPolicy = {
  burn: undefined,
  burnsIdle: false,
  smoothing: 0,
  steepness: 1,
  floor: 0,
  deny: [],
};

/** A subnet as the policy sees it; lists by uid. */
export interface PolicyInput {
  scores: Float32Array;
  hotkeys: readonly string[];
  coldkeys: readonly string[];
  /** Miners that could be asked and never were. */
  neverAsked: readonly boolean[];
  /** Own weights on chain, in any unit; undefined where there are none. */
  previous: Float32Array | undefined;
  ownerUid: Uid | undefined;
}

export interface Shaped {
  /** Shares of 1, or zeros where there is nothing to give. */
  weights: Float32Array;
  /** One sentence for each rule that is on. */
  lines: string[];
  /** The one of them that tells why nothing is burnt although that was asked for; undefined else. */
  unburnt: string | undefined;
}

/** Weights that only fill up a subnet's minimum (processWeights) become 1 of 65535, beside a largest of all of it. */
const LEAST_OF_LARGEST = 1.5 / U16_MAX;

const percent = (share: number): string => `${Number((share * 100).toFixed(2))} %`;

/** Applies the rules in this order: deny, floor, steepness, smoothing, burn. */
export function shapeWeights(input: PolicyInput, policy: WeightPolicy): Shaped {
  const lines: string[] = [];
  const denied = input.hotkeys.map(
    (hotkey, uid) => policy.deny.includes(hotkey) || policy.deny.includes(input.coldkeys[uid] ?? ""),
  );
  if (policy.deny.length > 0)
    lines.push(`deny list: ${denied.filter(Boolean).length} of ${denied.length} uids get nothing`);
  const allowed = (list: Float32Array): Float32Array =>
    list.map((value, uid) => (denied[uid] || !Number.isFinite(value) || value < 0 ? 0 : value));

  let scores = allowed(input.scores);
  if (policy.floor > 0) scores = withFloor(scores, denied, input.neverAsked, policy.floor, lines);
  const largest = scores.reduce((most, score) => Math.max(most, score), 0);
  if (policy.steepness !== 1 && largest > 0) {
    // Of shares of the largest, so that no power of a small score is lost.
    scores = scores.map((score) => (score / largest) ** policy.steepness);
    lines.push(`steepness: scores to the power of ${policy.steepness}`);
  }
  let weights = normalizeL1(scores);
  if (policy.smoothing > 0)
    weights = smoothed(
      weights,
      input.previous && allowed(withoutBurn(input.previous, policy, input.ownerUid)),
      policy.smoothing,
      lines,
    );
  const unburnt = unburntBy(input, policy);
  if (unburnt !== undefined) return { weights, lines: [...lines, unburnt], unburnt };
  return { weights: burnt(weights, input, policy, lines), lines, unburnt };
}

function withFloor(
  scores: Float32Array,
  denied: readonly boolean[],
  neverAsked: readonly boolean[],
  floor: number,
  lines: string[],
): Float32Array {
  const earned = scores.filter((score) => score > 0);
  const mean = earned.reduce((sum, score) => sum + score, 0) / Math.max(1, earned.length);
  let raised = 0;
  const next = scores.map((score, uid) => {
    if (!neverAsked[uid] || denied[uid] || score > 0 || mean === 0) return score;
    raised++;
    return floor * mean;
  });
  lines.push(
    `floor: ${counted(raised, "miner that was never asked counts", "miners that were never asked count")} as ${percent(floor)} of the mean score`,
  );
  return next;
}

/**
 * Own weights on chain as miners earned them: what was burnt is not smoothed in nor seeded from, and burnt anew, it would grow from window
 * to window. Where only the burn's uid or the owner has a weight, nobody had earned anything.
 * @param row by uid, in any unit
 * @returns shares of 1, less what was burnt; zeros where all of it was
 */
export function withoutBurn(
  row: Float32Array,
  { burn }: Pick<WeightPolicy, "burn">,
  ownerUid: Uid | undefined,
): Float32Array {
  const least = LEAST_OF_LARGEST * row.reduce((most, weight) => Math.max(most, weight), 0);
  const weighty = [...row.keys()].filter((uid) => row[uid]! > least);
  const [only] = weighty;
  if (weighty.length === 1 && (only === burn?.uid || only === ownerUid)) return new Float32Array(row.length);
  const uid = burn?.uid ?? ownerUid;
  return normalizeL1(row).map((weight, index) =>
    index === uid ? Math.max(0, weight - (burn?.share ?? 0)) : weight,
  );
}

function smoothed(
  weights: Float32Array,
  previous: Float32Array | undefined,
  share: number,
  lines: string[],
): Float32Array {
  const before = previous && normalizeL1(previous);
  const hasBoth = weights.some((weight) => weight > 0) && before?.some((weight) => weight > 0);
  if (!hasBoth) {
    lines.push("smoothing: nothing to smooth with, the new weights stand alone");
    return weights;
  }
  lines.push(`smoothing: ${percent(share)} of the weights on chain, ${percent(1 - share)} new ones`);
  return weights.map((weight, uid) => (1 - share) * weight + share * before![uid]!);
}

function unburntBy({ scores, ownerUid }: PolicyInput, { burn, burnsIdle }: WeightPolicy): string | undefined {
  if (burn === undefined && !burnsIdle) return undefined;
  const uid = burn?.uid ?? ownerUid;
  if (uid === undefined) return "burn: nothing, for the subnet's owner has no uid";
  return uid < scores.length ? undefined : `burn: nothing, for there is no uid ${uid}`;
}

function burnt(
  weights: Float32Array,
  { ownerUid }: PolicyInput,
  { burn, burnsIdle }: WeightPolicy,
  lines: string[],
): Float32Array {
  const isIdle = !weights.some((weight) => weight > 0);
  const uid = burn?.uid ?? ownerUid;
  if (uid === undefined || (burn === undefined && !burnsIdle)) return weights;
  const whose = `uid ${uid}${burn?.uid === undefined ? " (the subnet's owner)" : ""}`;
  if (isIdle) {
    if (!burnsIdle) return weights;
    lines.push(`burn: nobody earned anything, so all of it goes to ${whose}`);
    return weights.map((_, index) => (index === uid ? 1 : 0));
  }
  const share = burn?.share ?? 0;
  if (share === 0) return weights;
  lines.push(`burn: ${percent(share)} goes to ${whose}`);
  return weights.map((weight, index) => (1 - share) * weight + (index === uid ? share : 0));
}
