import type { AnyEvent } from "./schema.ts";

/** Characters that JSON leaves as they are and that some readers of lines take for the end of one. */
const LINE_ENDS = /[\u0085\u2028\u2029]/g;

/** How halves of characters begin that stand alone; also in what is a text about them. */
const HALVES = "\\ud";

/**
 * A value as one line of JSON with its line feed, whatever a reader takes for the end of a line. Half of a character, which
 * a stranger may send as an escape and strict readers refuse with all of its line, becomes U+FFFD.
 */
export function jsonLine(value: unknown): string {
  let text = JSON.stringify(value);
  if (text.includes(HALVES))
    text = JSON.stringify(value, (_, one) => (typeof one === "string" ? one.toWellFormed() : one));
  const json = text.replace(LINE_ENDS, (end) => `\\u${end.charCodeAt(0).toString(16).padStart(4, "0")}`);
  return `${json}\n`;
}

/** The event as the journal holds it, UTF-8. */
export function lineOf(event: AnyEvent): Uint8Array {
  return Buffer.from(jsonLine(event), "utf8");
}
