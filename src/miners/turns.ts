/** Whether a turn had to be waited for, and when it comes. */
export interface Turn {
  waited: boolean;
  come: Promise<void>;
}

/**
 * Queues by name: works of one name run one after another, in the order they came. A work may stop waiting for its
 * turn; those behind it still wait for those before it.
 */
export class Lanes {
  readonly #tails = new Map<string, Promise<void>>();

  async inTurn<T>(name: string, work: (turn: Turn) => Promise<T>): Promise<T> {
    const before = this.#tails.get(name);
    const mine = work({ waited: before !== undefined, come: before ?? Promise.resolve() });
    const done = Promise.allSettled([before, mine]).then(() => undefined);
    this.#tails.set(name, done);
    try {
      return await mine;
    } finally {
      void done.then(() => {
        if (this.#tails.get(name) === done) this.#tails.delete(name);
      });
    }
  }
}

/** At most `count` works at once; the others wait in order. */
export class Permits {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  async with<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free++;
    }
  }
}
