import { z } from "zod";
import { log } from "../../base/log.ts";
import { mapInTurns } from "../../base/turn.ts";
import type { Memory, MemoryChanges, Question } from "../../base/vocabulary.ts";
import { parsePrompt } from "../../prompts/templates.ts";
import { comparableWords } from "../comparable.ts";
import type { Mask, MaskVerdict } from "../parts.ts";
import { FuzzyNgrams } from "./fuzzy-ngrams.ts";
import { COUNTER_ROW, LossyCounter } from "./lossy-counter.ts";
import { COUNTS, PHRASES, packedRows, phraseRows, phrasesOf, unpackedRows } from "./ngram-rows.ts";
import { drawSeeds, HashedWords } from "./ngrams.ts";

/** Lengths of text-prompting 2.1.6, there in tokens of BERT, here in words: they need no tokenizer and can be read. */
const MIN_WORDS = 5;
const MAX_WORDS = 10;
const LENGTHS = MAX_WORDS - MIN_WORDS + 1;
/** Longer n-grams need a smaller share: 7.0 % of the completions for 5 words, 1.9 % for 10. */
const GROWTH_PER_WORD = 1.3;
const FREQUENCY_SCALE = 100;
const BOUNDARY = 20;
/** Rarer n-grams are never judged. Well above the error, or chance would judge. */
const SUPPORT = 0.01;

/** Words of a completion that are counted and judged: at most 3000 n-grams. Most have some 200 words. */
const MAX_COMPLETION_WORDS = 500;
/** Words of a prompt that may be quoted. Prompts grow by the best completions of their forward pass. */
const MAX_PROMPT_WORDS = 16_384;
/** A fashion shows in completions about different texts; a fact that all tell about one text is none. */
const MIN_TEXTS = 5;
/** A text and what was added to it in the course of a forward pass share their beginning. */
const BEGINNING_CHARACTERS = 200;
/** Blacklisted n-grams whose words are kept, to find them in fuzzy form; exact forms are found without them. */
const MAX_LISTED = 1000;
/** 480 kB of the state. Of more n-grams those seen most are saved. */
const MAX_SAVED = 20_000;
/** Counts are saved once in so many steps, 2 kB a step: a crash forgets at most that many, which hardly moves a share. */
const STEPS_BETWEEN_SAVES = 250;
/** Words of a prompt that are looked through for fuzzy forms in one go: some 3 ms. */
const PROMPT_WORDS_AT_ONCE = 512;

/** Changes when a saved count would mean something else. */
const KIND = `words ${MIN_WORDS}-${MAX_WORDS} v1`;

const amount = z.number().min(0);
const memoryShape = z.object({
  kind: z.literal(KIND),
  seeds: z.object({ first: z.int(), second: z.int() }),
  counter: z.object({
    transactions: amount,
    undercount: amount,
    sinceHalving: z.int().min(0),
    sincePruning: z.int().min(0),
  }),
});
type MemoryShape = z.infer<typeof memoryShape>;
const listedShape = z.array(z.array(z.string()).min(MIN_WORDS).max(MAX_WORDS)).max(MAX_LISTED);

export interface NgramBlacklistOptions {
  /** Largest share of the completions by which a count may be too low; nothing is judged before 1 / error of them. */
  error: number;
  /** Completions after which counts are halved. */
  halfLife: number;
  /** N-grams held at once. */
  capacity: number;
}

/** Error and half-life of text-prompting 2.1.6. 2^18 n-grams take 14 MB; it held up to a million. */
const DEFAULTS: NgramBlacklistOptions = { error: 0.001, halfLife: 20_000, capacity: 2 ** 18 };

/** A completion with the keys of its n-grams; 0 for those that the prompt has too. */
interface Counted {
  hashed: HashedWords;
  keys: Float64Array;
}

/** The n-gram that tells most against a completion. */
interface Finding {
  significance: number;
  ngram: string;
  isFuzzy: boolean;
}

