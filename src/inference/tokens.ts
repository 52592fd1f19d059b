/**
 * Cuts texts to a model's limit before a tensor is built. transformers.js cuts the finished list of ids, which loses the
 * closing [SEP], and turns a special token spelled out in a text into a real one: both are done here instead.
 */

/** The part of a tokenizer of transformers.js that is used. */
export interface RawTokenizer {
  encode(text: string, options?: { add_special_tokens?: boolean }): number[];
}

/** A token that the tokenizer finds in raw text before anything else (`added_tokens` of tokenizer.json). */
export interface AddedToken {
  id: number;
  content: string;
  special: boolean;
}

/**
 * Characters of a text that are looked at, per token of the limit. English has 4 to 5; the rest is room for rare long
 * words, and a bound on the work that a stranger can ask for.
 */
const CHARACTERS_PER_TOKEN = 32;

export class BoundedTokenizer {
  readonly #tokenizer: RawTokenizer;
  readonly #maxTokens: number;
  readonly #spelled: string[];
  readonly #reserved: ReadonlySet<number>;
  readonly #prefix: number[];
  readonly #suffix: number[];

  /**
   * @param unknownToken what a word outside the vocabulary becomes; the only special token a text may contain.
   * @param maxTokens limit of ids, special tokens included.
   */
  constructor(
    tokenizer: RawTokenizer,
    added: readonly AddedToken[],
    unknownToken: string | undefined,
    maxTokens: number,
  ) {
    this.#tokenizer = tokenizer;
    this.#maxTokens = maxTokens;
    const special = added.filter((token) => token.special && token.content !== "");
    this.#spelled = special.map(({ content }) => content);
    const framed = tokenizer.encode("a");
    const body = tokenizer.encode("a", { add_special_tokens: false });
    const start = indexOfRun(framed, body);
    this.#prefix = framed.slice(0, start);
    this.#suffix = framed.slice(start + body.length);
    const frame = new Set([...this.#prefix, ...this.#suffix]);
    this.#reserved = new Set(
      special.filter(({ id, content }) => content !== unknownToken || frame.has(id)).map(({ id }) => id),
    );
  }

  /** Ids of a text between the model's own special tokens: at most `maxTokens`, none of them forged by the text. */
  encode(text: string): number[] {
    const cut = text.slice(0, this.#maxTokens * CHARACTERS_PER_TOKEN).toWellFormed();
    const ids = this.#tokenizer
      .encode(neutralise(cut, this.#spelled), { add_special_tokens: false })
      // A second lock: some tokenizers find special tokens after normalising, in spellings we cannot list.
      .filter((id) => !this.#reserved.has(id));
    const room = this.#maxTokens - this.#prefix.length - this.#suffix.length;
    return [...this.#prefix, ...ids.slice(0, room), ...this.#suffix];
  }
}

/** Breaks every spelled-out special token by a space after its first character: `[SEP]` becomes `[ SEP]`. */
export function neutralise(text: string, specialTokens: readonly string[]): string {
  let safe = text;
  for (const token of specialTokens) {
    const [first = ""] = token;
    safe = safe.replaceAll(token, () => `${first} ${token.slice(first.length)}`);
  }
  return safe;
}

function indexOfRun(list: readonly number[], run: readonly number[]): number {
  const found = list.findIndex((_, at) => run.every((id, offset) => list[at + offset] === id));
  if (found < 0) throw new Error("the tokenizer frames a text in a way that cannot be taken apart");
  return found;
}
