import { asUid, type Hotkey, type Uid } from "../base/units.ts";

/**
 * Moving scores after one step: α·reward + (1−α)·score for the uids that were asked, unchanged for the others
 * (openvalidators 1.2.0, neuron.moving_averaged_scores).
 * @param scores shape [n], by uid
 * @param rewards one per asked uid, finite
 */
export function updateScores(
  scores: Float32Array,
  asked: { uids: readonly Uid[]; rewards: readonly number[] },
  alpha: number,
): Float32Array {
  const next = scores.slice();
  for (const [index, uid] of asked.uids.entries()) {
    if (uid >= next.length) continue; // the subnet shrank while the step ran
    next[uid] = alpha * asked.rewards[index]! + (1 - alpha) * scores[uid]!;
  }
  return next;
}

export interface AlignedScores {
  scores: Float32Array;
  /** Uids whose hotkey is another one than before: their score starts from 0. */
  replaced: Uid[];
}

/**
 * Carries scores over to a new list of hotkeys. A uid keeps its score only while the same hotkey holds it; a grown
 * subnet gets zeros, a shrunken one loses the tail.
 * @param hotkeys one per uid, the new state of the chain
 */
export function alignScores(
  previous: { hotkeys: readonly Hotkey[]; scores: Float32Array },
  hotkeys: readonly Hotkey[],
): AlignedScores {
  const scores = new Float32Array(hotkeys.length);
  const replaced: Uid[] = [];
  for (const [uid, hotkey] of hotkeys.entries()) {
    const before = previous.hotkeys[uid];
    if (before === hotkey) scores[uid] = previous.scores[uid] ?? 0;
    else if (before !== undefined) replaced.push(asUid(uid));
  }
  return { scores, replaced };
}

/** Scores divided by their sum, as Float32 [n]; all zeros stay zeros. Values that are not finite count as 0. */
export function normalizeL1(scores: Float32Array): Float32Array {
  const clean = scores.map((score) => (Number.isFinite(score) && score > 0 ? score : 0));
  const sum = clean.reduce((total, score) => total + score, 0);
  return sum > 0 ? clean.map((score) => score / sum) : clean;
}
