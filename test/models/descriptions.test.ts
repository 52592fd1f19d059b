import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { isFailure } from "../../src/base/error.ts";
import type { CatalogModel } from "../../src/models/catalog.ts";
import { readDescriptions } from "../../src/models/descriptions.ts";
import { LETTER_TOKENIZER } from "../fixtures/tokenizers.ts";
import { scratchFolders } from "../scratch.ts";
import { catalogEntry } from "./model-hub-double.ts";

const scratch = scratchFolders("descriptions");
const REVISION = "0123456789abcdef0123456789abcdef01234567";
const LETTERS = LETTER_TOKENIZER.tokenizer as {
  added_tokens: object[];
  model: { vocab: Record<string, number> };
};

interface Source {
  labels?: string[];
  config?: object;
  tokenizer?: unknown;
  tokenizerConfig?: object;
}

/** Why a model is not built of these files; undefined where it may be. */
function refusal({ labels, config = {}, tokenizer = LETTERS, tokenizerConfig }: Source): string | undefined {
  const { embedding, ...entry } = catalogEntry(REVISION);
  const model: CatalogModel = { ...entry, ...(labels ? { classification: { labels } } : { embedding }) };
  const folder = scratch();
  const files = {
    config: { model_type: model.architecture, vocab_size: LETTER_TOKENIZER.size, ...config },
    tokenizer,
    tokenizer_config: tokenizerConfig ?? LETTER_TOKENIZER.config,
  };
  for (const [name, content] of Object.entries(files))
    writeFileSync(join(folder, `${name}.json`), JSON.stringify(content));
  try {
    readDescriptions(folder, model);
    return undefined;
  } catch (error) {
    if (isFailure(error, "model.unsupported") || isFailure(error, "model.corrupt")) return error.message;
    throw error;
  }
}

const withTokens = (tokens: Record<string, unknown>): object => ({
  ...LETTERS,
  model: { ...LETTERS.model, vocab: { ...LETTERS.model.vocab, ...tokens } },
});
const withAdded = (...tokens: unknown[]): object => ({
  ...LETTERS,
  added_tokens: [...LETTERS.added_tokens, ...tokens],
});
const withPieces = (count: number): object => ({
  ...LETTERS,
  model: { type: "Unigram", unk_id: 0, vocab: Array.from({ length: count }, (_, at) => [`p${at}`, -at]) },
});

test.each<[string, object, string]>([
  [
    "a word",
    withTokens({ whale: 64 }),
    'the token "whale" the number 64, and the model\'s weights have 64 rows',
  ],
  ["an added token", withAdded({ id: 70, content: "<|im_start|>" }), '"<|im_start|>" the number 70'],
  ["a piece too many", withPieces(65), '"p64" the number 64'],
  ["a number below 0", withTokens({ whale: -1 }), '"whale" the number -1'],
  ["half a number", withTokens({ whale: 1.5 }), '"whale" the number 1.5'],
  ["no number", withAdded({ content: "x" }), '"x" the number undefined'],
  ["a token that is none", withAdded(null), '"undefined" the number undefined'],
  ["a terminal's language", withTokens({ "\u001b[2J": 99 }), '"\\\\u{1b}[2J" the number 99'],
])("a tokenizer with %s that no row of the weights stands for is refused", (_, tokenizer, sentence) => {
  expect(refusal({ tokenizer })).toContain(sentence);
});

test("a tokenizer without a vocabulary is none; rows without a token are as the authors left them", () => {
  expect(refusal({ tokenizer: { model: {} } })).toContain("it has no vocabulary");
  expect(refusal({ config: { vocab_size: 128 } })).toBeUndefined();
  expect(refusal({ tokenizer: withPieces(64) })).toBeUndefined();
});

test("a tokenizer whose configuration names no class is told by that file", () => {
  expect(refusal({ tokenizerConfig: { tokenizer_class: ["BertTokenizer"] } })).toContain(
    "the file tokenizer_config.json of model test-model cannot be used: it is wrong at tokenizer_class",
  );
});

const HATE = ["nothate", "hate"];
test.each<[string, string[], object]>([
  ["in another order", HATE, { id2label: { 0: "hate", 1: "nothate" } }],
  ["of another kind", HATE, { id2label: { 0: "negative", 1: "positive" } }],
  ["named in part", HATE, { id2label: { 0: "LABEL_0", 1: "nothate" } }],
  ["too many", HATE, { id2label: { 0: "nothate", 1: "hate", 2: "spam" } }],
  ["too few", ["a", "b", "c"], { id2label: { 0: "a", 1: "b" } }],
  ["two, of a reward", ["reward"], { id2label: { 0: "LABEL_0", 1: "LABEL_1" } }],
  ["three by their number", HATE, { num_labels: 3 }],
])("labels %s are refused", (_, labels, config) => {
  expect(refusal({ labels, config })).toMatch(
    /^config\.json tells of \d+ labels? \(".*\), and .* is asked for/,
  );
});

test.each<[string, string[], object]>([
  ["are the manifest's", HATE, { id2label: { 1: "hate", 0: "nothate" } }],
  ["have no names", HATE, { id2label: { 0: "LABEL_0", 1: "LABEL_1" } }],
  ["are not told", HATE, {}],
  ["are one, whatever its name", ["reward"], { id2label: { 0: "score" } }],
  ["are told by their number", HATE, { num_labels: 2 }],
])("labels that %s are taken", (_, labels, config) => {
  expect(refusal({ labels, config })).toBeUndefined();
});
