import { format } from "node:util";
import { log } from "../base/log.ts";
import { hideUrls } from "../base/url.ts";

/** How @polkadot/util's logger labels its lines: a time, then `API-WS:` and the like, padded. */
const LABEL = /^\s*[A-Z][A-Z0-9/-]*:\s*$/;
const CHANNELS = ["log", "warn", "error"] as const;
let isInstalled = false;

/**
 * Sends the lines that @polkadot/api prints by itself to our log at debug level. Its logger writes to the global
 * object of the language and offers no other way out; every failure behind such a line also reaches us as an error.
 */
export function quietPolkadotLogger(): void {
  if (isInstalled) return;
  isInstalled = true;
  const { console: sink } = globalThis;
  for (const channel of CHANNELS) {
    const original = sink[channel].bind(sink);
    sink[channel] = (...parts: unknown[]): void => {
      const label = parts[1];
      if (typeof label !== "string" || !LABEL.test(label)) {
        original(...parts);
        return;
      }
      log.debug("The chain library says", { from: label.trim(), text: hideUrls(format(...parts.slice(2))) });
    };
  }
}
