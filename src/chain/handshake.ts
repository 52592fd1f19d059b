import { isFailure } from "../base/error.ts";
import { log } from "../base/log.ts";
import { printable } from "../base/text.ts";
import { printableUrl } from "../base/url.ts";
import { statusFailure } from "../net/failure.ts";
import { request } from "../net/http.ts";

/** Statuses with which servers ask for patience, and may say how much. */
const PATIENCE: ReadonlySet<number> = new Set([429, 503]);
const ASK_TIMEOUT_MS = 5_000;

const STATUS_NAMES: Readonly<Record<number, string>> = {
  401: "it wants a key",
  403: "it lets nobody in without a key, or not from this address",
  404: "there is nothing under this path",
  429: "too many requests from this address",
  502: "its node is down",
  503: "it is overloaded or closed for maintenance",
};

/** A websocket that was not opened, with the reason by its name. */
export class HandshakeFailure extends Error {
  override readonly name = "HandshakeFailure";
  /** HTTP status, where there was an answer that is not a websocket's. */
  readonly status: number | undefined;

  constructor(message: string, status?: number) {
    super(message);
    this.status = status;
  }
}

/**
 * Names why a websocket could not be opened. The standard hides it; Bun tells it in the event of the error: a status in its text, a code of
 * the system or of OpenSSL in its `error`.
 */
export function handshakeFailure(event: unknown): HandshakeFailure {
  const { message = "", error } = (event ?? {}) as { message?: string; error?: { code?: unknown } };
  const status = Number(/Expected 101 status code: (\d+)/.exec(message)?.[1] ?? Number.NaN);
  if (Number.isInteger(status)) {
    const name = STATUS_NAMES[status];
    return new HandshakeFailure(`it answers with HTTP status ${status}${name ? `: ${name}` : ""}`, status);
  }
  const code = typeof error?.code === "string" ? error.code : "";
  if (code === "ECONNREFUSED")
    return new HandshakeFailure("the connection was refused: nothing listens there");
  if (code === "ENOTFOUND" || code === "EAI_AGAIN")
    return new HandshakeFailure("its name cannot be resolved (DNS)");
  if (code === "ETIMEDOUT" || code === "EHOSTUNREACH" || code === "ENETUNREACH")
    return new HandshakeFailure(`there is no way to it (${code})`);
  if (/CERT|SELF_SIGNED|ISSUER|TLS_|SIGNATURE/.test(code))
    return new HandshakeFailure(`its certificate is not valid (${printable(code, 60)})`);
  if (/TLS|SSL/.test(message))
    return new HandshakeFailure("it does not speak TLS, or not as this program does");
  return new HandshakeFailure(
    code === "" ? "the connection was refused" : `it failed with ${printable(code, 60)}`,
  );
}

/**
 * The pause that an overloaded server asks for. A websocket does not show the headers of a refusal, so the same address
 * is asked once over HTTP.
 * @returns milliseconds; undefined where it asks for none
 */
export async function askedPatienceMs(endpoint: string, failure: unknown): Promise<number | undefined> {
  if (!(failure instanceof HandshakeFailure) || !PATIENCE.has(failure.status ?? 0)) return undefined;
  const url = new URL(endpoint);
  // A password is for the node's own protocol, and nothing is gained by sending it another way.
  if (url.username !== "" || url.password !== "") return undefined;
  url.protocol = url.protocol === "wss:" ? "https:" : "http:";
  try {
    const access = { takesAnyAnswer: true, timeoutMs: ASK_TIMEOUT_MS, shown: printableUrl(endpoint) };
    return await request(
      access,
      url.href,
      undefined,
      async ({ status, headers }) => statusFailure({ status, headers }, printableUrl(endpoint)).retryAfterMs,
    );
  } catch (error) {
    if (!isFailure(error)) throw error;
    log.debug("A node does not say for how long it wants patience", { error });
    return undefined;
  }
}
