import { sleep } from "../base/deadline.ts";
import { Failure, messageOf } from "../base/error.ts";
import { type BackOff, backOffMs } from "../base/retry.ts";
import type { PromptsCode } from "./feed.ts";

/** From the first byte sent to the last received, redirects included. */
const REQUEST_TIMEOUT_MS = 30_000;
/** Attempts spread over about a minute; the validator asks again at the next forward pass. */
const BACK_OFF: BackOff = { firstMs: 1000, maxMs: 30_000, attempts: 6 };
/** A server may ask to wait longer; then the attempt after the wait is the last word for this time. */
const MAX_RETRY_AFTER_MS = 60_000;
/** The hub answers with one redirect, to its content network. */
const MAX_REDIRECTS = 5;

export interface HubAccess {
  /** Sent to `tokenOrigin` only, never to where that redirects. */
  token?: string | undefined;
  tokenOrigins: string[];
  backOff?: BackOff;
}

interface Wanted {
  url: string;
  /** Bytes [start, end) of the file; left out, all of it. */
  range?: { start: number; end: number };
  maxBytes: number;
}

export interface Received {
  bytes: Uint8Array<ArrayBuffer>;
  /** Size of the whole file, when a range was asked for. */
  totalBytes: number | undefined;
  /** Another one means another content. */
  etag: string | undefined;
}

/** GET requests for data: bounded, with deadline, redirects followed by hand, and retried with back-off. */
export class HubRequests {
  readonly #access: HubAccess;
  readonly #backOff: BackOff;

  constructor(access: HubAccess) {
    this.#access = access;
    this.#backOff = access.backOff ?? BACK_OFF;
  }

  /**
   * @throws Failure `prompts.unreachable` when all attempts failed in a way that may pass; `prompts.bad-source` for an
   * answer that will stay the same (404, 401, no ranges, too large); the signal's reason
   */
  async get(wanted: Wanted, signal: AbortSignal): Promise<Received> {
    for (let attempt = 0; ; attempt++) {
      const answer = await this.#try(wanted, signal);
      signal.throwIfAborted();
      if (!("problem" in answer)) return answer;
      if (!answer.mayPass) throw failure("prompts.bad-source", wanted.url, answer.problem);
      if (attempt + 1 >= this.#backOff.attempts)
        throw failure("prompts.unreachable", wanted.url, answer.problem);
      const pauseMs = Math.min(MAX_RETRY_AFTER_MS, answer.retryAfterMs ?? 0);
      await sleep(Math.max(pauseMs, backOffMs(this.#backOff, attempt)), signal);
      signal.throwIfAborted();
    }
  }

  /** The JSON value at a URL. */
  async getJson(url: string, maxBytes: number, signal: AbortSignal): Promise<unknown> {
    const { bytes } = await this.get({ url, maxBytes }, signal);
    try {
      return JSON.parse(new TextDecoder().decode(bytes));
    } catch (error) {
      throw failure("prompts.bad-source", url, `not JSON (${messageOf(error)})`);
    }
  }

  async #try(wanted: Wanted, signal: AbortSignal): Promise<Received | Problem> {
    const both = AbortSignal.any([signal, AbortSignal.timeout(REQUEST_TIMEOUT_MS)]);
    try {
      const response = await this.#follow(wanted, both);
      return await readAnswer(wanted, response);
    } catch (error) {
      return { problem: messageOf(error), mayPass: true };
    }
  }

  async #follow({ url, range }: Wanted, signal: AbortSignal): Promise<Response> {
    let target = new URL(url);
    for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
      const headers: Record<string, string> = { "accept-encoding": "identity" };
      if (range) headers.range = `bytes=${range.start}-${range.end - 1}`;
      if (this.#access.token && this.#access.tokenOrigins.includes(target.origin))
        headers.authorization = `Bearer ${this.#access.token}`;
      const response = await fetch(target, { headers, redirect: "manual", signal });
      const location = response.headers.get("location");
      if (response.status < 300 || response.status >= 400 || !location) return response;
      await response.body?.cancel();
      target = new URL(location, target);
    }
    throw new Error(`more than ${MAX_REDIRECTS} redirects`);
  }
}

interface Problem {
  problem: string;
  mayPass: boolean;
  retryAfterMs?: number;
}

async function readAnswer({ range, maxBytes }: Wanted, response: Response): Promise<Received | Problem> {
  const { status } = response;
  if (status !== (range ? 206 : 200)) {
    await response.body?.cancel();
    if (status === 200) return { problem: "the server does not serve parts of a file", mayPass: false };
    const seconds = Number(response.headers.get("retry-after") ?? Number.NaN);
    return {
      problem: `HTTP status ${status}`,
      mayPass: status === 429 || status === 408 || status >= 500,
      ...(seconds >= 0 ? { retryAfterMs: seconds * 1000 } : {}),
    };
  }
  const bytes = await readBounded(response, maxBytes);
  if (!bytes) return { problem: `more than ${maxBytes} bytes`, mayPass: false };
  const part = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(response.headers.get("content-range") ?? "");
  if (range && Number(part?.[1]) !== range.start)
    return { problem: "the server gave another part of the file", mayPass: false };
  const declared = Number(response.headers.get("content-length") ?? bytes.length);
  const totalBytes = part ? Number(part[3]) : undefined;
  const wantedBytes = range ? Math.min(range.end, totalBytes ?? range.end) - range.start : declared;
  if (bytes.length !== wantedBytes)
    return { problem: `${bytes.length} bytes came instead of ${wantedBytes}`, mayPass: true };
  return { bytes, totalBytes, etag: response.headers.get("etag") ?? undefined };
}

/** The body, or undefined when it is longer than allowed. */
async function readBounded(
  response: Response,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > maxBytes) return undefined;
    chunks.push(chunk);
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

function failure(code: PromptsCode, url: string, problem: string): Failure<PromptsCode> {
  return new Failure(code, {
    message: `${new URL(url).host} did not give ${new URL(url).pathname}: ${problem}`,
    hint:
      code === "prompts.bad-source"
        ? "check the dataset's name in --data.source and whether it needs a token (HF_TOKEN)"
        : "check the network, or give a mirror with --data.endpoint",
    data: { url },
    retry: code === "prompts.unreachable" ? "soon" : "no",
  });
}
