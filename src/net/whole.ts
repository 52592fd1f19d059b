import { messageOf } from "../base/error.ts";
import { printableUrl } from "../base/url.ts";
import { type NetFailure, refused, statusFailure, unreachable } from "./failure.ts";
import { type Answer, type HttpAccess, request, type Upload, withRetries } from "./http.ts";

export interface WantedBytes {
  url: string;
  /** Bytes [start, end) of the file; left out, all of it. */
  range?: { start: number; end: number };
  /** Longer answers are refused. */
  maxBytes: number;
}

export interface Received {
  bytes: Uint8Array<ArrayBuffer>;
  /** Size of the whole file, when a range was asked for and the server tells. */
  totalBytes: number | undefined;
  /** Another one means another content. */
  etag: string | undefined;
}

/**
 * A file, or a part of it, in memory.
 * @throws NetFailure; Failure `deadline.aborted` when the signal of the access comes.
 */
export async function fetchBytes(access: HttpAccess, wanted: WantedBytes): Promise<Received> {
  return await withRetries(access, () =>
    request(access, wanted.url, wanted.range, (answer) => readWhole(answer, wanted)),
  );
}

/** The JSON value at an address. @throws as fetchBytes(). */
export async function fetchJson(access: HttpAccess, url: string, maxBytes: number): Promise<unknown> {
  const { bytes } = await fetchBytes(access, { url, maxBytes });
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    throw refused(`${shownOf(url)} is not JSON (${messageOf(error)})`);
  }
}

/**
 * Sends a text once, to that address alone: a redirect is refused. What is answered beyond the status is left unread.
 * @throws NetFailure; Failure `deadline.aborted` when the signal of the access comes.
 */
export async function postText(access: HttpAccess, url: string, upload: Upload): Promise<void> {
  const send = { ...access, maxRedirects: 0 };
  await request(
    send,
    url,
    undefined,
    async (answer) => {
      if (!answer.ok) throw statusFailure(answer, answer.shown);
    },
    upload,
  );
}

async function readWhole(answer: Answer, { range, maxBytes }: WantedBytes): Promise<Received> {
  const { status, headers, shown } = answer;
  if (status !== (range ? 206 : 200)) {
    if (status === 200) throw refused(`the server of ${shown} does not serve parts of a file`);
    throw statusFailure(answer, shown);
  }
  const bytes = await readBounded(answer, maxBytes);
  const part = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(headers.get("content-range") ?? "");
  if (range && Number(part?.[1]) !== range.start)
    throw refused(`the server gave another part of ${shown} than the one asked for`);
  const declared = Number(headers.get("content-length") ?? bytes.length);
  const total = Number(part?.[3]);
  const totalBytes = Number.isFinite(total) ? total : undefined;
  const wantedBytes = range ? Math.min(range.end, totalBytes ?? range.end) - range.start : declared;
  if (bytes.length !== wantedBytes)
    throw unreachable(`${bytes.length} bytes of ${shown} came instead of ${wantedBytes}`);
  return { bytes, totalBytes, etag: headers.get("etag") ?? undefined };
}

/** The body, at most `maxBytes` of it. @throws what `tooLong` makes of a longer one */
export async function readBounded(
  { chunks, shown }: Answer,
  maxBytes: number,
  tooLong: (message: string) => NetFailure = refused,
): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    length += chunk.length;
    if (length > maxBytes) throw tooLong(`${shown} is longer than ${maxBytes} bytes`);
    parts.push(chunk);
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function shownOf(url: string): string {
  const { origin, pathname } = new URL(url);
  return printableUrl(new URL(pathname, origin));
}
