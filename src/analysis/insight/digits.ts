/** Digits of a sum that do not hang on the order in which threads add up: a double has 15, and sums of millions lose some. */
const DIGITS = 12;

/**
 * The same with every number in as many digits as each run of the same question gives, and below 1 as many decimals:
 * what is left of two equal means when one is taken from the other is 0.
 */
export function sameDigits<Told>(told: Told): Told {
  return rounded(told) as Told;
}

function rounded(value: unknown): unknown {
  if (typeof value === "number") return Number.isInteger(value) ? value : digitsOf(value);
  if (Array.isArray(value)) return value.map(rounded);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, rounded(one)]));
}

/** Of -0 as of 0, which JSON does not tell apart. */
function digitsOf(value: number): number {
  return Number(Math.abs(value) < 1 ? value.toFixed(DIGITS) : value.toPrecision(DIGITS)) + 0;
}
