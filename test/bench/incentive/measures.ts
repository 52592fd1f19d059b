/** Chance that a value of the first list is above one of the second, ties half; NaN for an empty list. */
export function areaUnderCurve(above: readonly number[], below: readonly number[]): number {
  let wins = 0;
  for (const a of above) for (const b of below) wins += a > b ? 1 : a === b ? 0.5 : 0;
  return wins / (above.length * below.length);
}

/** Kendall's τ-b of two lists. */
export function kendall(a: readonly number[], b: readonly number[]): number {
  let agreeing = 0;
  let tiesA = 0;
  let tiesB = 0;
  let pairs = 0;
  for (let i = 0; i < a.length; i++)
    for (let j = 0; j < i; j++) {
      const x = Math.sign(a[i]! - a[j]!);
      const y = Math.sign(b[i]! - b[j]!);
      agreeing += x * y;
      if (x === 0) tiesA++;
      if (y === 0) tiesB++;
      pairs++;
    }
  return agreeing / Math.sqrt((pairs - tiesA) * (pairs - tiesB));
}

export function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
}

/** The score after these rewards, from 0. */
export function movingScore(rewards: readonly number[], alpha: number): number {
  return rewards.reduce((score, reward) => alpha * reward + (1 - alpha) * score, 0);
}

/** Steps until the score of a miner that earns such rewards, in any order, has come to a share of their mean. */
export function stepsToPlace(
  rewards: readonly number[],
  { alpha, share, random }: { alpha: number; share: number; random: () => number },
): number {
  const wanted = share * mean(rewards);
  if (!(wanted > 0)) return Number.POSITIVE_INFINITY;
  let score = 0;
  let steps = 0;
  while (score < wanted) {
    score += alpha * (rewards[Math.floor(random() * rewards.length)]! - score);
    steps++;
  }
  return steps;
}
