import { withDeadline } from "../base/deadline.ts";
import { log } from "../base/log.ts";
import { STOP_STAGE_MS } from "./stop-times.ts";

/** Things that were opened, closed in the opposite order whatever happens, each within one stage of a stop. */
export class Opened {
  readonly #closers: { what: string; close: () => void | Promise<void> }[] = [];

  /** @param what names the thing where it does not close */
  add<T>(what: string, thing: T, close: (thing: T) => void | Promise<void>): T {
    this.#closers.push({ what, close: () => close(thing) });
    return thing;
  }

  async close(): Promise<void> {
    for (const { what, close } of this.#closers.splice(0).reverse()) {
      try {
        await withDeadline(`Closing the ${what}`, STOP_STAGE_MS, Promise.resolve(close()));
      } catch (error) {
        log.warn("Something did not close cleanly", { what, error });
      }
    }
  }
}