/**
 * 0 where a completion has an n-gram of 5 to 10 words that has become a fashion among miners, also with one word changed,
 * added or left out (90 % of the characters the same), else 1. Significance = 1.3^(words − 1) · share of the completions
 * · 100, above 20 is too much. Shares fade with a half-life of 20 000 completions. A step is judged by what was counted
 * before it. Words of the prompt are neither counted nor held against a completion: to quote what was asked is no spam.
 */
export class NgramBlacklistMask implements Mask {
  readonly name = "ngram_blacklist_filter";
  readonly tables = [COUNTS, PHRASES];
  readonly #leastCompletions: number;
  readonly #counter: LossyCounter;
  #seeds = drawSeeds();
  #listed = new Map<number, readonly string[]>();
  #fuzzy: FuzzyNgrams | undefined;
  /** JSON that goes with the rows in the state; undefined when none of this counter are there. */
  #saved: MemoryShape | undefined;
  #stepsSinceSave = 0;

  constructor(options: Partial<NgramBlacklistOptions> = {}) {
    const { error, halfLife, capacity } = { ...DEFAULTS, ...options };
    this.#leastCompletions = 1 / error;
    this.#counter = new LossyCounter({ error, halfLife, capacity });
  }

  async apply(question: Question, completions: string[]): Promise<MaskVerdict> {
    this.#forgetFaded();
    const prompt = this.#hashed(`${question.prompt}\n${question.basePrompt}`, MAX_PROMPT_WORDS);
    const quotable = new Set(prompt.keys(MIN_WORDS, MAX_WORDS));
    const judged = await mapInTurns(completions, (completion) => {
      const hashed = this.#hashed(completion, MAX_COMPLETION_WORDS);
      const keys = hashed.keys(MIN_WORDS, MAX_WORDS).map((key) => (quotable.has(key) ? 0 : key));
      const counted: Counted = { hashed, keys };
      const exact = this.#findExact(counted);
      return { counted, exact, nearby: exact === undefined ? [...(this.#fuzzy?.find(hashed) ?? [])] : [] };
    });
    // Looked for only when a completion has a fuzzy form: this goes through the whole prompt.
    const isFuzzy = judged.some(({ nearby }) => nearby.length > 0);
    const nearlyQuotable = isFuzzy ? await this.#fuzzyFormsIn(prompt) : new Set<number>();
    const significances = judged.map(({ exact, nearby }) => {
      const finding = exact ?? this.#findingOf(nearby.find((key) => !nearlyQuotable.has(key)));
      if (finding !== undefined) log.debug("A completion has a blacklisted n-gram", { ...finding });
      return finding?.significance ?? 0;
    });
    return {
      factors: significances.map((significance) => (significance > BOUNDARY ? 0 : 1)),
      details: { significance: significances },
      learn: async () => {
        const group = groupOf(question);
        await mapInTurns(judged, ({ counted }) => this.#count(counted, group));
        this.#stepsSinceSave++;
      },
    };
  }

  /** Keys of the blacklisted n-grams that a prompt has in fuzzy or exact form. */
  async #fuzzyFormsIn(prompt: HashedWords): Promise<Set<number>> {
    const starts = Array.from(
      { length: Math.ceil(prompt.words.length / PROMPT_WORDS_AT_ONCE) },
      (_, index) => index * PROMPT_WORDS_AT_ONCE,
    );
    const found = await mapInTurns(starts, (from) => [
      ...(this.#fuzzy?.find(prompt, { from, to: from + PROMPT_WORDS_AT_ONCE }) ?? []),
    ]);
    return new Set(found.flat());
  }

  #hashed(text: string, maxWords: number): HashedWords {
    return new HashedWords(comparableWords(text, maxWords), this.#seeds);
  }

  /** 0 for an n-gram that is not judged (yet). */
  #significance(key: number, words: number): number {
    const { transactions } = this.#counter;
    if (transactions < this.#leastCompletions) return 0;
    const count = this.#counter.count(key);
    if (count < SUPPORT * transactions || this.#counter.groups(key) < MIN_TEXTS) return 0;
    return GROWTH_PER_WORD ** (words - 1) * (count / transactions) * FREQUENCY_SCALE;
  }

  #findExact({ hashed, keys }: Counted): Finding | undefined {
    let significance = BOUNDARY;
    let found: number | undefined;
    for (let at = 0; at < keys.length; at++) {
      if (keys[at] === 0) continue;
      const candidate = this.#significance(keys[at]!, lengthAt(at));
      if (candidate <= significance) continue;
      significance = candidate;
      found = at;
    }
    return found === undefined
      ? undefined
      : { significance, ngram: wordsAt(hashed, found).join(" "), isFuzzy: false };
  }

  /** What a fuzzy form tells against a completion, by the key of the n-gram it is a form of. */
  #findingOf(key: number | undefined): Finding | undefined {
    const words = key === undefined ? undefined : this.#listed.get(key);
    if (words === undefined) return undefined;
    return { significance: this.#significance(key!, words.length), ngram: words.join(" "), isFuzzy: true };
  }

  #count({ hashed, keys }: Counted, group: number): void {
    const counted = keys.filter((key) => key !== 0);
    this.#counter.add(counted, group);
    for (let at = 0; at < keys.length && this.#listed.size < MAX_LISTED; at++) {
      const key = keys[at]!;
      if (key === 0 || this.#significance(key, lengthAt(at)) <= BOUNDARY || this.#listed.has(key)) continue;
      this.#listed.set(key, wordsAt(hashed, at));
      this.#fuzzy = undefined;
    }
  }

  /** Brings the fuzzy forms to what is blacklisted now. */
  #forgetFaded(): void {
    for (const [key, words] of this.#listed) {
      if (this.#significance(key, words.length) > BOUNDARY) continue;
      this.#listed.delete(key);
      this.#fuzzy = undefined;
    }
    this.#fuzzy ??= this.#listed.size > 0 ? new FuzzyNgrams(this.#listed, this.#seeds) : undefined;
  }

  changes({ all }: { all: boolean }): MemoryChanges {
    const isDue = this.#saved === undefined || this.#stepsSinceSave >= STEPS_BETWEEN_SAVES;
    if (!(isDue || (all && this.#stepsSinceSave > 0))) return { json: this.#saved, tables: {} };
    const { rows, ...counter } = this.#counter.save(MAX_SAVED);
    this.#saved = { kind: KIND, seeds: this.#seeds, counter };
    this.#stepsSinceSave = 0;
    return {
      json: this.#saved,
      tables: {
        [COUNTS]: { put: packedRows(rows), isWhole: true },
        [PHRASES]: { put: phraseRows([...this.#listed.values()]), isWhole: true },
      },
    };
  }

  load({ json, tables }: Memory): boolean {
    const parsed = memoryShape.safeParse(json);
    const listed = listedShape.safeParse(phrasesOf(tables[PHRASES] ?? new Map()));
    if (!parsed.success || !listed.success) return false;
    const rows = unpackedRows(tables[COUNTS] ?? new Map(), COUNTER_ROW);
    if (rows === undefined || !this.#counter.load({ ...parsed.data.counter, rows })) return false;
    this.#seeds = parsed.data.seeds;
    this.#listed = new Map(
      listed.data.map((words) => [new HashedWords(words, this.#seeds).key(0, words.length), words]),
    );
    this.#fuzzy = undefined;
    this.#saved = parsed.data;
    this.#stepsSinceSave = 0;
    return true;
  }
}

/** Words of the n-gram whose key stands at this place. */
function lengthAt(at: number): number {
  return MIN_WORDS + (at % LENGTHS);
}

function wordsAt({ words }: HashedWords, at: number): string[] {
  const start = Math.floor(at / LENGTHS);
  return words.slice(start, start + lengthAt(at));
}

/** A number below 2^24 that stands for the text that was asked about. */
function groupOf(question: Question): number {
  const text = parsePrompt(question.prompt)?.text ?? question.basePrompt;
  return Bun.hash.xxHash32(text.slice(0, BEGINNING_CHARACTERS)) >>> 8;
}
