/** Column of the events; told only where the factor counts. */
export const RESPONSE_TIME_COLUMN = "response_time_filter";

/**
 * What the time that answers took leaves of their rewards: 1 − weight · t/T, from 1 for an answer at once down to 1 − weight for
 * one that takes all the time it has. A straight line, so that a second costs the same early and late, and no miner gains by
 * being quicker than the others.
 * @param weight 0..1; 0 leaves everything
 * @param taken t/T of each answer, without a unit: seconds from the dial to the last byte, by the seconds that were given; what is
 * above 1 counts as 1, and what is no number or below 0, as 0
 * @returns one factor per answer, 1 − weight to 1
 */
export function timeFactors(weight: number, taken: readonly number[]): number[] {
  return taken.map((share) => 1 - weight * (share > 0 ? Math.min(1, share) : 0));
}
