import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";

/** The files of a tokenizer of bytes as GPT-2 and RoBERTa were published, before there was tokenizer.json. */
export const VOCABULARY = ["vocab.json", "merges.txt"] as const;

/** RoBERTa's: in its tokenizer_config.json each may stand as text, or as a token with its properties, or not at all. */
const ROLES = {
  bos_token: "<s>",
  eos_token: "</s>",
  unk_token: "<unk>",
  sep_token: "</s>",
  pad_token: "<pad>",
  cls_token: "<s>",
  mask_token: "<mask>",
} as const;
type Role = keyof typeof ROLES;

const text = z.string().min(1);
const token = (usual: string) =>
  z.union([text, z.object({ content: text }).transform(({ content }) => content)]).default(usual);
const configSchema = z.object({
  ...(Object.fromEntries(Object.entries(ROLES).map(([role, usual]) => [role, token(usual)])) as Record<
    Role,
    ReturnType<typeof token>
  >),
  add_prefix_space: z.boolean().default(false),
});
const vocabularySchema = z.record(z.string(), z.int().nonnegative());

/**
 * What transformers' RobertaConverter makes of vocab.json and merges.txt.
 * @param folder holds both, and tokenizer_config.json
 * @returns the content of tokenizer.json
 * @throws Error, ZodError or SyntaxError with what is wrong, for files that are no such tokenizer
 */
export function byteLevelTokenizer(folder: string): object {
  const read = (name: string): string => readFileSync(join(folder, name), "utf8");
  const vocabulary = vocabularySchema.parse(JSON.parse(read("vocab.json")));
  const config = configSchema.parse(JSON.parse(read("tokenizer_config.json")));
  const ids = new Map(Object.entries(vocabulary));
  if (new Set(ids.values()).size < ids.size) throw new Error("vocab.json gives one number to several tokens");
  const idOf = (content: string): number => {
    const id = ids.get(content);
    if (id === undefined) throw new Error(`vocab.json has no token ${JSON.stringify(content)}`);
    return id;
  };
  const special = [...new Set(Object.keys(ROLES).map((role) => config[role as Role]))].sort(
    (a, b) => idOf(a) - idOf(b),
  );
  const prefix = { add_prefix_space: config.add_prefix_space, trim_offsets: true };
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: special.map((content) => {
      const isMask = content === config.mask_token;
      const is = { single_word: false, lstrip: isMask, rstrip: false, normalized: !isMask, special: true };
      return { id: idOf(content), content, ...is };
    }),
    normalizer: null,
    pre_tokenizer: { type: "ByteLevel", ...prefix, use_regex: true },
    post_processor: {
      type: "RobertaProcessing",
      sep: [config.sep_token, idOf(config.sep_token)],
      cls: [config.cls_token, idOf(config.cls_token)],
      ...prefix,
    },
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: "",
      end_of_word_suffix: "",
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: vocabulary,
      merges: mergesOf(read("merges.txt"), ids),
    },
  };
}

/** Pairs in the order in which they are joined. */
function mergesOf(content: string, ids: ReadonlyMap<string, number>): [string, string][] {
  const lines = content.split(/\r?\n/);
  if (lines[0]?.startsWith("#version")) lines.shift();
  if (lines.at(-1) === "") lines.pop();
  return lines.map((line, at) => {
    const [first, second, ...more] = line.split(" ");
    const isPair = first && second && more.length === 0 && ids.has(first) && ids.has(second);
    if (!isPair || !ids.has(first + second))
      throw new Error(`line ${at + 1} of merges.txt joins no two tokens of vocab.json to a third`);
    return [first, second];
  });
}
