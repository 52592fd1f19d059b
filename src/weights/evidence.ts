/**
 * Part of the miners that must have been asked before the first weights: with fewer, most of a subnet would be told
 * "worth nothing" for not having had its turn.
 */
export const MIN_ASKED_SHARE = 0.5;

export interface Evidence {
  /** Blocks over which the scores were gathered. */
  blocks: number;
  /** The head up to which they were. */
  head: number;
  epochBlocks: number;
  /** Times each miner that can be asked was asked. */
  asked: readonly number[];
}

/** What is missing before scores may become weights for the first time; undefined when nothing is. */
export function missingEvidence({ head, blocks, epochBlocks, asked }: Evidence): string | undefined {
  // A block stays true where this is told once and shown for an hour; a count of blocks does not.
  if (blocks < epochBlocks) return `one epoch of steps, until block ${head + epochBlocks - blocks}`;
  const wanted = Math.ceil(MIN_ASKED_SHARE * asked.length);
  const seen = asked.filter((times) => times > 0).length;
  if (seen < wanted) return `${wanted} of ${asked.length} miners asked, ${seen} were so far`;
  return undefined;
}

/** The own row of weights on chain begins as scores of this size at most: about what a good miner's score is. */
const SEED_SCORE = 0.5;

/**
 * Scores to begin with where there is no state: in proportion to the own weights on chain, which came from such scores.
 * @param weights by uid, in any unit
 * @returns Float32 [neurons]
 */
export function seedScores(weights: Float32Array, neurons: number): Float32Array {
  const scores = new Float32Array(neurons);
  const largest = weights.reduce((most, value) => Math.max(most, value), 0);
  if (largest === 0) return scores;
  return scores.map((_, uid) => (SEED_SCORE * (weights[uid] ?? 0)) / largest);
}
