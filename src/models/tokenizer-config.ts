import { z } from "zod";
import { unusableFile } from "./failure.ts";

/** A special token as text, or as an object; another object ends transformers.js, what is neither counts as none. */
const token = z
  .union([z.string(), z.number(), z.boolean(), z.null(), z.looseObject({ __type: z.literal("AddedToken") })])
  .optional();
const configSchema = z.looseObject({
  tokenizer_class: z.string().nullish(),
  mask_token: token,
  pad_token: token,
  sep_token: token,
  unk_token: token,
  bos_token: token,
  eos_token: token,
  chat_template: z
    .union([z.string(), z.null(), z.array(z.looseObject({ name: z.string(), template: z.string() }))])
    .optional(),
});

/**
 * What transformers.js needs of tokenizer_config.json to make a tokenizer: told before, for what it throws names no file.
 * @param id of the model, for the message
 * @throws Failure `model.corrupt`
 */
export function checkTokenizerConfig(content: unknown, id: string): void {
  const parsed = configSchema.safeParse(content);
  if (parsed.success) return;
  const { path, message } = parsed.error.issues[0]!;
  throw unusableFile(
    "tokenizer_config.json",
    id,
    new Error(`it is wrong at ${path.join(".") || "its top"}: ${message}`),
  );
}
