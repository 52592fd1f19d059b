import { isIP } from "node:net";
import { isFailure } from "../base/error.ts";
import { log } from "../base/log.ts";
import { fetchBytes } from "./whole.ts";

/** Services that answer with the caller's address as plain text. */
const SERVICES = ["https://checkip.amazonaws.com", "https://api.ipify.org"];
const TIMEOUT_MS = 5_000;
/** The longest text of an IPv6 address, and a line end. */
const MAX_BYTES = 47;
/** The next service is asked instead. */
const ONCE = { firstMs: 0, maxMs: 0, attempts: 1 };

/** The address at which the internet sees this machine; undefined when no service could tell, or the signal came. */
export async function findExternalIp(
  stop: AbortSignal,
  services: readonly string[] = SERVICES,
): Promise<string | undefined> {
  for (const url of services) {
    if (stop.aborted) return undefined;
    try {
      const access = { signal: stop, timeoutMs: TIMEOUT_MS, maxRedirects: 0, retry: ONCE };
      const { bytes } = await fetchBytes(access, { url, maxBytes: MAX_BYTES });
      const address = new TextDecoder().decode(bytes).trim();
      if (isIP(address) !== 0) return address;
      log.debug("A service for the external address gave something else", { service: url });
    } catch (error) {
      if (!isFailure(error)) throw error;
      log.debug("A service for the external address did not answer", { service: url, reason: error.message });
    }
  }
  return undefined;
}
