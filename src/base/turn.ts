/** Work between two turns: 8 ms, so that what waits for the event loop waits for this and one item at most. */
const TURN_MS = 8;

let last: Promise<void> = Promise.resolve();

/**
 * Lets the event loop do what else there is. Of several that wait for a turn, each gets a round of the loop of its own:
 * were they to go on in one round, their work would hold the loop together.
 */
export function turn(): Promise<void> {
  last = last.then(() => new Promise((resolve) => setImmediate(resolve)));
  return last;
}

/**
 * Maps items one after another without holding the event loop: work that a stranger's text can make dear is given in
 * pieces, one item each.
 */
export async function mapInTurns<T, R>(items: readonly T[], work: (item: T, at: number) => R): Promise<R[]> {
  const results: R[] = [];
  let began = Number.NEGATIVE_INFINITY;
  for (const [at, item] of items.entries()) {
    if (performance.now() - began >= TURN_MS) {
      await turn();
      began = performance.now();
    }
    results.push(work(item, at));
  }
  return results;
}
