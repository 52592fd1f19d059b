/** A list of 50 answers with 40 columns is two levels deep; a text that goes deeper is none of pandas'. */
const MAX_DEPTH = 32;
const SPACE = /[\s,]*/y;
const NUMBER = /[+-]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?/y;
const WORD = /[+-]?[A-Za-z_][\w.]*/y;
/** Of numpy and torch, also as single values: np.float64(0.5). */
const ARRAY = /^(?:(?:np|numpy|torch)\.\w+|array|tensor)$/;
const CONSTANTS: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ["None", null],
  ["null", null],
  ["True", true],
  ["true", true],
  ["False", false],
  ["false", false],
  ["nan", Number.NaN],
  ["NaN", Number.NaN],
  ["inf", Number.POSITIVE_INFINITY],
  ["Infinity", Number.POSITIVE_INFINITY],
  ["-inf", Number.NEGATIVE_INFINITY],
  ["-Infinity", Number.NEGATIVE_INFINITY],
]);
const ESCAPES: ReadonlyMap<string, string> = new Map([
  ["n", "\n"],
  ["t", "\t"],
  ["r", "\r"],
  ["b", "\b"],
  ["f", "\f"],
  ["v", "\v"],
  ["a", "\u0007"],
  ["0", "\0"],
  ["\n", ""],
]);
const HEX_DIGITS: ReadonlyMap<string, number> = new Map([
  ["x", 2],
  ["u", 4],
  ["U", 8],
]);

/**
 * The value of a list or dictionary as Python writes it (`['a', None, nan]`), which is what pandas puts into a cell of CSV.
 * JSON with bare special numbers is such a text, too. Arrays of numpy and torch are read as their lists.
 * @throws SyntaxError for any other text; nothing of it is ever run
 */
export function parsePython(text: string): unknown {
  const reader = new Reader(text);
  const value = reader.value(0);
  reader.end();
  return value;
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  value(depth: number): unknown {
    if (depth > MAX_DEPTH) throw this.#bad();
    this.#space();
    const first = this.#text[this.#at];
    if (first === "[" || first === "(") return this.#list(first === "[" ? "]" : ")", depth);
    if (first === "{") return this.#dictionary(depth);
    if (first === '"' || first === "'") return this.#string(first);
    const number = this.#match(NUMBER);
    if (number !== undefined) return Number(number.replaceAll("_", ""));
    const word = this.#match(WORD);
    if (word === undefined) throw this.#bad();
    if (CONSTANTS.has(word)) return CONSTANTS.get(word);
    if (!ARRAY.test(word) || this.#text[this.#at] !== "(") throw this.#bad();
    // array([…], dtype=float32) and tensor([…], device='cuda:0')
    this.#at++;
    const inner = this.value(depth + 1);
    for (this.#space(); this.#text[this.#at] !== ")"; this.#space()) {
      if (this.#match(WORD) === undefined || this.#text[this.#at] !== "=") throw this.#bad();
      this.#at++;
      if (this.#match(WORD) === undefined) this.value(depth + 1);
    }
    this.#at++;
    return inner;
  }

  end(): void {
    this.#space();
    if (this.#at < this.#text.length) throw this.#bad();
  }

  #list(end: string, depth: number): unknown[] {
    this.#at++;
    const values: unknown[] = [];
    for (this.#space(); this.#text[this.#at] !== end; this.#space()) values.push(this.value(depth + 1));
    this.#at++;
    return values;
  }

  #dictionary(depth: number): Record<string, unknown> {
    this.#at++;
    const entries: [string, unknown][] = [];
    for (this.#space(); this.#text[this.#at] !== "}"; this.#space()) {
      const name = this.value(depth + 1);
      this.#space();
      if (this.#text[this.#at++] !== ":") throw this.#bad();
      entries.push([String(name), this.value(depth + 1)]);
    }
    this.#at++;
    return Object.fromEntries(entries);
  }

  #string(quote: string): string {
    const text = this.#text;
    let out = "";
    let from = ++this.#at;
    for (; text[this.#at] !== quote; this.#at++) {
      if (this.#at >= text.length) throw this.#bad();
      if (text[this.#at] !== "\\") continue;
      out += text.slice(from, this.#at++);
      out += this.#escape(text[this.#at] ?? "");
      from = this.#at + 1;
    }
    out += text.slice(from, this.#at++);
    return out;
  }

  /** Ends at the last character of the escape. */
  #escape(letter: string): string {
    const digits = HEX_DIGITS.get(letter);
    if (digits === undefined) return ESCAPES.get(letter) ?? (/[\\'"/]/.test(letter) ? letter : `\\${letter}`);
    const hex = this.#text.slice(this.#at + 1, this.#at + 1 + digits);
    const code = Number.parseInt(hex, 16);
    if (!/^[\da-f]+$/i.test(hex) || hex.length < digits || code > 0x10ffff) throw this.#bad();
    this.#at += digits;
    return digits === 8 ? String.fromCodePoint(code) : String.fromCharCode(code);
  }

  #space(): void {
    SPACE.lastIndex = this.#at;
    SPACE.test(this.#text);
    this.#at = SPACE.lastIndex;
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    this.#at += found?.length ?? 0;
    return found;
  }

  #bad(): SyntaxError {
    return new SyntaxError(`no literal of Python at character ${this.#at}`);
  }
}
