/**
 * Makes a stranger's text safe to print on one line of a terminal or a log: control, format, separator and unpaired
 * surrogate code points become visible escapes, and the result has at most `maxCharacters` characters.
 */
export function printable(text: string, maxCharacters = 200): string {
  const well = text.slice(0, maxCharacters * 2).toWellFormed();
  let out = "";
  for (const character of well) {
    const safe = /[\p{Cc}\p{Cf}\p{Co}\p{Zl}\p{Zp}]/u.test(character) ? escaped(character) : character;
    if (out.length + safe.length > maxCharacters) return `${out}…`;
    out += safe;
  }
  return well.length < text.length ? `${out}…` : out;
}

/** What a terminal obeys or does not show. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Co}\p{Zl}\p{Zp}]/gu;
/** What this program writes of a terminal's language: clear the screen or the line, and bold and plain letters. */
const CLEARS = ["\u001b[H\u001b[2J", "\r\u001b[K"];
const LETTERS = ["\u001b[1m", "\u001b[0m"];

/**
 * Lines of text that hold nothing of a stranger's which a terminal obeys: as `printable`, but of any length, with line ends,
 * tabs, bold letters, and a clearing of line or screen that stands before all else.
 */
export function printableLines(text: string): string {
  const clear = CLEARS.find((one) => text.startsWith(one)) ?? "";
  const rest = text.slice(clear.length).toWellFormed();
  return (
    clear +
    rest.replaceAll(UNSEEN, (character, at: number) => {
      const isOurs =
        character === "\n" ||
        character === "\t" ||
        (character === "\r" && rest[at + 1] === "\n") ||
        LETTERS.some((one) => rest.startsWith(one, at));
      return isOurs ? character : escaped(character);
    })
  );
}

/** JSON in which no control or format character stands as itself: the same value to every reader, and safe on a terminal. */
export function jsonText(value: unknown, indent?: number): string {
  return JSON.stringify(value, null, indent).replaceAll(
    /[\u007f-\u009f]|[\p{Cf}\p{Co}\p{Zl}\p{Zp}]/gu,
    (character) =>
      Array.from(
        { length: character.length },
        (_, at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, "0")}`,
      ).join(""),
  );
}

function escaped(character: string): string {
  return `\\u{${character.codePointAt(0)!.toString(16)}}`;
}

/** A text without the byte order mark that editors of Windows begin a file with, and that JSON does not know. */
export function withoutMark(text: string): string {
  return text.startsWith("\ufeff") ? text.slice(1) : text;
}

/** A share of 0..1 in whole hundredths. */
export function percent(share: number): string {
  return `${(100 * share).toFixed(0)} %`;
}

/** The word for what is counted: `pluralOf(2, "copy", "copies")`. */
export function pluralOf(count: number, one: string, many = `${one}s`): string {
  return count === 1 ? one : many;
}

/** "1 run", "2 runs". */
export function counted(count: number, one: string, many?: string): string {
  return `${count} ${pluralOf(count, one, many)}`;
}

/** Bytes of hexadecimal digits, with or without 0x before them; undefined for any other text, and for none. */
export function hexBytes(text: string): Uint8Array | undefined {
  const digits = text.replace(/^0x/, "");
  return /^(?:[0-9a-fA-F]{2})+$/.test(digits) ? Uint8Array.fromHex(digits) : undefined;
}

/** The space before a word, and the word: with what is in backticks within it, or up to the next space. */
const WORD = /(\s*)((?:[^\s`]*`[^`]*`)+\S*|\S+)/g;

/**
 * Lines of a text that end at spaces; spaces within a line stay as they are, for a path may hold some. A word that is wider
 * than a line stays whole, and so does a command in backticks: nobody could copy it in two.
 */
export function wordLines(text: string, width: number): string[] {
  if (Bun.stringWidth(text) <= width) return [text];
  const lines = [""];
  for (const [, space, word] of text.matchAll(WORD)) {
    const line = lines.at(-1)!;
    const longer = line === "" ? word! : `${line}${space}${word}`;
    if (line === "" || Bun.stringWidth(longer) <= width) lines[lines.length - 1] = longer;
    else lines.push(word!);
  }
  return lines;
}
