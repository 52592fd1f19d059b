import { isIP } from "node:net";
import { messageOf } from "../base/error.ts";
import { log } from "../base/log.ts";

/** Services that answer with the caller's address as plain text. */
const SERVICES = ["https://checkip.amazonaws.com", "https://api.ipify.org"];
const TIMEOUT_MS = 5_000;
/** The longest text of an IPv6 address, and a line end. */
const MAX_CHARACTERS = 47;

/** The address at which the internet sees this machine; undefined when no service could tell, or the signal came. */
export async function findExternalIp(
  stop: AbortSignal,
  services: readonly string[] = SERVICES,
): Promise<string | undefined> {
  for (const service of services) {
    if (stop.aborted) return undefined;
    try {
      const signal = AbortSignal.any([stop, AbortSignal.timeout(TIMEOUT_MS)]);
      const answer = await fetch(service, { signal, redirect: "error" });
      const text = answer.ok ? await answer.text() : "";
      const address = text.length <= MAX_CHARACTERS ? text.trim() : "";
      if (isIP(address) !== 0) return address;
      log.debug("A service for the external address gave something else", { service, status: answer.status });
    } catch (error) {
      log.debug("A service for the external address did not answer", { service, reason: messageOf(error) });
    }
  }
  return undefined;
}
