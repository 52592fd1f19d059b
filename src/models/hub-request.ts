import { type DeadlineCode, sleep } from "../base/deadline.ts";
import { Failure, isFailure, messageOf } from "../base/error.ts";
import { type BackOff, backOffMs } from "../base/retry.ts";
import type { ModelCode } from "./failure.ts";
import { judgeRedirect, placeOf, type Resolve } from "./hub-redirect.ts";

/** A silence as long as this is a dead connection; the download goes on where it stopped. */
const STALL_TIMEOUT_MS = 30_000;
/**
 * A server that sends less is as good as silent: at 1 kB a second the smallest model takes a day. Only time spent waiting
 * for the server counts.
 */
const LEAST_RATE = { bytes: 60_000, windowMs: 60_000 };
const RETRY: BackOff = { firstMs: 500, maxMs: 20_000, attempts: 6 };
/**
 * An attempt that brought a file so much further than any before it counts as none: large models come over lines that
 * break more often than `attempts`. It ends all the same, because the file does.
 */
const ADVANCE_BYTES = 10_000_000;
const MAX_RETRY_AFTER_MS = 60_000;
/** The hub needs one; a mirror before it, and a storage behind it, may add some. */
const MAX_REDIRECTS = 5;
/** What RFC 6750 allows in a token. Anything else would end up, quoted, in an error of fetch. */
const TOKEN = /^[\w.~+/-]+=*$/;

export interface HubAccess {
  /** Base address without a slash at its end. */
  endpoint: string;
  token?: string;
  signal?: AbortSignal;
  /** For tests. */
  stallTimeoutMs?: number;
  leastRate?: typeof LEAST_RATE;
  listTimeoutMs?: number;
  retry?: BackOff;
  resolve?: Resolve;
}

export interface RequestOptions {
  /** First byte that is wanted. */
  from?: number;
  /** Of the whole request, its body included. */
  timeoutMs?: number;
}

/**
 * One request, its redirects followed. The body is bounded in silence and slowness, not in length: that is up to `use`.
 * @throws Failure `model.unreachable`, `model.refused`, `deadline.aborted`; whatever `use` throws.
 */
export async function request<T>(
  access: HubAccess,
  address: string,
  { from = 0, timeoutMs }: RequestOptions,
  use: (response: Response, chunks: AsyncIterable<Uint8Array>) => Promise<T>,
): Promise<T> {
  const first = new URL(address);
  // Without its query; what a redirect leads to is not shown at all, since it may be signed.
  const shown = `${first.origin}${first.pathname}`;
  const ended = new AbortController();
  const late = timeoutMs === undefined ? undefined : AbortSignal.timeout(timeoutMs);
  const stallMs = access.stallTimeoutMs ?? STALL_TIMEOUT_MS;
  let timer = setTimeout(() => ended.abort(), stallMs);
  const signal = AbortSignal.any([access.signal, late, ended.signal].filter((one) => one !== undefined));
  const broken = (error: unknown): unknown => {
    if (access.signal?.aborted) return stopped();
    if (late?.aborted) return passing(`${shown} took longer than ${timeoutMs! / 1000} s`);
    return passing(ended.signal.aborted ? `${shown} fell silent` : `${shown}: ${messageOf(error)}`);
  };
  const authorization = await authorizationFor(access, first);

  async function follow(): Promise<Response> {
    let at = first;
    for (let hop = 0; ; hop++) {
      const response = await fetch(at, {
        redirect: "manual",
        // A few kilobytes could otherwise grow to anything before we count them.
        decompress: false,
        headers: {
          "accept-encoding": "identity",
          // For the server that the operator chose, never for one that it redirects to.
          ...(authorization !== undefined && at.origin === first.origin ? { authorization } : {}),
          ...(from > 0 ? { range: `bytes=${from}-` } : {}),
        },
        signal,
      });
      if (![301, 302, 303, 307, 308].includes(response.status)) return response;
      await response.body?.cancel();
      if (hop === MAX_REDIRECTS) throw refused(`${shown} redirects more than ${MAX_REDIRECTS} times`);
      const judged = await judgeRedirect(first, at, response.headers.get("location"), access.resolve);
      if ("refusal" in judged)
        throw refused(`${shown} redirects ${judged.refusal}`, "check --models.mirror, or import a folder");
      at = judged.to;
      clearTimeout(timer);
      timer = setTimeout(() => ended.abort(), stallMs);
    }
  }

  async function* read(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    const { bytes, windowMs } = access.leastRate ?? LEAST_RATE;
    let waitedMs = 0;
    let received = 0;
    let since = performance.now();
    try {
      for await (const chunk of body) {
        clearTimeout(timer);
        waitedMs += performance.now() - since;
        received += chunk.length;
        if (waitedMs >= windowMs) {
          if (received < bytes)
            throw passing(`${shown} sends less than ${bytes} bytes in ${windowMs / 1000} s`);
          waitedMs = 0;
          received = 0;
        }
        yield chunk;
        since = performance.now();
        timer = setTimeout(() => ended.abort(), stallMs);
      }
    } catch (error) {
      throw isFailure(error) ? error : broken(error);
    }
  }

  try {
    let response: Response;
    try {
      response = await follow();
    } catch (error) {
      throw isFailure(error) ? error : broken(error);
    }
    if (response.ok && (response.headers.get("content-encoding") ?? "identity") !== "identity")
      throw refused(`${shown} is sent compressed, though we asked for plain bytes`, "check --models.mirror");
    return await use(response, read(response.body ?? new ReadableStream()));
  } finally {
    clearTimeout(timer);
    ended.abort();
  }
}

