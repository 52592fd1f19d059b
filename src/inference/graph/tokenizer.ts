import { AutoTokenizer, env } from "@huggingface/transformers";
import { z } from "zod";
import { unusableFile } from "../../models/failure.ts";
import type { ModelManifest } from "../../models/manifest.ts";
import type { VerifiedFiles } from "../../models/model-files.ts";
import { BoundedTokenizer } from "./tokens.ts";

const tokenizerSchema = z.object({
  added_tokens: z
    .array(z.object({ id: z.number().int(), content: z.string(), special: z.boolean() }))
    .default([]),
});

/** @throws Failure `model.corrupt` for a tokenizer.json that is none. */
export async function openTokenizer(
  manifest: ModelManifest,
  files: VerifiedFiles,
): Promise<BoundedTokenizer> {
  serveFiles(manifest.id, files);
  try {
    const tokenizer = await AutoTokenizer.from_pretrained(manifest.id);
    const { added_tokens: added } = tokenizerSchema.parse(
      JSON.parse(new TextDecoder().decode(files.get("tokenizer.json"))),
    );
    return new BoundedTokenizer(tokenizer, added, tokenizer.unk_token, manifest.maxTokens);
  } catch (error) {
    throw unusableFile("tokenizer.json", manifest.id, error);
  } finally {
    env.customCache = NO_FILES;
  }
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
