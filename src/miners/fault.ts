import { closeSync, openSync } from "node:fs";
import { networkInterfaces } from "node:os";
import type { OwnFault, Reply } from "../base/vocabulary.ts";

const DESCRIPTOR_CODES: ReadonlySet<string> = new Set(["EMFILE", "ENFILE"]);
/** What this machine's own kernel says of its network, or a firewall on it. */
const NETWORK_CODES: ReadonlySet<string> = new Set([
  "ENETUNREACH",
  "ENETDOWN",
  "EADDRNOTAVAIL",
  "EACCES",
  "EPERM",
]);
/** Statuses by which a miner refuses this caller and not the request. */
const REFUSING: ReadonlySet<number> = new Set([401, 403, 429]);
/**
 * How the SDK's axon (10.2.0, default_verify), servers of btauth/1 and our reference miners refuse the time of a
 * request. "a newer one was last processed" is a replay and says nothing of clocks.
 */
const WRONG_TIME = /\b(?:nonce|timestamp|request)\b.*\b(?:too old|in the future|ahead|expired|stale)\b/i;
const REPLAY = /newer one was last processed|used before/i;
const FUTURE = /in the future|ahead/i;

/** Our own fault in a connection that failed before an answer came; undefined when the miner alone is to blame. */
export function faultOfConnection(code: string | undefined, host: string): OwnFault | undefined {
  if (DESCRIPTOR_CODES.has(code ?? "") || !canOpenDescriptor()) return "descriptors";
  // Bun reports every failure to connect as ECONNREFUSED, so that the machine itself is asked as well.
  if (NETWORK_CODES.has(code ?? "") || !hasNetworkFor(host)) return "network";
  return undefined;
}

/** Our own fault by what a miner answered. */
export function faultOfAnswer(status: number, message: string): OwnFault | undefined {
  if (!REFUSING.has(status)) return undefined;
  return WRONG_TIME.test(message) && !REPLAY.test(message) ? "clock" : "refused";
}

/** Whether this process may open one more file or socket now. Some ten microseconds. */
export function canOpenDescriptor(): boolean {
  try {
    closeSync(openSync("/dev/null", "r"));
    return true;
  } catch (error) {
    return !DESCRIPTOR_CODES.has((error as NodeJS.ErrnoException).code ?? "");
  }
}

/** Whether this machine has an address of the host's family that leads beyond itself. */
function hasNetworkFor(host: string): boolean {
  const isV6 = host.includes(":");
  if (host === "::1" || host.startsWith("127.")) return true;
  return Object.values(networkInterfaces()).some((entries) =>
    (entries ?? []).some(
      ({ internal, family, address }) =>
        !internal && family === (isV6 ? "IPv6" : "IPv4") && !/^fe80:/i.test(address),
    ),
  );
}

/** What the miners of a step have in common when they give no evidence of themselves. */
export interface CommonCause {
  cause: Exclude<OwnFault, "stopped"> | "unreachable";
  /** One sentence for the operator; no stranger's text is in it. */
  text: string;
}

/**
 * Whether the replies of a step say something of this validator and nothing of its miners: those who gave an HTTP
 * answer, or could not be asked for a reason of this machine, all name one fault of ours, or nobody answered at all.
 * Miners that were not called (a bad address, no time left) count neither way. Pure.
 * @returns undefined when one reply is evidence, nobody was called, or the run stops
 */
export function commonCause(replies: readonly Reply[]): CommonCause | undefined {
  if (replies.some(({ fault }) => fault === "stopped")) return undefined;
  // One call that we could not even make spoils a step: the others would be judged, and learnt from, without it.
  const undialled = replies.filter(({ fault }) => fault === "descriptors");
  if (undialled.length > 0)
    return { cause: "descriptors", text: sentence("descriptors", undialled, replies.length) };
  const called = replies.filter((reply) => reply.elapsedMs > 0 || reply.fault !== undefined);
  if (called.length === 0) return undefined;
  const answered = called.filter(({ reached, status }) => reached === true || status === 200);
  const silent = called.filter(({ fault }) => fault === "network");
  if (answered.length === 0) {
    // A miner of an address family that this machine lacks does not speak for the others.
    const cause = silent.length * 2 >= called.length ? "network" : "unreachable";
    return { cause, text: sentence(cause, cause === "network" ? silent : called, called.length) };
  }
  const fault = answered[0]!.fault;
  if (fault === undefined || fault === "stopped" || answered.some((reply) => reply.fault !== fault))
    return undefined;
  // Who merely is not there says nothing; but one refusal among many absent miners is no cause of theirs.
  if (answered.length * 2 < called.length) return undefined;
  return { cause: fault, text: sentence(fault, answered, called.length) };
}

function sentence(cause: CommonCause["cause"], telling: readonly Reply[], called: number): string {
  const some = telling.length === called ? `all ${called}` : `${telling.length} of ${called}`;
  switch (cause) {
    case "clock": {
      const ahead = telling.filter(({ message }) => FUTURE.test(message)).length * 2 > telling.length;
      return ahead
        ? `${some} miners say the nonce is in the future`
        : `${some} miners say the nonce is too old`;
    }
    case "descriptors":
      return `no connection to ${some} miners could be opened: this process may open no more files (raise ulimit -n, or LimitNOFILE= of the service)`;
    case "network":
      return `no connection to ${some} miners could be opened: this machine has no network that leads to them`;
    case "refused":
      return `${some} miners refuse requests of this hotkey (401, 403 or 429): they may want a validator permit, more stake, or fewer requests`;
    case "unreachable":
      return `none of ${called} miners gave an answer: check this machine's network and firewall`;
  }
}
