import type { AnyEvent } from "./schema.ts";

/** Characters that JSON leaves as they are and that some readers of lines take for the end of one. */
const LINE_ENDS = /[\u0085\u2028\u2029]/g;

/** A value as one line of JSON with its line feed, whatever a reader takes for the end of a line. */
export function jsonLine(value: unknown): string {
  const json = JSON.stringify(value).replace(
    LINE_ENDS,
    (end) => `\\u${end.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return `${json}\n`;
}

/** The event as the journal holds it, UTF-8. */
export function lineOf(event: AnyEvent): Uint8Array {
  return Buffer.from(jsonLine(event), "utf8");
}
