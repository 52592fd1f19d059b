import { eld } from "eld/extrasmall";

/** Beyond this a text tells its language no better. */
const MAX_CHARACTERS = 2_000;

/** Languages that can be told apart, ISO 639-1. */
export function knownLanguages(): string[] {
  return Object.values(eld.info().Languages).sort();
}

/** The language of a text, ISO 639-1; an empty text where it cannot be told, as of numbers or code. */
export function languageOf(text: string): string {
  return eld.detect(text.slice(0, MAX_CHARACTERS)).language;
}
