import type { RunningNormalizer } from "./normalize.ts";

const MAX_RAW = 1e9;

/** Finite, and no larger than a logit can be: one 1e300 would spoil the running variance for 3000 completions. */
export function isUsable(value: number): boolean {
  return Math.abs(value) <= MAX_RAW;
}

export function usableOrNull(value: number): number | null {
  return isUsable(value) ? value : null;
}

/** Normalises the usable rewards of a batch; the others stay null and leave the statistics alone. */
export function normalizeUsable(normalizer: RunningNormalizer, raws: number[]): (number | null)[] {
  const normalized = normalizer.normalize(raws.filter(isUsable));
  let next = 0;
  return raws.map((raw) => (isUsable(raw) ? normalized[next++]! : null));
}

/** A mask's factors brought into 0..1; 0 where it gave no number. */
export function maskFactors(raws: number[]): number[] {
  return raws.map((raw) => (isUsable(raw) ? clip(raw, 1) : 0));
}

export interface PenaltyColumns {
  raw: (number | null)[];
  /** Clipped to 0..max; the maximum where the penalty gave no number. */
  adjusted: number[];
  /** The factor, 1 − adjusted. */
  applied: number[];
}

/** What raw penalties come to (text-prompting 2.1, penalty.py). */
export function penaltyColumns(raws: number[], max: number): PenaltyColumns {
  const adjusted = raws.map((raw) => (isUsable(raw) ? clip(raw, max) : max));
  return { raw: raws.map(usableOrNull), adjusted, applied: adjusted.map((penalty) => 1 - penalty) };
}

function clip(value: number, max: number): number {
  return Math.min(max, Math.max(0, value));
}
