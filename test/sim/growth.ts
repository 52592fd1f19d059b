/** Samples of which the least counts: what is not yet collected comes on top of what is held. */
const STRETCH = 10;

/**
 * How a figure grows that is read again and again. Memory is noisy upwards alone, so that it is told by the least of each stretch of
 * samples; and the line through those is the middle of all lines through two (Theil-Sen), which one bad stretch does not turn.
 */
export class Growth {
  readonly #samples: number[] = [];

  note(value: number): void {
    this.#samples.push(value);
  }

  /** By which it rises from one sample to the next, in the second half: in the first, caches fill. 0 where there are too few. */
  get perSample(): number {
    const { length } = this.#samples;
    const stretches = Array.from({ length: Math.floor(length / STRETCH) }, (_, index) =>
      Math.min(...this.#samples.slice(index * STRETCH, (index + 1) * STRETCH)),
    );
    const late = stretches.slice(Math.floor(stretches.length / 2));
    const slopes = late.flatMap((value, index) =>
      late.slice(index + 1).map((later, ahead) => (later - value) / (ahead + 1)),
    );
    return slopes.length === 0 ? 0 : medianOf(slopes) / STRETCH;
  }
}

function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
