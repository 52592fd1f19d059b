import { MAX_LINE_BYTES } from "../../base/lines.ts";

/** A table of ours has some dozens. */
const MAX_CELLS = 4096;

/**
 * The records of a CSV text (RFC 4180: quotes doubled, line ends within quotes), each with its cells; undefined for one
 * that is longer than a row can be, which is passed over up to the next line end without being held.
 */
export async function* csvRecords(
  chunks: AsyncIterable<Uint8Array>,
  maxCharacters = MAX_LINE_BYTES,
): AsyncGenerator<string[] | undefined> {
  const decoder = new TextDecoder();
  const records = new Records(maxCharacters);
  for await (const chunk of chunks) yield* records.push(decoder.decode(chunk, { stream: true }));
  yield* records.push(decoder.decode());
  yield* records.end();
}

class Records {
  readonly #maxCharacters: number;
  #cells: string[] = [];
  #cell: string[] = [];
  #length = 0;
  #isQuoted = false;
  /** The last character was a quote within quotes: the end of the cell, or half of a doubled one. */
  #sawQuote = false;
  #isSkipping = false;

  constructor(maxCharacters: number) {
    this.#maxCharacters = maxCharacters;
  }

  *push(text: string): Generator<string[] | undefined> {
    let at = 0;
    while (at < text.length) {
      if (this.#isSkipping) {
        const end = text.indexOf("\n", at);
        if (end < 0) return;
        at = end + 1;
        this.#isSkipping = false;
        yield undefined;
        continue;
      }
      if (this.#isQuoted && !this.#sawQuote) {
        const quote = text.indexOf('"', at);
        const end = quote < 0 ? text.length : quote;
        this.#take(text.slice(at, end));
        this.#sawQuote = quote >= 0;
        at = quote < 0 ? end : end + 1;
        continue;
      }
      const letter = text[at]!;
      if (this.#sawQuote) {
        this.#sawQuote = false;
        if (letter === '"') {
          this.#take('"');
          at++;
          continue;
        }
        this.#isQuoted = false;
      }
      if (letter === ",") {
        this.#endCell();
        at++;
      } else if (letter === "\n") {
        at++;
        yield this.#endRecord();
      } else if (letter === '"' && this.#cell.length === 0) {
        this.#isQuoted = true;
        at++;
      } else {
        PLAIN.lastIndex = at + 1;
        PLAIN.test(text);
        const end = Math.max(PLAIN.lastIndex, at + 1);
        this.#take(text.slice(at, end));
        at = end;
      }
    }
  }

  *end(): Generator<string[] | undefined> {
    if (this.#isSkipping || (this.#isQuoted && !this.#sawQuote)) yield undefined;
    else if (this.#length > 0 || this.#cells.length > 0) yield this.#endRecord();
  }

  #take(part: string): void {
    this.#length += part.length;
    this.#cell.push(part);
    if (this.#length > this.#maxCharacters || this.#cells.length > MAX_CELLS) this.#skip();
  }

  #skip(): void {
    this.#clear();
    this.#isSkipping = true;
  }

  #endCell(): void {
    this.#cells.push(this.#cell.join(""));
    this.#cell = [];
    this.#isQuoted = false;
    this.#sawQuote = false;
    this.#length++;
    if (this.#cells.length > MAX_CELLS) this.#skip();
  }

  #endRecord(): string[] {
    const last = this.#cell.join("");
    const cells = [...this.#cells, last.endsWith("\r") ? last.slice(0, -1) : last];
    this.#clear();
    return cells;
  }

  #clear(): void {
    this.#cells = [];
    this.#cell = [];
    this.#length = 0;
    this.#isQuoted = false;
    this.#sawQuote = false;
  }
}

/** What needs no look within a cell without quotes. */
const PLAIN = /[^,\n]*/y;
