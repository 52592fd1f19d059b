import type { ApiPromise } from "@polkadot/api";
import { withDeadline } from "../base/deadline.ts";
import { log } from "../base/log.ts";
import { printableUrl } from "../base/url.ts";
import type { EndpointBook } from "./endpoint-book.ts";
import { openingFaultOf } from "./faults.ts";
import { EarlyEvents, type OpenRules, openUnlessAborted } from "./opening.ts";

/**
 * Runs a reading on the endpoints that are not in use, in turn, until one can tell: nodes keep the state of some blocks only, and not all
 * of them the same. Each is opened for it alone.
 * @param work changes nothing
 * @returns undefined where none can tell, or may be asked now
 */
export async function readElsewhere<T>(
  { name, timeoutMs, work }: { name: string; timeoutMs: number; work: (api: ApiPromise) => Promise<T> },
  { book, used, rules }: { book: EndpointBook; used: string; rules: Omit<OpenRules, "takesOldHead"> },
  signal: AbortSignal,
): Promise<T | undefined> {
  for (const endpoint of book.others(used)) {
    if (signal.aborted || book.pauseMs(endpoint) > 0) continue;
    const session = await openFor(endpoint, book, rules, signal);
    if (session === undefined) continue;
    try {
      return await withDeadline(name, timeoutMs, work(session.api));
    } catch (error) {
      log.debug("Another endpoint cannot tell either", { name, endpoint: printableUrl(endpoint), error });
    } finally {
      session.close();
    }
  }
  return undefined;
}

async function openFor(
  endpoint: string,
  book: EndpointBook,
  rules: Omit<OpenRules, "takesOldHead">,
  signal: AbortSignal,
) {
  const early = new EarlyEvents(() => book.requested());
  try {
    const opened = await openUnlessAborted(endpoint, { ...rules, takesOldHead: false }, early, signal);
    return opened.session;
  } catch (error) {
    if (!signal.aborted) book.failed(endpoint, openingFaultOf(error));
    log.debug("Another endpoint cannot be asked", { endpoint: printableUrl(endpoint), error });
    return undefined;
  }
}
