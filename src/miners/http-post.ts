import { type ClientRequest, type IncomingMessage, request as openRequest } from "node:http";
import { messageOf } from "../base/error.ts";
import type { OwnFault } from "../base/vocabulary.ts";
import { canOpenDescriptor, faultOfConnection } from "./fault.ts";
import {
  bodyLimitBytes,
  failed,
  type MinerAnswer,
  type Reading,
  refused,
  refuseHeaders,
  STATUS,
} from "./response.ts";

export interface Call {
  host: string;
  port: number;
  /** Value of the Host header. */
  authority: string;
  path: string;
  headers: Record<string, string>;
  body: Uint8Array;
  /** Connecting, sending and the whole answer together. */
  timeoutMs: number;
  signal?: AbortSignal | undefined;
}

export type CallOutcome = { kind: "answer"; answer: MinerAnswer } | { kind: "failure"; reading: Reading };

/** A miner that does not accept within this time is not there; the answer's deadline is for thinking. */
const CONNECT_DEADLINE_MS = 3000;
/** Our own request has about 1.5 KiB of headers and an axon echoes them. */
const MAX_HEADER_BYTES = 16_384;
/** Interim 1xx answers. None is useful here, and an endless stream of them keeps a CPU busy. */
const MAX_INTERIM_ANSWERS = 8;

const UNREACHABLE: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EHOSTDOWN",
  "ENETDOWN",
  "EADDRNOTAVAIL",
  "EACCES",
  "EPERM",
  "EINVAL",
  "ETIMEDOUT",
]);
const BROKEN_OFF: ReadonlySet<string> = new Set(["ECONNRESET", "EPIPE", "ECONNABORTED"]);

/**
 * One POST on a connection of its own, which is closed afterwards. Never rejects: whatever a stranger's server does is
 * a value. `node:http` and not `fetch`, because it follows no redirect, unpacks nothing, bounds the headers, tells
 * when the connection stands, and does not send requests for miners to the proxy of HTTP_PROXY.
 */
export function callMiner(call: Call): Promise<CallOutcome> {
  return new Promise((resolve) => {
    const where = `${call.authority}${call.path}`;
    const stops: (() => void)[] = [];
    let request: ClientRequest | undefined;
    let isConnected = false;
    /** Something came back over HTTP. */
    let isReached = false;
    /** The answer's head is there. */
    let answering = false;

    const settle = (outcome: CallOutcome): void => {
      for (const stop of stops.splice(0)) stop();
      resolve(outcome);
      request?.destroy();
    };
    const fail = (status: number, message: string, fault?: OwnFault): void =>
      settle({
        kind: "failure",
        reading: isReached ? refused(status, message) : failed(status, message, fault),
      });
    const after = (ms: number, then: () => void): (() => void) => {
      const timer = setTimeout(then, ms);
      const stop = (): void => clearTimeout(timer);
      stops.push(stop);
      return stop;
    };

    if (call.signal?.aborted) return fail(STATUS.stopped, "Stopped before the request was sent", "stopped");
    const abort = (): void =>
      settle({
        kind: "failure",
        reading: failed(STATUS.stopped, "Stopped while waiting for the answer", "stopped"),
      });
    call.signal?.addEventListener("abort", abort, { once: true });
    stops.push(() => call.signal?.removeEventListener("abort", abort));
    after(call.timeoutMs, () =>
      fail(STATUS.timeout, `Request timeout after ${call.timeoutMs / 1000} seconds`),
    );
    const connected = after(CONNECT_DEADLINE_MS, () =>
      fail(
        STATUS.unavailable,
        `Service unavailable at ${where}: no connection`,
        faultOfConnection(undefined, call.host),
      ),
    );

    // Bun reports a socket that it could not make as a refused connection, so that this is asked before.
    if (!canOpenDescriptor())
      return fail(STATUS.unavailable, "Not called: this process may open no more sockets", "descriptors");
    try {
      request = openRequest({
        host: call.host,
        port: call.port,
        path: call.path,
        method: "POST",
        // One connection per request: a reused one that the miner has just closed makes a POST fail.
        agent: false,
        maxHeaderSize: MAX_HEADER_BYTES,
        headers: {
          host: call.authority,
          accept: "*/*",
          "accept-encoding": "identity",
          connection: "close",
          ...call.headers,
          "content-length": String(call.body.byteLength),
        },
      });
    } catch (error) {
      return fail(STATUS.clientError, `Request not sent: ${messageOf(error)}`);
    }

    request.on("socket", (socket) =>
      socket.once("connect", () => {
        isConnected = true;
        connected();
      }),
    );
    request.on("error", (error: Error & { code?: string }) => {
      if (error.code?.startsWith("HPE_")) isReached = true;
      fail(
        ...(answering ? brokenBody(error) : describe(error, where)),
        isConnected ? undefined : faultOfConnection(error.code, call.host),
      );
    });
    let interim = 0;
    const countInterim = (): void => {
      isReached = true;
      if (++interim > MAX_INTERIM_ANSWERS)
        fail(STATUS.unparsable, "Failed to parse response: endless interim answers");
    };
    request.on("continue", countInterim);
    request.on("information", countInterim);
    request.on("upgrade", (_, socket) => {
      socket.destroy();
      isReached = true;
      fail(STATUS.unparsable, "Failed to parse response: asks for another protocol");
    });
    request.on("close", () => {
      if (!answering) fail(STATUS.unavailable, `Service disconnected: ${where}`);
    });
    request.on("response", (response) => {
      answering = isReached = true;
      connected();
      collect(response, bodyLimitBytes(call.body.byteLength), settle, fail);
    });
    request.end(call.body);
  });
}

