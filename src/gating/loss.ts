/** Probabilities in proportion to e^value; the largest value is taken off first, so that none overflows. */
export function softmax(values: ArrayLike<number>): Float64Array {
  const shares = new Float64Array(values.length);
  let top = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < values.length; i++) top = Math.max(top, values[i]!);
  let sum = 0;
  for (let i = 0; i < values.length; i++) {
    shares[i] = Math.exp(values[i]! - top);
    sum += shares[i]!;
  }
  return shares.map((share) => share / sum);
}

/**
 * Mean squared error between softmax(scores) and softmax(rewards), and its gradient by each score
 * (openvalidators 1.2.0, the gating model's loss). With p and q the two softmaxes of k numbers,
 * dL/ds_i = 2/k · p_i · (p_i − q_i − Σ_j p_j (p_j − q_j)).
 * @param scores finite, at least one
 * @param rewards finite, in step with `scores`
 */
export function gatingLoss(
  scores: ArrayLike<number>,
  rewards: ArrayLike<number>,
): { loss: number; gradient: Float64Array } {
  const given = softmax(scores);
  const wanted = softmax(rewards);
  const count = given.length;
  let squares = 0;
  let inner = 0;
  for (let i = 0; i < count; i++) {
    const difference = given[i]! - wanted[i]!;
    squares += difference * difference;
    inner += given[i]! * difference;
  }
  const gradient = given.map((share, i) => (2 / count) * share * (share - wanted[i]! - inner));
  return { loss: squares / count, gradient };
}
