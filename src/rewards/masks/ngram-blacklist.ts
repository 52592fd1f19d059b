import { z } from "zod";
import { log } from "../../base/log.ts";
import { parsePrompt } from "../../prompts/templates.ts";
import { comparableWords } from "../comparable.ts";
import type { Mask, MaskMemory, MaskVerdict, StepQuestion } from "../parts.ts";
import { FuzzyNgrams } from "./fuzzy-ngrams.ts";
import { LossyCounter } from "./lossy-counter.ts";
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

/** Words of a completion that are counted and judged: at most 3000 n-grams. Answers have some 200 words. */
const MAX_COMPLETION_WORDS = 500;
/** Words of a prompt that may be quoted. Prompts grow by the best answers of their forward pass. */
const MAX_PROMPT_WORDS = 16_384;
/** A fashion shows in answers about different texts; a fact that all tell about one text is none. */
const MIN_TEXTS = 5;
/** A text and what was added to it in the course of a forward pass share their beginning. */
const BEGINNING_CHARACTERS = 200;
/** Blacklisted n-grams whose words are kept, to find them in fuzzy form; exact forms are found without them. */
const MAX_LISTED = 1000;
/** 480 kB of the state file. Of more n-grams those seen most are saved. */
const MAX_SAVED = 20_000;
/** Completions between two turns of the event loop: each takes up to 5 ms when it is made for it. */
const COMPLETIONS_AT_ONCE = 8;

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
  listed: z.array(z.array(z.string()).min(MIN_WORDS).max(MAX_WORDS)).max(MAX_LISTED),
});

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
interface Answer {
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
 * before it. Words of the prompt are neither counted nor held against an answer: to quote what was asked is no spam.
 */
export class NgramBlacklistMask implements Mask {
  readonly name = "ngram_blacklist_filter";
  readonly #leastCompletions: number;
  readonly #counter: LossyCounter;
  #seeds = drawSeeds();
  #listed = new Map<number, readonly string[]>();
  #fuzzy: FuzzyNgrams | undefined;

  constructor(options: Partial<NgramBlacklistOptions> = {}) {
    const { error, halfLife, capacity } = { ...DEFAULTS, ...options };
    this.#leastCompletions = 1 / error;
    this.#counter = new LossyCounter({ error, halfLife, capacity });
  }

  async apply(question: StepQuestion, completions: string[]): Promise<MaskVerdict> {
    this.#forgetFaded();
    const prompt = this.#hashed(`${question.prompt}\n${question.basePrompt}`, MAX_PROMPT_WORDS);
    const quotable = new Set(prompt.keys(MIN_WORDS, MAX_WORDS));
    // Looked up only when an answer has a fuzzy form: this goes through the whole prompt.
    let nearlyQuotable: Set<number> | undefined;
    const isQuotable = (key: number): boolean => {
      nearlyQuotable ??= new Set(this.#fuzzy?.find(prompt, MAX_PROMPT_WORDS));
      return nearlyQuotable.has(key);
    };

    const answers: Answer[] = [];
    const significances: number[] = [];
    for (const completion of completions) {
      if (answers.length % COMPLETIONS_AT_ONCE === 0) await turn();
      const hashed = this.#hashed(completion, MAX_COMPLETION_WORDS);
      const keys = hashed.keys(MIN_WORDS, MAX_WORDS).map((key) => (quotable.has(key) ? 0 : key));
      const answer = { hashed, keys };
      answers.push(answer);
      const finding = this.#findExact(answer) ?? this.#findFuzzy(answer, isQuotable);
      significances.push(finding?.significance ?? 0);
      if (finding !== undefined) log.debug("A completion has a blacklisted n-gram", { ...finding });
    }
    const group = groupOf(question);
    for (const [index, answer] of answers.entries()) {
      if (index % COMPLETIONS_AT_ONCE === 0) await turn();
      this.#count(answer, group);
    }
    return {
      factors: significances.map((significance) => (significance > BOUNDARY ? 0 : 1)),
      details: { significance: significances },
    };
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

  #findExact({ hashed, keys }: Answer): Finding | undefined {
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

  #findFuzzy({ hashed }: Answer, isQuotable: (key: number) => boolean): Finding | undefined {
    for (const key of this.#fuzzy?.find(hashed) ?? []) {
      if (isQuotable(key)) continue;
      const words = this.#listed.get(key)!;
      return { significance: this.#significance(key, words.length), ngram: words.join(" "), isFuzzy: true };
    }
    return undefined;
  }

  #count({ hashed, keys }: Answer, group: number): void {
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

  save(): MaskMemory {
    const { rows, ...counter } = this.#counter.save(MAX_SAVED);
    const json: z.infer<typeof memoryShape> = {
      kind: KIND,
      seeds: this.#seeds,
      counter,
      listed: [...this.#listed.values()].map((words) => [...words]),
    };
    return { json, rows };
  }

  load({ json, rows }: MaskMemory): boolean {
    const parsed = memoryShape.safeParse(json);
    if (!parsed.success || !this.#counter.load({ ...parsed.data.counter, rows })) return false;
    this.#seeds = parsed.data.seeds;
    this.#listed = new Map(
      parsed.data.listed.map((words) => [new HashedWords(words, this.#seeds).key(0, words.length), words]),
    );
    this.#fuzzy = undefined;
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

/** Lets the event loop do what else there is. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** A number below 2^24 that stands for the text that was asked about. */
function groupOf(question: StepQuestion): number {
  const text = parsePrompt(question.prompt)?.text ?? question.basePrompt;
  return Bun.hash.xxHash32(text.slice(0, BEGINNING_CHARACTERS)) >>> 8;
}
