/** Real ones, taken before anything is replaced. */
const { setImmediate: nextTurn } = globalThis;

interface Timer {
  atMs: number;
  /** Timers of one moment run in the order in which they were set. */
  order: number;
  everyMs: number | undefined;
  work: () => void;
  isOpen: boolean;
}

/** 2027-01-15, so that nothing depends on the day on which a test runs. */
const BEGIN_MS = Date.UTC(2027, 0, 15);

/** Numbers from 0 to 1 by a seed (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * Time that stands still while anything works and then jumps to the next timer: hours pass in seconds, and the same seed
 * gives the same run to the last request. It takes the place of this process's clocks, timers and chance, those of the libraries
 * included, so it wants a process of its own, without sockets or other things that happen outside of it.
 */
export class VirtualTime {
  #nowMs = 0;
  #order = 0;
  /** A binary heap by time, then order. */
  readonly #heap: Timer[] = [];

  get nowMs(): number {
    return this.#nowMs;
  }

  /** @param random in place of Math.random */
  install(random: () => number): void {
    const set = (work: (...args: unknown[]) => void, ms = 0, args: unknown[] = [], isRepeated = false) => {
      const waitMs = Math.max(0, ms);
      const everyMs = isRepeated ? Math.max(1, waitMs) : undefined;
      return this.#add({ waitMs, everyMs, work: () => work(...args) });
    };
    const clear = (timer: unknown): void => {
      if (timer instanceof VirtualTimer) timer.close();
    };
    const clocks = {
      setTimeout: (work: () => void, ms?: number, ...args: unknown[]) => set(work, ms, args),
      setInterval: (work: () => void, ms?: number, ...args: unknown[]) => set(work, ms, args, true),
      clearTimeout: clear,
      clearInterval: clear,
    };
    Object.assign(globalThis, clocks);
    Date.now = () => BEGIN_MS + this.#nowMs;
    performance.now = () => this.#nowMs;
    Math.random = random;
  }

  after(waitMs: number, work: () => void): void {
    this.#add({ waitMs, everyMs: undefined, work });
  }

  /** Timers that are set. */
  get timers(): number {
    return this.#heap.filter(({ isOpen }) => isOpen).length;
  }

  /** Lets time pass until the work has come to its end. */
  async pass<T>(work: Promise<T>): Promise<T> {
    let isOver = false;
    const end = (): void => {
      isOver = true;
    };
    work.then(end, end);
    while (true) {
      // Promises, ticks and immediates that are ready come first.
      await new Promise<void>((resolve) => nextTurn(resolve));
      if (isOver) return work;
      this.#runNext();
    }
  }

  #add({ waitMs, everyMs, work }: { waitMs: number } & Pick<Timer, "everyMs" | "work">): VirtualTimer {
    const timer: Timer = { atMs: this.#nowMs + waitMs, order: ++this.#order, everyMs, work, isOpen: true };
    this.#push(timer);
    return new VirtualTimer(timer);
  }

  #runNext(): void {
    const timer = this.#pop();
    if (timer === undefined) throw new Error("nothing is left that could happen, and the work has no end");
    if (!timer.isOpen) return;
    this.#nowMs = Math.max(this.#nowMs, timer.atMs);
    if (timer.everyMs === undefined) timer.isOpen = false;
    else {
      timer.atMs = this.#nowMs + timer.everyMs;
      timer.order = ++this.#order;
      this.#push(timer);
    }
    timer.work();
  }

  #push(timer: Timer): void {
    const heap = this.#heap;
    let index = heap.push(timer) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!isBefore(timer, heap[parent]!)) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = timer;
  }

  #pop(): Timer | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let index = 0;
    while (true) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, last)) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = last;
    return first;
  }
}

const isBefore = (a: Timer, b: Timer): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);

/** What setTimeout gives; a timer never keeps this process up, nor lets it end. */
class VirtualTimer {
  readonly #timer: Timer;

  constructor(timer: Timer) {
    this.#timer = timer;
  }

  close(): void {
    this.#timer.isOpen = false;
    // What it would have worked on should not be kept until its time.
    this.#timer.work = () => undefined;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }
}
