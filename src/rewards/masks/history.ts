/**
 * The last `capacity` vectors of one size, oldest first, in one Float32Array that grows by doubling and then is used
 * as a ring.
 */
export class VectorHistory {
  readonly capacity: number;
  #dimensions = 0;
  #rows = new Float32Array(0);
  /** Row of the oldest vector. */
  #start = 0;
  #count = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  get count(): number {
    return this.#count;
  }

  /** Numbers in a vector; 0 while empty. */
  get dimensions(): number {
    return this.#dimensions;
  }

  /** @throws RangeError when the vector has another size than the ones before */
  push(vector: Float32Array): void {
    if (this.#count === 0) this.#dimensions = vector.length;
    if (vector.length !== this.#dimensions)
      throw new RangeError(`a vector of ${vector.length} numbers in a history of ${this.#dimensions}`);
    this.#reserve(this.#count + 1);
    const row = (this.#start + this.#count) % this.capacity;
    this.#rows.set(vector, row * this.#dimensions);
    if (this.#count < this.capacity) this.#count++;
    else this.#start = (this.#start + 1) % this.capacity;
  }

  /** Whole blocks of rows, oldest first, without the first `skip`: one block, or two when the ring has wrapped. */
  blocks(skip = 0): Float32Array[] {
    const first = this.#start + Math.min(skip, this.#count);
    const last = this.#start + this.#count;
    const ranges =
      first >= this.capacity
        ? [[first - this.capacity, last - this.capacity]]
        : [
            [first, Math.min(last, this.capacity)],
            [0, last - this.capacity],
          ];
    return ranges
      .filter(([from, to]) => to! > from!)
      .map(([from, to]) => this.#rows.subarray(from! * this.#dimensions, to! * this.#dimensions));
  }

  /** A copy of all rows, oldest first. */
  toRows(): Float32Array {
    const rows = new Float32Array(this.#count * this.#dimensions);
    let at = 0;
    for (const block of this.blocks()) {
      rows.set(block, at);
      at += block.length;
    }
    return rows;
  }

  /** Replaces everything by rows from `toRows`; of more than fit, the newest are kept. */
  fill(rows: Float32Array, dimensions: number): void {
    const kept = rows.subarray(Math.max(0, rows.length - this.capacity * dimensions));
    this.#dimensions = dimensions;
    this.#rows = kept.slice();
    this.#start = 0;
    this.#count = kept.length / dimensions;
  }

  #reserve(count: number): void {
    const held = this.#rows.length / this.#dimensions;
    if (count <= held || held >= this.capacity) return;
    // Growth happens before the ring wraps, so rows keep their places.
    const grown = new Float32Array(Math.min(this.capacity, Math.max(64, held * 2)) * this.#dimensions);
    grown.set(this.#rows);
    this.#rows = grown;
  }
}
