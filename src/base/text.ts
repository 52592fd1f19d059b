/**
 * Makes a stranger's text safe to print on one line of a terminal or a log: control, format, separator and unpaired
 * surrogate code points become visible escapes, and the result has at most `maxCharacters` characters.
 */
export function printable(text: string, maxCharacters = 200): string {
  const well = text.slice(0, maxCharacters * 2).toWellFormed();
  let out = "";
  for (const character of well) {
    const safe = /[\p{Cc}\p{Cf}\p{Co}\p{Zl}\p{Zp}]/u.test(character)
      ? `\\u{${character.codePointAt(0)!.toString(16)}}`
      : character;
    if (out.length + safe.length > maxCharacters) return `${out}…`;
    out += safe;
  }
  return well.length < text.length ? `${out}…` : out;
}

/** A share of 0..1 in whole hundredths. */
export function percent(share: number): string {
  return `${(100 * share).toFixed(0)} %`;
}
