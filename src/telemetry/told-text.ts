import { printable } from "../base/text.ts";

const MAX_TEXT = 300;

/** What an event tells in words, as a picture of the run keeps it. */
export function toldText(text: string | null): string | null {
  return text === null ? null : printable(text, MAX_TEXT);
}
