import { type DeadlineCode, sleep } from "../base/deadline.ts";
import { Failure, isFailure, messageOf } from "../base/error.ts";
import { type BackOff, backOffMs } from "../base/retry.ts";
import { printableUrl } from "../base/url.ts";
import { NetFailure, refused, unreachable } from "./failure.ts";
import { judgeRedirect, placeOf, type Resolve } from "./redirect.ts";

/** A silence as long as this is a dead connection. */
const STALL_TIMEOUT_MS = 30_000;
/**
 * A server that sends less is as good as silent: at 1 kB a second the smallest model takes a day. Only time spent waiting
 * for the server counts.
 */
const LEAST_RATE = { bytes: 60_000, windowMs: 60_000 };
const RETRY: BackOff = { firstMs: 500, maxMs: 20_000, attempts: 6 };
/**
 * An attempt that brought a file so much further than any before it counts as none: large files come over lines that
 * break more often than `attempts`. It ends all the same, because the file does.
 */
const ADVANCE_BYTES = 10_000_000;
/** A hub needs one; a mirror before it, and a storage behind it, may add some. */
const MAX_REDIRECTS = 5;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** What RFC 6750 allows in a token. Anything else would end up, quoted, in an error of fetch. */
const TOKEN = /^[\w.~+/-]+=*$/;

/** A secret for the servers that the operator chose, never for one that they redirect to. */
export interface Token {
  value: string;
  origins: readonly string[];
  /** As it is called in messages: "the Hugging Face token". */
  name: string;
  /** Where it is set, for hints. */
  setting: string;
}

/** How requests are made; all but the token and the signal have defaults. */
export interface HttpAccess {
  token?: Token | undefined;
  signal?: AbortSignal | undefined;
  maxRedirects?: number;
  /** Any answer is given as it is: a redirect is not followed, and its form is not judged. */
  takesAnyAnswer?: boolean;
  /** Of one request, its redirects and body included; unbounded unless given. */
  timeoutMs?: number;
  stallTimeoutMs?: number;
  /** What the address is called in messages, where its path is a secret; else origin and path as far as they may be shown. */
  shown?: string;
  leastRate?: { bytes: number; windowMs: number };
  retry?: BackOff;
  /** For tests. */
  resolve?: Resolve;
}

/** What a POST carries. */
export interface Upload {
  /** `POST` when left out. */
  method?: "POST" | "PUT" | undefined;
  body: string | Uint8Array<ArrayBuffer>;
  headers: Readonly<Record<string, string>>;
}

/** A part of a file: bytes from `start` to before `end`, or to the last one. */
export interface ByteRange {
  start: number;
  end?: number;
}

export interface Answer {
  status: number;
  ok: boolean;
  headers: Headers;
  /** The body. Bounded in silence and slowness, not in length: that is up to the reader. */
  chunks: AsyncIterable<Uint8Array>;
  /** The address that was asked, without its query; what a redirect leads to is never shown, since it may be signed. */
  shown: string;
}

/**
 * One request, its redirects followed and judged; the connection is closed when `use` is done.
 * @throws NetFailure; Failure `deadline.aborted` when the signal of the access comes; whatever `use` throws.
 */
export async function request<T>(
  access: HttpAccess,
  address: string,
  range: ByteRange | undefined,
  use: (answer: Answer) => Promise<T>,
  upload?: Upload,
): Promise<T> {
  const attempt = new Attempt(access, new URL(address), upload);
  try {
    const response = await attempt.follow(range);
    const chunks = attempt.read(response.body ?? new ReadableStream());
    const { status, ok, headers } = response;
    return await use({ status, ok, headers, chunks, shown: attempt.shown });
  } finally {
    attempt.end();
  }
}

/** One request under way, with the clocks that bound it. */
class Attempt {
  readonly shown: string;
  readonly #access: HttpAccess;
  readonly #first: URL;
  readonly #upload: Upload | undefined;
  readonly #ended = new AbortController();
  readonly #late: AbortSignal | undefined;
  readonly #signal: AbortSignal;
  #stall: ReturnType<typeof setTimeout> | undefined;

