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

/** Share of the next reward in a score, by how many rewards went into it before. */
export type Pace = (asked: number) => number;

/** As the validator has it: one share for all. */
export const steady =
  (alpha: number): Pace =>
  () =>
    alpha;
/** The plain mean of the rewards until they are so many that alpha is more. */
export const byAsks =
  (alpha: number): Pace =>
  (asked) =>
    Math.max(alpha, 1 / (asked + 1));

/** The score after these rewards, from 0. */
export function movingScore(rewards: readonly number[], pace: Pace): number {
  return rewards.reduce((score, reward, asked) => score + pace(asked) * (reward - score), 0);
}

/** Steps until the score of a miner that earns such rewards, in any order, has come to a share of their mean. */
export function stepsToPlace(
  rewards: readonly number[],
  { pace, share, random }: { pace: Pace; share: number; random: () => number },
): number {
  const wanted = share * mean(rewards);
  if (!(wanted > 0)) return Number.POSITIVE_INFINITY;
  let score = 0;
  let steps = 0;
  while (score < wanted) {
    score += pace(steps) * (rewards[Math.floor(random() * rewards.length)]! - score);
    steps++;
  }
  return steps;
}
