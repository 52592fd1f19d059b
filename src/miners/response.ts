import { printable } from "../base/text.ts";
import type { OwnFault } from "../base/vocabulary.ts";
import { faultOfAnswer } from "./fault.ts";

/** What came back over HTTP, before anything in it is believed. */
export interface MinerAnswer {
  httpStatus: number;
  /** Names in lower case. */
  headers: Record<string, string | string[] | undefined>;
  body: Uint8Array;
}

/** What an answer, or its absence, comes to. */
export interface Reading {
  status: number;
  message: string;
  /** null when there is no usable answer. */
  completion: string | null;
  /** Ours, not the miner's. */
  fault?: OwnFault | undefined;
  /** Whether an HTTP answer came, whatever it said. */
  reached: boolean;
}

/** Of any answer. */
const MAX_BODY_BYTES = 1_048_576;
/** What a completion of full length and the SDK's own fields take at most when every character is escaped. */
const BODY_ALLOWANCE_BYTES = 262_144;
/** A byte of the request that comes back as \uNNNN. */
const MAX_ESCAPED_BYTES = 6;
/** UTF-16 units of a completion. A longer one is refused, not cut: nobody is paid for text that was not read. */
export const MAX_COMPLETION_CHARACTERS = 16_384;
// A synapse nests 2 deep and has about 30 keys; parsing deep or wide JSON costs seconds and hundreds of MiB.
const MAX_JSON_DEPTH = 32;
const MAX_JSON_KEYS = 256;
const MAX_JSON_VALUES = 4096;
const MAX_MESSAGE_CHARACTERS = 200;

/** Statuses that the SDK's dendrite gives (core/dendrite.py), so that events agree with older data. */
export const STATUS = {
  ok: 200,
  /** A 200 whose completion is empty; macrocosm's validators used this code. */
  empty: 204,
  payloadBroken: 400,
  timeout: 408,
  unparsable: 422,
  /** This validator gave the request up. nginx's code for it. */
  stopped: 499,
  clientError: 500,
  unavailable: 503,
} as const;

/**
 * The most bytes of an honest answer: it repeats the request and adds a completion. Fifty miners that send as much as
 * they may then cost 12 MiB, not 50.
 */
export function bodyLimitBytes(requestBytes: number): number {
  return Math.min(MAX_BODY_BYTES, BODY_ALLOWANCE_BYTES + MAX_ESCAPED_BYTES * requestBytes);
}

/** A failure before an HTTP answer came. */
export function failed(status: number, message: string, fault?: OwnFault): Reading {
  return {
    status,
    message: printable(message, MAX_MESSAGE_CHARACTERS),
    completion: null,
    fault,
    reached: false,
  };
}

/** An answer that gives no completion. */
export function refused(status: number, message: string): Reading {
  return { ...failed(status, message, faultOfAnswer(status, message)), reached: true };
}

/**
 * Reads an answer. Only the status, its message and the completion are taken; whatever else a miner writes about
 * itself or about us is ignored. Never throws.
 */
export function readAnswer(answer: MinerAnswer): Reading {
  const { headers, httpStatus } = answer;
  const claimed = statusOf(headerText(headers.bt_header_axon_status_code));
  const claimedMessage = headerText(headers.bt_header_axon_status_message);
  // SDK 6 answers every failure with HTTP 500 and the real code in the header; a 200 counts when both say so.
  if (httpStatus !== STATUS.ok || (claimed !== undefined && claimed !== STATUS.ok)) {
    const status = claimed === undefined || claimed === STATUS.ok ? httpStatus : claimed;
    return refused(status, claimedMessage ?? defaultMessage(httpStatus));
  }
  return readCompletion(answer.body, claimedMessage ?? "Success");
}

/** Why a body is not worth receiving, from the headers before it; undefined when it is. */
export function refuseHeaders(headers: MinerAnswer["headers"], limitBytes: number): string | undefined {
  const encoding = headerText(headers["content-encoding"]);
  if (encoding !== undefined && encoding.toLowerCase() !== "identity")
    return "Failed to parse response: compressed, which was not asked for";
  const length = headerText(headers["content-length"]);
  if (length !== undefined && Number(length) > limitBytes)
    return `Failed to parse response: announces more than ${limitBytes} bytes`;
  return undefined;
}

function readCompletion(body: Uint8Array, message: string): Reading {
  const unparsable = (reason: string): Reading =>
    refused(STATUS.unparsable, `Failed to parse response: ${reason}`);
  const shape = judgeShape(body);
  if (shape !== undefined) return unparsable(shape);
  let parsed: unknown;
  try {
    // A byte order mark stays in the text, where JSON does not allow it.
    parsed = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(body));
  } catch {
    return unparsable("not JSON in UTF-8");
  }
  if (typeof parsed !== "object" || parsed === null || !Object.hasOwn(parsed, "completion"))
    return unparsable("no completion");
  const { completion } = parsed as { completion: unknown };
  if (typeof completion !== "string") return unparsable("the completion is not a text");
  if (completion.length > MAX_COMPLETION_CHARACTERS)
    return unparsable(`the completion has more than ${MAX_COMPLETION_CHARACTERS} characters`);
  if (completion.trim() === "") return refused(STATUS.empty, "Empty completion");
  return {
    status: STATUS.ok,
    message: printable(message, MAX_MESSAGE_CHARACTERS),
    completion: completion.toWellFormed(),
    reached: true,
  };
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPENING: ReadonlySet<number> = new Set([0x5b, 0x7b]);
const CLOSING: ReadonlySet<number> = new Set([0x5d, 0x7d]);
const COLON = 0x3a;
const COMMA = 0x2c;

/**
 * Counts nesting, keys and values of JSON bytes without parsing them; undefined when they are within bounds. Bytes
 * above 0x7f never look like a structural character in UTF-8.
 */
function judgeShape(bytes: Uint8Array): string | undefined {
  let depth = 0;
  let keys = 0;
  let values = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]!;
    if (byte === QUOTE) {
      at = endOfString(bytes, at);
    } else if (OPENING.has(byte)) {
      values++;
      if (++depth > MAX_JSON_DEPTH) return `JSON deeper than ${MAX_JSON_DEPTH}`;
    } else if (CLOSING.has(byte)) depth--;
    else if (byte === COMMA) values++;
    else if (byte === COLON) keys++;
    if (keys > MAX_JSON_KEYS) return `JSON of more than ${MAX_JSON_KEYS} keys`;
    if (values > MAX_JSON_VALUES) return `JSON of more than ${MAX_JSON_VALUES} values`;
  }
  return undefined;
}

/** Index of the quote that ends the string which starts at `start`; the last index when none does. */
function endOfString(bytes: Uint8Array, start: number): number {
  for (let at = start + 1; at < bytes.length; at++) {
    if (bytes[at] === BACKSLASH) at++;
    else if (bytes[at] === QUOTE) return at;
  }
  return bytes.length;
}

/** The first value of a header. */
function headerText(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}

function statusOf(text: string | undefined): number | undefined {
  return text !== undefined && /^[1-5]\d\d$/.test(text) ? Number(text) : undefined;
}

function defaultMessage(httpStatus: number): string {
  return httpStatus >= 300 && httpStatus < 400 ? "Redirect refused" : `HTTP status ${httpStatus}`;
}
