import { AutoTokenizer, env } from "@huggingface/transformers";
import { z } from "zod";
import { Failure, isFailure } from "../../base/error.ts";
import { unusableFile } from "../../models/failure.ts";
import type { ModelManifest } from "../../models/manifest.ts";
import type { VerifiedFiles } from "../../models/model-files.ts";
import { checkTokenizerConfig } from "../../models/tokenizer-config.ts";
import type { InferenceCode } from "../failure.ts";
import { BoundedTokenizer, type RawTokenizer } from "./tokens.ts";

/** Of a short text. Real tokenizers take 25 ms for the first one, and 10 for the next. */
const MOST_CPU_MS = 500;
const SHORT_CHARACTERS = 4000;

const tokenizerSchema = z.object({
  added_tokens: z
    .array(z.object({ id: z.number().int(), content: z.string(), special: z.boolean() }))
    .default([]),
});

/**
 * @param onReading called before each text that is read, and before the tokenizer is made
 * @throws Failure `model.corrupt` for a tokenizer.json or tokenizer_config.json that is none.
 */
export async function openTokenizer(
  manifest: ModelManifest,
  files: VerifiedFiles,
  onReading: () => void = tellNobody,
): Promise<BoundedTokenizer> {
  serveFiles(manifest.id, files);
  onReading();
  try {
    checkTokenizerConfig(contentOf("tokenizer_config.json", manifest.id, files), manifest.id);
    const tokenizer = await AutoTokenizer.from_pretrained(manifest.id);
    const { added_tokens: added } = tokenizerSchema.parse(contentOf("tokenizer.json", manifest.id, files));
    const timed = timedTokenizer(manifest.id, tokenizer, onReading);
    return new BoundedTokenizer(timed, added, tokenizer.unk_token, manifest.maxTokens);
  } catch (error) {
    if (isFailure(error)) throw error;
    throw unusableFile("tokenizer.json", manifest.id, error);
  } finally {
    env.customCache = NO_FILES;
  }
}

/** No closure of openTokenizer(): what one can see stays in memory as long as it does, and so would the files. */
const tellNobody = (): void => {};

/** No closure of openTokenizer() either. */
function timedTokenizer(model: string, tokenizer: RawTokenizer, onReading: () => void): RawTokenizer {
  return {
    encode: (text, options) => inTime(model, text, () => tokenizer.encode(text, options), onReading),
  };
}

/** @throws Failure `model.corrupt` for a file that is no JSON */
function contentOf(path: string, id: string, files: VerifiedFiles): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(files.get(path)));
  } catch (error) {
    throw unusableFile(path, id, error);
  }
}

/**
 * A pattern that tries every way to match a text takes for ever, or is ended by the engine after a second or so, which then says
 * that nothing matches. Whoever started this process ends the one; the other is told here.
 * @throws Failure `model.unsupported`
 */
function inTime(model: string, text: string, read: () => number[], onReading: () => void): number[] {
  let leastMs = Infinity;
  // The second time is another's, such as the garbage collector's, only by chance.
  for (let tries = 0; tries < 2; tries++) {
    onReading();
    const before = process.cpuUsage();
    const ids = read();
    const { user, system } = process.cpuUsage(before);
    leastMs = Math.min(leastMs, (user + system) / 1000);
    if (text.length > SHORT_CHARACTERS || leastMs <= MOST_CPU_MS) return ids;
  }
  throw new Failure<InferenceCode>("model.unsupported", {
    message: `the tokenizer of ${model} takes ${(leastMs / 1000).toFixed(1)} s for a text of ${text.length} characters`,
    hint: "a pattern in its tokenizer.json tries far too many ways: get the model again from where it was published",
  });
}

interface FileCache {
  match(key: string): Promise<Response | undefined>;
  put(): Promise<void>;
}

const NO_FILES: FileCache = { match: async () => undefined, put: async () => {} };

/**
 * Makes transformers.js read the given files and nothing else: no network, no file system, no cache of its own. It asks
 * the cache for `<localModelPath>/<id>/<file>` and for the file's address at the hub; either answers.
 */
function serveFiles(id: string, files: VerifiedFiles): void {
  env.allowRemoteModels = false;
  env.allowLocalModels = true;
  // transformers.js insists on a path; this one cannot exist, a file name has no NUL.
  env.localModelPath = "/openvalidator\0/";
  env.useFSCache = false;
  env.useBrowserCache = false;
  env.useCustomCache = true;
  const cache: FileCache = {
    match: async (key) => {
      const local = key.startsWith(`${env.localModelPath}${id}/`)
        ? key.slice(`${env.localModelPath}${id}/`.length)
        : undefined;
      const name = local ?? /\/resolve\/[^/]+\/(.+)$/.exec(key)?.[1];
      const bytes = name === undefined ? undefined : files.get(name);
      return bytes && new Response(bytes);
    },
    put: NO_FILES.put,
  };
  env.customCache = cache;
}
