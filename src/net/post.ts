import { type DeadlineCode, orAborted } from "../base/deadline.ts";
import { Failure, messageOf } from "../base/error.ts";
import { printableUrl } from "../base/url.ts";
import { unreachable } from "./failure.ts";

export interface PostOptions {
  headers?: Readonly<Record<string, string>>;
  /** `POST` when left out. */
  method?: "POST" | "PUT";
  signal?: AbortSignal | undefined;
  /** Of the whole request, its answer included. */
  timeoutMs: number;
  /** An answer that is longer is a failure. */
  maxAnswerBytes: number;
}

export interface PostAnswer {
  status: number;
  headers: Headers;
  /** The body, whole. */
  text: string;
}

/**
 * Sends a body and reads a bounded answer, whatever its status. A redirect is an answer like another: what was meant for
 * one server goes to no other.
 * @throws NetFailure when there is no whole answer in time; Failure `deadline.aborted` when the signal comes.
 */
export async function post(
  address: string,
  body: string | Uint8Array<ArrayBuffer>,
  options: PostOptions,
): Promise<PostAnswer> {
  const { headers = {}, method = "POST", signal, timeoutMs, maxAnswerBytes } = options;
  const url = new URL(address);
  const shown = printableUrl(new URL(url.pathname, url.origin));
  const late = AbortSignal.timeout(timeoutMs);
  const ended = new AbortController();
  const signals = [signal, late, ended.signal].filter((one) => one !== undefined);
  const any = AbortSignal.any(signals);
  try {
    const response = await fetch(url, {
      method,
      body,
      redirect: "manual",
      // A few kilobytes could otherwise grow to anything before we count them.
      decompress: false,
      headers: { ...headers, "accept-encoding": "identity" },
      signal: any,
    });
    const text = await orAborted(textOf(response, maxAnswerBytes, shown), any);
    return { status: response.status, headers: response.headers, text };
  } catch (error) {
    if (signal?.aborted)
      throw new Failure<DeadlineCode>("deadline.aborted", { message: "the request was stopped" });
    if (late.aborted) throw unreachable(`${shown} took longer than ${timeoutMs / 1000} s`);
    throw unreachable(`${shown}: ${messageOf(error)}`, error);
  } finally {
    ended.abort();
  }
}

async function textOf(response: Response, maxBytes: number, shown: string): Promise<string> {
  const parts: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const part of (response.body ?? new ReadableStream()) as AsyncIterable<Uint8Array>) {
    sizeBytes += part.length;
    if (sizeBytes > maxBytes) throw new Error(`${shown} answers with more than ${maxBytes} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}