/** Gathers a body up to its limit. */
function collect(
  response: IncomingMessage,
  limitBytes: number,
  settle: (outcome: CallOutcome) => void,
  fail: (status: number, message: string) => void,
): void {
  const httpStatus = response.statusCode ?? 0;
  const { headers } = response;
  if (httpStatus !== STATUS.ok) {
    // The code and its message are in the head; the body of a refusal is not read.
    settle({ kind: "answer", answer: { httpStatus, headers, body: new Uint8Array(0) } });
    return;
  }
  const refusal = refuseHeaders(headers, limitBytes);
  if (refusal !== undefined) {
    fail(STATUS.unparsable, refusal);
    return;
  }
  const parts: Uint8Array[] = [];
  let size = 0;
  response.on("data", (part: Uint8Array) => {
    size += part.byteLength;
    if (size > limitBytes) fail(STATUS.unparsable, `Failed to parse response: more than ${limitBytes} bytes`);
    else parts.push(part);
  });
  response.on("error", (error: Error) => fail(...brokenBody(error)));
  response.on("close", () => fail(...brokenBody()));
  response.on("end", () => {
    if (!response.complete) return fail(...brokenBody());
    settle({ kind: "answer", answer: { httpStatus, headers, body: Buffer.concat(parts, size) } });
  });
}

/** Status and message of an error before the answer's head was there, as the SDK's dendrite gives them. */
function describe(error: Error & { code?: string }, where: string): [number, string] {
  const code = error.code ?? "";
  if (UNREACHABLE.has(code)) return [STATUS.unavailable, `Service unavailable at ${where}`];
  if (BROKEN_OFF.has(code)) return [STATUS.unavailable, `Service disconnected: ${where}`];
  if (code.startsWith("HPE_")) return [STATUS.unparsable, `Failed to parse response: not HTTP (${code})`];
  return [STATUS.clientError, `Request failed: ${code || error.message}`];
}

function brokenBody(error?: Error): [number, string] {
  return [STATUS.payloadBroken, `Payload error: ${error ? error.message : "the answer broke off"}`];
}
