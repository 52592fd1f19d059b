import { sleep } from "../base/deadline.ts";
import type { EndpointBook } from "./endpoint-book.ts";
import type { EndpointWatch } from "./endpoint-watch.ts";
import { isOldHead, openingFaultOf } from "./faults.ts";
import { closed, EarlyEvents, type OpenedSession, type OpenRules, openUnlessAborted } from "./opening.ts";

export interface OpenOneOptions {
  book: EndpointBook;
  watch: EndpointWatch;
  /** The first to be tried. */
  first: string;
  /** What an endpoint has to be, asked before each opening. */
  rules: () => Omit<OpenRules, "takesOldHead">;
  /** After so long the next endpoint is tried beside one that has not opened yet, milliseconds. */
  aheadMs: number;
  /** Whether one more is tried after so many tries, of which these failed; always if absent. */
  goesOn?: (tries: number, failures: readonly unknown[]) => boolean;
  /** Waits until an endpoint may be tried again. */
  pause: typeof sleep;
  signal: AbortSignal | undefined;
}

/**
 * Opens whichever endpoint can be had first. Each has all its time, and none holds up the others: where one is slow or silent the next one
 * is tried beside it.
 * @returns a session, with what it reported since it was opened
 * @throws Failure of the last try where it does not go on; `chain.closed` when the signal is aborted
 */
export async function openOne(
  options: OpenOneOptions,
): Promise<{ opened: OpenedSession; early: EarlyEvents }> {
  const { book, watch, first, rules, aheadMs, goesOn = () => true, pause, signal } = options;
  const ended = new AbortController();
  const end = (): void => ended.abort();
  const running = new Map<string, Promise<void>>();
  const failures: unknown[] = [];
  let won: { opened: OpenedSession; early: EarlyEvents } | undefined;

  const tryOut = async (endpoint: string): Promise<void> => {
    const early = new EarlyEvents(() => book.requested());
    const takesOldHead = failures.length >= book.size && failures.some(isOldHead);
    try {
      const opened = await openUnlessAborted(endpoint, { ...rules(), takesOldHead }, early, ended.signal);
      if (ended.signal.aborted) return opened.session.close();
      won = { opened, early };
      end();
    } catch (error) {
      if (ended.signal.aborted) return;
      watch.failed(endpoint, error);
      book.failed(endpoint, openingFaultOf(error));
      failures.push(error);
    } finally {
      running.delete(endpoint);
    }
  };

  /** Ends early with one of those that are being tried: it may be the next one to be tried again. */
  const pauseUntilOneEnds = (ms: number): Promise<void> => {
    if (running.size === 0) return pause(ms, ended.signal);
    const isOver = new AbortController();
    void Promise.race(running.values()).then(() => isOver.abort());
    return pause(ms, isOver.signal);
  };

  if (signal?.aborted) throw closed();
  signal?.addEventListener("abort", end, { once: true });
  try {
    let last: string | undefined;
    for (let tries = 0; !ended.signal.aborted; ) {
      const endpoint = last === undefined ? first : book.next(last, running);
      if (endpoint === undefined || !goesOn(tries, failures)) {
        if (running.size === 0) throw failures.at(-1) ?? closed();
        await Promise.race(running.values());
        continue;
      }
      const failed = failures.length;
      await pauseUntilOneEnds(book.waitMs(endpoint, running));
      if (ended.signal.aborted) break;
      if (failures.length > failed) continue;
      last = endpoint;
      tries++;
      const trial = tryOut(endpoint);
      running.set(endpoint, trial);
      const isOver = new AbortController();
      void trial.then(() => isOver.abort());
      await sleep(aheadMs, isOver.signal);
    }
  } finally {
    signal?.removeEventListener("abort", end);
  }
  if (won === undefined) throw closed();
  return won;
}