  constructor(access: HttpAccess, first: URL, upload: Upload | undefined) {
    this.#access = access;
    this.#first = first;
    this.#upload = upload;
    this.shown = access.shown ?? printableUrl(new URL(first.pathname, first.origin));
    this.#late = access.timeoutMs === undefined ? undefined : AbortSignal.timeout(access.timeoutMs);
    const signals = [access.signal, this.#late, this.#ended.signal];
    this.#signal = AbortSignal.any(signals.filter((one) => one !== undefined));
  }

  end(): void {
    clearTimeout(this.#stall);
    this.#ended.abort();
  }

  /** @returns the first answer that is no redirect. */
  async follow(range: ByteRange | undefined): Promise<Response> {
    const authorization = await authorizationFor(this.#access, this.#first);
    const { token, maxRedirects = MAX_REDIRECTS } = this.#access;
    let at = this.#first;
    for (let hop = 0; ; hop++) {
      // For the servers that the operator chose, never for one that they redirect to.
      const isChosen = token?.origins.includes(at.origin) ?? false;
      const response = await this.#send(at, isChosen ? authorization : undefined, range);
      if (this.#access.takesAnyAnswer) return response;
      if (!REDIRECTS.has(response.status)) {
        if (response.ok && (response.headers.get("content-encoding") ?? "identity") !== "identity")
          throw refused(`${this.shown} is sent compressed, though we asked for plain bytes`);
        return response;
      }
      await response.body?.cancel();
      if (hop === maxRedirects) throw refused(`${this.shown} redirects more than ${maxRedirects} times`);
      const location = response.headers.get("location");
      const judged = await judgeRedirect(this.#first, at, location, this.#access.resolve);
      if ("refusal" in judged) throw refused(`${this.shown} redirects ${judged.refusal}`);
      at = judged.to;
    }
  }

  async #send(to: URL, authorization: string | undefined, range: ByteRange | undefined): Promise<Response> {
    this.#listen();
    try {
      return await fetch(to, {
        redirect: "manual",
        ...(this.#upload && { method: this.#upload.method ?? "POST", body: this.#upload.body }),
        // A few kilobytes could otherwise grow to anything before we count them.
        decompress: false,
        headers: {
          ...this.#upload?.headers,
          "accept-encoding": "identity",
          ...(authorization === undefined ? {} : { authorization }),
          ...(range && { range: `bytes=${range.start}-${range.end === undefined ? "" : range.end - 1}` }),
        },
        signal: this.#signal,
      });
    } catch (error) {
      throw this.#broken(error);
    }
  }

  async *read(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    const { bytes, windowMs } = this.#access.leastRate ?? LEAST_RATE;
    let waitedMs = 0;
    let received = 0;
    let since = performance.now();
    try {
      for await (const chunk of body) {
        clearTimeout(this.#stall);
        waitedMs += performance.now() - since;
        received += chunk.length;
        if (waitedMs >= windowMs) {
          if (received < bytes)
            throw unreachable(`${this.shown} sends less than ${bytes} bytes in ${windowMs / 1000} s`);
          waitedMs = 0;
          received = 0;
        }
        yield chunk;
        since = performance.now();
        this.#listen();
      }
    } catch (error) {
      throw isFailure(error) ? error : this.#broken(error);
    }
  }

  /** Starts to wait for the server. */
  #listen(): void {
    clearTimeout(this.#stall);
    this.#stall = setTimeout(() => this.#ended.abort(), this.#access.stallTimeoutMs ?? STALL_TIMEOUT_MS);
  }

  /** What the end of the connection means. */
  #broken(error: unknown): Failure {
    if (this.#access.signal?.aborted) return stopped();
    if (this.#late?.aborted)
      return unreachable(`${this.shown} took longer than ${this.#access.timeoutMs! / 1000} s`);
    if (this.#ended.signal.aborted) return unreachable(`${this.shown} fell silent`);
    return unreachable(`${this.shown}: ${messageOf(error)}`, error);
  }
}

/** @throws NetFailure where sending the token would give it away. */
async function authorizationFor({ token, resolve }: HttpAccess, first: URL): Promise<string | undefined> {
  if (token === undefined || !token.origins.includes(first.origin)) return undefined;
  const { name, setting, value } = token;
  if (!TOKEN.test(value))
    throw refused(`${name} has a blank or another character that no token has`, `set ${setting} again`);
  if (first.protocol !== "https:" && (await placeOf(first, resolve)) === "public")
    throw refused(
      `${name} would travel unencrypted to ${first.host}`,
      `give the server an https address, or unset ${setting}`,
    );
  return `Bearer ${value}`;
}

/**
 * Repeats what may succeed soon, after a growing pause, or a longer one that the server asked for.
 * @param reached how many bytes of a file there are by now.
 */
export async function withRetries<T>(
  { retry = RETRY, signal }: Pick<HttpAccess, "retry" | "signal">,
  work: () => Promise<T>,
  reached: () => number = () => 0,
): Promise<T> {
  let furthest = reached();
  for (let attempt = 0; ; attempt++) {
    if (signal?.aborted) throw stopped();
    try {
      return await work();
    } catch (error) {
      if (reached() >= furthest + ADVANCE_BYTES) {
        furthest = reached();
        attempt = 0;
      }
      const mayPass = error instanceof NetFailure && error.retry === "soon";
      if (!mayPass || attempt + 1 >= retry.attempts) throw error;
      await sleep(Math.max(error.retryAfterMs ?? 0, backOffMs(retry, attempt)), signal);
    }
  }
}

function stopped(): Failure<DeadlineCode> {
  return new Failure("deadline.aborted", { message: "the request was stopped" });
}
