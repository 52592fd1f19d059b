import { asUid, type BlockNumber, type Hotkey, type Uid } from "../base/units.ts";

/** Who holds a uid. The same hotkey with another block of registration has registered anew. */
export interface Registration {
  hotkey: Hotkey;
  /** undefined where it is unknown, as in the state of 0.1.0. */
  registeredAt: BlockNumber | undefined;
}

/** Moving scores with whose they are; all three lists by uid. */
export interface MovingScores {
  neurons: readonly Registration[];
  scores: Float32Array;
  /** How many rewards went into each score. */
  asked: Uint32Array;
}

/**
 * Moving scores after one step: α·reward + (1−α)·score for the uids that were asked, unchanged for the others
 * (openvalidators 1.2.0, neuron.moving_averaged_scores), and how often each uid was asked.
 * @param before shape [n], by uid
 * @param step one finite reward per asked uid
 */
export function updateScores(
  before: Pick<MovingScores, "scores" | "asked">,
  step: { uids: readonly Uid[]; rewards: readonly number[] },
  alpha: number,
): Pick<MovingScores, "scores" | "asked"> {
  const scores = before.scores.slice();
  const asked = before.asked.slice();
  for (const [index, uid] of step.uids.entries()) {
    if (uid >= scores.length) continue; // the subnet shrank while the step ran
    scores[uid] = alpha * step.rewards[index]! + (1 - alpha) * before.scores[uid]!;
    asked[uid]!++;
  }
  return { scores, asked };
}

/**
 * Scores after one step for uids that could not be asked in it. They lose what they would have lost on average, had they
 * been drawn with the chance of the others and not answered: each step leaves 1 − α·share of a score, the mean of
 * (1−α)·score with the chance `share` and of the score itself otherwise.
 * @param scores shape [n], by uid
 * @param uids that cannot be asked now
 * @param askedShare chance of a uid to be asked in this step, 0..1: sample size by number of miners that can be asked
 */
export function decayScores(
  scores: Float32Array,
  uids: readonly Uid[],
  alpha: number,
  askedShare: number,
): Float32Array {
  const next = scores.slice();
  const kept = 1 - alpha * Math.min(1, Math.max(0, askedShare));
  for (const uid of uids) if (uid < next.length) next[uid] = kept * scores[uid]!;
  return next;
}

/** What a registration had that is no more; a reorganisation of the chain may give it back. */
export interface LapsedScore {
  neuron: Registration;
  score: number;
  asked: number;
}

export interface AlignedScores extends MovingScores {
  /** Hotkeys that took their score along to another uid. */
  moved: { hotkey: Hotkey; from: Uid; to: Uid }[];
  /** Uids whose holder before is not the one of now, and whose holder of now starts from 0, unless it had lapsed. */
  replaced: Uid[];
  /** Uids that nobody held before, and whose holder starts from 0, unless it had lapsed. */
  added: Uid[];
  /** Uids of before whose holder has none any more. */
  lost: Uid[];
}

/**
 * Carries scores over to the neurons of now. A score belongs to a registration: it follows the hotkey to its new uid while its block
 * of registration is unchanged, and is gone when the hotkey is, or has registered anew.
 * @param now by uid, as the chain has it
 * @param lapsed registrations that were gone at a reading before, and get back what they had where they are there again
 */
export function alignScores(
  previous: MovingScores,
  now: readonly Registration[],
  lapsed: readonly LapsedScore[] = [],
): AlignedScores {
  const aligned: AlignedScores = {
    neurons: now.map(({ hotkey, registeredAt }) => ({ hotkey, registeredAt })),
    scores: new Float32Array(now.length),
    asked: new Uint32Array(now.length),
    moved: [],
    replaced: [],
    added: [],
    lost: [],
  };
  const holds = new Map(previous.neurons.map(({ hotkey }, uid) => [hotkey, uid]));
  for (const [uid, neuron] of now.entries()) {
    const from = holds.get(neuron.hotkey);
    if (from !== undefined && isSameRegistration(previous.neurons[from]!, neuron)) {
      // A score is given once, should a list name a hotkey twice.
      holds.delete(neuron.hotkey);
      aligned.scores[uid] = previous.scores[from] ?? 0;
      aligned.asked[uid] = previous.asked[from] ?? 0;
      if (from !== uid) aligned.moved.push({ hotkey: neuron.hotkey, from: asUid(from), to: asUid(uid) });
      continue;
    }
    const back = findLapsed(lapsed, neuron);
    aligned.scores[uid] = back?.score ?? 0;
    aligned.asked[uid] = back?.asked ?? 0;
    if (uid < previous.neurons.length) aligned.replaced.push(asUid(uid));
    else aligned.added.push(asUid(uid));
  }
  aligned.lost = [...holds.values()].map(asUid);
  return aligned;
}

/** What this very registration had before it lapsed: who registers anew does so in another block. */
export function findLapsed<L extends LapsedScore>(
  lapsed: readonly L[],
  { hotkey, registeredAt }: Registration,
): L | undefined {
  if (registeredAt === undefined) return undefined;
  return lapsed.find(({ neuron }) => neuron.hotkey === hotkey && neuron.registeredAt === registeredAt);
}

/** Whether the holder of then is the one of now; where a block of registration is unknown, the hotkey decides. */
export function isSameRegistration(before: Registration, now: Registration): boolean {
  if (before.hotkey !== now.hotkey) return false;
  const isKnown = before.registeredAt !== undefined && now.registeredAt !== undefined;
  return !isKnown || before.registeredAt === now.registeredAt;
}

/** Scores divided by their sum, as Float32 [n]; all zeros stay zeros. Values that are not finite count as 0. */
export function normalizeL1(scores: Float32Array): Float32Array {
  const clean = scores.map((score) => (Number.isFinite(score) && score > 0 ? score : 0));
  const sum = clean.reduce((total, score) => total + score, 0);
  return sum > 0 ? clean.map((score) => score / sum) : clean;
}