/** @throws Failure `model.refused` where sending the token would give it away. */
async function authorizationFor({ token, resolve }: HubAccess, first: URL): Promise<string | undefined> {
  if (token === undefined) return undefined;
  if (!TOKEN.test(token))
    throw refused(
      "the Hugging Face token has a blank or another character that no token has",
      "set HF_TOKEN again",
    );
  if (first.protocol !== "https:" && (await placeOf(first, resolve)) === "public")
    throw refused(
      `the Hugging Face token would travel unencrypted to ${first.host}`,
      "give --models.mirror an https address, or unset HF_TOKEN",
    );
  return `Bearer ${token}`;
}

/**
 * Repeats what may succeed soon, after the pause that the server asked for or a growing one.
 * @param reached how many bytes there are by now.
 */
export async function withRetries<T>(
  access: HubAccess,
  work: () => Promise<T>,
  reached: () => number = () => 0,
): Promise<T> {
  const policy = access.retry ?? RETRY;
  let furthest = reached();
  for (let attempt = 0; ; attempt++) {
    if (access.signal?.aborted) throw stopped();
    try {
      return await work();
    } catch (error) {
      if (reached() >= furthest + ADVANCE_BYTES) {
        furthest = reached();
        attempt = 0;
      }
      if (!(error instanceof Failure) || error.retry !== "soon" || attempt + 1 >= policy.attempts)
        throw error;
      const asked = (error.data as { retryAfterMs?: number } | undefined)?.retryAfterMs;
      await sleep(asked ?? backOffMs(policy, attempt), access.signal);
    }
  }
}

/** What an answer without the file means. */
export function statusFailure({ status, headers }: Response, repo: string): Failure<ModelCode> {
  if (status === 401 || status === 403)
    return refused(
      `the hub does not let us read ${repo} (${status})`,
      "accept the model's terms on its page and set HF_TOKEN",
    );
  if (status === 404)
    return refused(`${repo} has no such file or revision (404)`, "check --models.mirror, or import a folder");
  if (status === 429 || status >= 500) {
    const seconds = Number(headers.get("retry-after") ?? Number.NaN);
    const retryAfterMs =
      Number.isFinite(seconds) && seconds >= 0 ? Math.min(seconds * 1000, MAX_RETRY_AFTER_MS) : undefined;
    return passing(
      status === 429 ? `the hub asks for patience (429) with ${repo}` : `the hub failed (${status})`,
      { retryAfterMs },
    );
  }
  return refused(`the hub answered ${status} for ${repo}`);
}

export function refused(message: string, hint?: string): Failure<ModelCode> {
  return new Failure("model.refused", { message, ...(hint === undefined ? {} : { hint }) });
}

export function passing(message: string, data?: { retryAfterMs?: number | undefined }): Failure<ModelCode> {
  return new Failure("model.unreachable", {
    message,
    hint: "pull again; it goes on where it stopped",
    retry: "soon",
    data,
  });
}

function stopped(): Failure<DeadlineCode> {
  return new Failure("deadline.aborted", {
    message: "the pull was stopped",
    hint: "pull again; it goes on where it stopped",
  });
}
