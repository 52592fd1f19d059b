/**
 * Rows that the state does not have as they are now. A step changes as many rows as miners were asked, but only a few of
 * them are written with it, those that wait longest first.
 */
export class UnsavedRows {
  /** In the order in which they began to wait; true for one that may not wait: the state has another's in its place. */
  readonly #waiting = new Map<number, boolean>();
  /** Rows of which the state has any form. */
  readonly #saved: Set<number>;
  /** The state may have rows of another layer: they go with the next ones. */
  #isWhole: boolean;

  /** @param saved rows that came from the state; undefined when it has none of this layer */
  constructor(saved?: Iterable<number>) {
    this.#saved = new Set(saved);
    this.#isWhole = saved === undefined;
  }

  trained(row: number): void {
    if (!this.#waiting.has(row)) this.#waiting.set(row, false);
  }

  /** A row is another one's now, or a fresh one. */
  replaced(row: number, isTrained: boolean): void {
    // A fresh row need not be written, unless the state would give its predecessor back.
    if (isTrained || this.#saved.has(row)) this.#waiting.set(row, true);
    else this.#waiting.delete(row);
  }

  /**
   * Rows to be written now, which are noted as written.
   * @param limit how many of those that may wait; all go at the first time
   */
  take(limit: number): { rows: number[]; isWhole: boolean } {
    const isWhole = this.#isWhole;
    const rows: number[] = [];
    let left = isWhole ? Number.POSITIVE_INFINITY : limit;
    for (const [row, isUrgent] of this.#waiting) {
      if (!isUrgent && left-- <= 0) continue;
      rows.push(row);
      this.#waiting.delete(row);
      this.#saved.add(row);
    }
    this.#isWhole = false;
    return { rows, isWhole };
  }
}
