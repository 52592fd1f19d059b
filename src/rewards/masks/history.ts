/**
 * The last `capacity` vectors of one size, oldest first, in one Float32Array that grows by doubling and then is used
 * as a ring. Each has a running number, by which the state keeps it. Numbers are rounded to half precision when they come
 * in, as the state writes them, so that a restart judges as if there had been none.
 */
export class VectorHistory {
  readonly capacity: number;
  #dimensions = 0;
  #rows = new Float32Array(0);
  /** Row of the oldest vector. */
  #start = 0;
  #count = 0;
  /** Running number of the next vector. */
  #next = 0;

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

  /** Running number of the oldest vector. */
  get first(): number {
    return this.#next - this.#count;
  }

  /** Running number that the next vector will have. */
  get next(): number {
    return this.#next;
  }

  /** @throws RangeError when the vector has another size than the ones before */
  push(vector: Float32Array): void {
    if (this.#count === 0) this.#dimensions = vector.length;
    if (vector.length !== this.#dimensions)
      throw new RangeError(`a vector of ${vector.length} numbers in a history of ${this.#dimensions}`);
    this.#reserve(this.#count + 1);
    const row = (this.#start + this.#count) % this.capacity;
    this.#rows.set(new Float16Array(vector), row * this.#dimensions);
    this.#next++;
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

  /** Copies of the vectors with this running number or a later one, by their number. */
  since(number: number): Map<number, Float32Array> {
    const found = new Map<number, Float32Array>();
    for (let at = Math.max(number, this.first); at < this.#next; at++) {
      const row = ((this.#start + at - this.first) % this.capacity) * this.#dimensions;
      found.set(at, this.#rows.slice(row, row + this.#dimensions));
    }
    return found;
  }

  /**
   * Replaces everything by vectors of one size, oldest first; of more than fit, the newest are kept.
   * @param next running number of the vector after them
   */
  fill(vectors: readonly Float32Array[], next: number): void {
    this.#dimensions = vectors[0]?.length ?? 0;
    this.#rows = new Float32Array(0);
    this.#start = 0;
    this.#count = 0;
    for (const vector of vectors.slice(-this.capacity)) this.push(vector);
    this.#next = next;
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
