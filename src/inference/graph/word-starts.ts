import { z } from "zod";

const wordPieceSchema = z.object({
  model: z.object({
    type: z.literal("WordPiece"),
    continuing_subword_prefix: z.string(),
    vocab: z.record(z.string(), z.number().int().min(0)),
  }),
});

/**
 * Which tokens begin a word; punctuation begins none, and neither do special tokens.
 * @param json tokenizer.json of a WordPiece tokenizer, the only kind that says so in its vocabulary alike for all texts
 * @throws ZodError for another kind
 */
export function findWordStarts(json: Uint8Array): (id: number) => boolean {
  const { model } = wordPieceSchema.parse(JSON.parse(new TextDecoder().decode(json)));
  const pieces = Object.entries(model.vocab);
  const starts = new Uint8Array(1 + pieces.reduce((most, [, id]) => Math.max(most, id), 0));
  for (const [piece, id] of pieces)
    if (!piece.startsWith(model.continuing_subword_prefix) && /^[\p{L}\p{N}]/u.test(piece)) starts[id] = 1;
  return (id) => starts[id] === 1;
}
