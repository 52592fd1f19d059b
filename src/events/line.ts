import type { AnyEvent } from "./schema.ts";

/** Characters that JSON leaves as they are and that some readers of lines take for the end of one. */
const LINE_ENDS = /[\u0085\u2028\u2029]/g;

/** The event as the journal holds it: one line of JSON with its line feed, UTF-8. */
export function lineOf(event: AnyEvent): Uint8Array {
  const json = JSON.stringify(event).replace(
    LINE_ENDS,
    (end) => `\\u${end.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return Buffer.from(`${json}\n`, "utf8");
}
