import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "../base/error.ts";
import { printable } from "../base/text.ts";
import { byteLevelTokenizer } from "./byte-level-tokenizer.ts";
import type { CatalogModel } from "./catalog.ts";
import { type ModelCode, unusableFile } from "./failure.ts";
import { checkLabels } from "./labels.ts";
import type { ModelFile } from "./manifest.ts";
import { DESCRIPTIONS } from "./source-files.ts";
import { checkTokens } from "./token-ids.ts";
import { checkTokenizerConfig } from "./tokenizer-config.ts";

/** A small file of a model that is built. */
export interface Description {
  file: ModelFile;
  content: Uint8Array;
}

interface Found {
  path: string;
  bytes: Buffer;
  content: Readonly<Record<string, unknown>>;
}

/**
 * What lies beside the weights of a model that is built of these: as it was published, but for a tokenizer in an older form,
 * of which tokenizer.json is made. Read before gigabytes are fetched and hours are spent, so that another model, or a
 * tokenizer that is none, is told at once.
 * @param folder of the source
 * @throws Failure `model.corrupt`, `model.unsupported`
 */
export function readDescriptions(folder: string, model: CatalogModel): Description[] {
  const found = DESCRIPTIONS.map((path): Found => {
    try {
      const isMade = path === "tokenizer.json" && !existsSync(join(folder, path));
      if (isMade && model.architecture !== "roberta")
        throw new Error("it is missing, and is made for RoBERTa alone");
      const bytes = isMade
        ? Buffer.from(JSON.stringify(byteLevelTokenizer(folder)))
        : readFileSync(join(folder, path));
      const content: unknown = JSON.parse(bytes.toString());
      if (typeof content !== "object" || content === null) throw new Error("it holds no JSON object");
      return { path, bytes, content: content as Record<string, unknown> };
    } catch (error) {
      throw unusableFile(path, model.id, error);
    }
  });
  const type = found[0]!.content.model_type;
  if (type !== model.architecture)
    throw new Failure<ModelCode>("model.unsupported", {
      message: `config.json says that the model is ${printable(JSON.stringify(type) ?? "of no type")}, and ${model.id} is ${model.architecture}`,
      hint: `the checkpoint must be that of ${model.repo} at ${model.revision}`,
    });
  const [{ content: config }, { content: tokenizer }, { content: tokenizerConfig }] = found as [
    Found,
    Found,
    Found,
  ];
  checkLabels(model, config);
  checkTokens(model, tokenizer, config);
  checkTokenizerConfig(tokenizerConfig, model.id);
  return found.map(({ path, bytes }) => ({
    file: { path, size: bytes.length, sha256: new Bun.CryptoHasher("sha256").update(bytes).digest("hex") },
    content: bytes,
  }));
}
