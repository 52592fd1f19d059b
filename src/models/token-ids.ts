import { Failure } from "../base/error.ts";
import { printable } from "../base/text.ts";
import type { CatalogModel } from "./catalog.ts";
import { type ModelCode, unusableFile } from "./failure.ts";

type Content = Readonly<Record<string, unknown>>;

/**
 * A token without a row among the embeddings is found only when a text comes that has it, in the middle of a step. Rows without
 * a token are common: authors round their number up.
 * @param tokenizer tokenizer.json; tokens that were added to its vocabulary count
 * @param config config.json, whose `vocab_size` is held against the weights when the graph is planned
 * @throws Failure `model.unsupported` for a token whose number no row has, `model.corrupt` for what is no vocabulary
 */
export function checkTokens(model: CatalogModel, tokenizer: Content, { vocab_size: rows }: Content): void {
  // Told with all other fields of config.json, by its architecture.
  if (typeof rows !== "number") return;
  for (const [token, id] of tokensOf(model, tokenizer)) {
    if (Number.isInteger(id) && (id as number) >= 0 && (id as number) < rows) continue;
    throw new Failure<ModelCode>("model.unsupported", {
      message: `the tokenizer of ${model.id} gives the token ${quoted(token)} the number ${printable(String(id), 40)}, and the model's weights have ${rows} rows, from 0 on`,
      hint: "tokenizer.json, or config.json, is that of another model: take all files from one place",
    });
  }
}

function* tokensOf({ id }: CatalogModel, tokenizer: Content): Generator<[token: unknown, id: unknown]> {
  const { model, added_tokens: added } = tokenizer;
  const vocabulary = (model as Content | null | undefined)?.vocab;
  // SentencePiece's is a list of pieces with their weights, numbered by their places.
  if (Array.isArray(vocabulary))
    for (const [at, piece] of vocabulary.entries()) yield [Array.isArray(piece) ? piece[0] : piece, at];
  else if (typeof vocabulary === "object" && vocabulary !== null) yield* Object.entries(vocabulary);
  else throw unusableFile("tokenizer.json", id, new Error("it has no vocabulary"));
  if (Array.isArray(added))
    for (const token of added as (Content | null)[]) yield [token?.content, token?.id];
}

function quoted(token: unknown): string {
  return JSON.stringify(printable(String(token), 60));
}
