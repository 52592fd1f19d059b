import { neutralise } from "./special-tokens.ts";

/**
 * Cuts texts to a model's limit before a tensor is built. transformers.js cuts the finished list of ids, which loses the
 * closing [SEP], and turns a special token spelled out in a text into a real one: both are done here instead.
 */

/** The part of a tokenizer of transformers.js that is used. */
export interface RawTokenizer {
  encode(text: string, options?: { add_special_tokens?: boolean; text_pair?: string }): number[];
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

/** Token windows and pieces of one text that are looked at: bounds what one answer may cost. */
const MAX_WINDOWS = 8;

/** Texts whose ids are kept: the prompt of a step is asked for with each of its answers. */
const RECENT_TEXTS = 4;

/** Ids of one input of a model, and which text of a pair each belongs to. */
export interface TokenRow {
  ids: number[];
  /** 0 or 1 for each id; all 0 when left out. */
  types?: number[];
}

/** A part of an input: our own words, whose special tokens are real, or a stranger's, which may be cut. */
export interface TemplatePart {
  text: string;
  isOurs: boolean;
}

export class BoundedTokenizer {
  readonly #tokenizer: RawTokenizer;
  readonly #maxTokens: number;
  readonly #spelled: string[];
  readonly #reserved: ReadonlySet<number>;
  readonly #prefix: number[];
  readonly #suffix: number[];
  /** What stands between the two texts of a pair, and after the second. */
  readonly #pairMiddle: number[];
  readonly #pairSuffix: number[];
  readonly #recent = new Map<string, number[]>();

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
    const start = findRun(framed, body);
    if (start < 0) throw new Error("the tokenizer frames a text in a way that cannot be taken apart");
    this.#prefix = framed.slice(0, start);
    this.#suffix = framed.slice(start + body.length);
    const pair = tokenizer.encode("a", { text_pair: "a" }).slice(start + body.length);
    // A tokenizer without a form for pairs drops the second text: there is nothing between the two then.
    const second = findRun(pair, body);
    this.#pairMiddle = second < 0 ? [] : pair.slice(0, second);
    this.#pairSuffix = second < 0 ? this.#suffix : pair.slice(second + body.length);
    const frame = new Set([...this.#prefix, ...this.#suffix]);
    this.#reserved = new Set(
      special.filter(({ id, content }) => content !== unknownToken || frame.has(id)).map(({ id }) => id),
    );
  }

  get maxTokens(): number {
    return this.#maxTokens;
  }

  /** Ids of a text between the model's own special tokens: at most `maxTokens`, none of them forged by the text. */
  encode(text: string): number[] {
    return [...this.#prefix, ...this.#body(text).slice(0, this.#room), ...this.#suffix];
  }

  /** As encode(), for a text that something will be appended to: without the model's closing tokens, and not cut. */
  encodeOpen(text: string): number[] {
    return [...this.#prefix, ...this.#body(text)];
  }

  /** Two texts as one input, cut longest first: tokens are taken from the longer text until both are equally long. */
  encodePair(first: string, second: string): TokenRow {
    const frame = [...this.#prefix, ...this.#pairMiddle, ...this.#pairSuffix];
    const [a, b] = cutLongestFirst([this.#body(first), this.#body(second)], this.#maxTokens - frame.length);
    // The separator after the first text belongs to it, as in BERT; RoBERTa's second one is not typed at all.
    const ownLength = this.#prefix.length + a!.length + Math.min(1, this.#pairMiddle.length);
    const ids = [...this.#prefix, ...a!, ...this.#pairMiddle, ...b!, ...this.#pairSuffix];
    return { ids, types: ids.map((_, at) => (at < ownLength ? 0 : 1)) };
  }

  /**
   * Parts in a row, without the model's closing tokens; a stranger's parts are cut longest first.
   * @throws RangeError when our own parts leave no room for theirs.
   */
  encodeTemplate(parts: readonly TemplatePart[]): number[] {
    const pieces = parts.map(({ text, isOurs }) =>
      isOurs ? this.#tokenizer.encode(text, { add_special_tokens: false }) : this.#body(text),
    );
    const taken = parts.reduce((sum, { isOurs }, at) => sum + (isOurs ? pieces[at]!.length : 0), 0);
    const room = this.#maxTokens - this.#prefix.length - taken;
    if (room < 1)
      throw new RangeError(`the model reads ${this.#maxTokens} tokens, and what it is asked takes ${taken}`);
    const strange = cutLongestFirst(
      pieces.filter((_, at) => !parts[at]!.isOurs),
      room,
    );
    let next = 0;
    return [...this.#prefix, ...parts.flatMap(({ isOurs }, at) => (isOurs ? pieces[at]! : strange[next++]!))];
  }

  /** A long text as consecutive inputs, each between the model's own special tokens. At least one, at most 8. */
  encodeWindows(text: string): number[][] {
    return chunks(this.#body(text, MAX_WINDOWS), this.#room).map((ids) => [
      ...this.#prefix,
      ...ids,
      ...this.#suffix,
    ]);
  }

  /** A long text between special tokens, then cut into pieces: only the first opens and only the last closes. */
  encodePieces(text: string): number[][] {
    return chunks([...this.#prefix, ...this.#body(text, MAX_WINDOWS), ...this.#suffix], this.#maxTokens);
  }

  get #room(): number {
    return this.#maxTokens - this.#prefix.length - this.#suffix.length;
  }

  #body(text: string, windows = 1): number[] {
    const cut = text.slice(0, windows * this.#maxTokens * CHARACTERS_PER_TOKEN);
    const ids = this.#recent.get(cut) ?? this.#encodeSafely(cut);
    // The one used longest ago is the first of a Map, and goes when there are too many.
    this.#recent.delete(cut);
    this.#recent.set(cut, ids);
    const [oldest] = this.#recent.keys();
    if (this.#recent.size > RECENT_TEXTS && oldest !== undefined) this.#recent.delete(oldest);
    return ids;
  }

  #encodeSafely(text: string): number[] {
    return (
      this.#tokenizer
        .encode(neutralise(text.toWellFormed(), this.#spelled), { add_special_tokens: false })
        // A second lock: some tokenizers find special tokens after normalising, in spellings we cannot list.
        .filter((id) => !this.#reserved.has(id))
    );
  }
}

/** Lists cut so that they hold at most `room` together: the longest first, to the length of the next longest. */
export function cutLongestFirst(lists: readonly number[][], room: number): number[][] {
  const lengths = lists.map(({ length }) => length);
  // Shares the room from the shortest list up: a list that needs less than its share leaves the rest to longer ones.
  const order = lists.map((_, at) => at).sort((a, b) => lengths[a]! - lengths[b]! || a - b);
  let left = room;
  for (const [rank, at] of order.entries()) {
    lengths[at] = Math.min(lengths[at]!, Math.floor(left / (order.length - rank)));
    left -= lengths[at]!;
  }
  return lists.map((list, at) => list.slice(0, lengths[at]));
}

function chunks(ids: number[], size: number): number[][] {
  const count = Math.min(MAX_WINDOWS, Math.max(1, Math.ceil(ids.length / size)));
  return Array.from({ length: count }, (_, at) => ids.slice(at * size, (at + 1) * size));
}

/** Where a run begins in a list; −1 when it is not there. */
function findRun(list: readonly number[], run: readonly number[]): number {
  return list.findIndex((_, at) => run.every((id, offset) => list[at + offset] === id));
}
