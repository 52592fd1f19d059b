import { readdirSync, statSync } from "node:fs";
import { Failure } from "../base/error.ts";
import { printable } from "../base/text.ts";
import { VOCABULARY } from "./byte-level-tokenizer.ts";
import type { CatalogModel } from "./catalog.ts";
import type { ModelCode } from "./failure.ts";
import { wantedFile } from "./fetched-files.ts";
import { type HubFile, refused, type Wanted } from "./hub-files.ts";

export type Source = NonNullable<CatalogModel["checkpoint"]>;

/** Beside the weights of a model: what the builder and the tokenizer read. */
export const DESCRIPTIONS = ["config.json", "tokenizer.json", "tokenizer_config.json"] as const;
const OLDER_DESCRIPTIONS = ["config.json", "tokenizer_config.json", ...VOCABULARY] as const;
const ALL_DESCRIPTIONS: readonly string[] = [...DESCRIPTIONS, ...VOCABULARY];

/** Whether a file of a source describes the model, and is no weights. */
export function isDescription({ path }: { path: string }): boolean {
  return ALL_DESCRIPTIONS.includes(path);
}

const WEIGHTS = {
  safetensors: { whole: "model.safetensors", shard: /^model-(\d{5})-of-(\d{5})\.safetensors$/ },
  torch: { whole: "pytorch_model.bin", shard: /^pytorch_model-(\d{5})-of-(\d{5})\.bin$/ },
} as const;

/**
 * The files of an original checkpoint among those that lie somewhere: descriptions, and the weights whole or in shards with
 * their index.
 * @param where as messages call it
 * @throws Failure `model.refused` for what is no whole checkpoint
 */
export function checkpointPaths(names: ReadonlySet<string>, { kind }: Source, where: string): string[] {
  const { whole, shard } = WEIGHTS[kind];
  const isOlder = !names.has("tokenizer.json") && VOCABULARY.every((name) => names.has(name));
  const descriptions = isOlder ? OLDER_DESCRIPTIONS : DESCRIPTIONS;
  const lacking = descriptions.filter((name) => !names.has(name));
  if (lacking.length > 0)
    throw refused(
      `${where} has no ${lacking.join(" and no ")}`,
      "a checkpoint needs its configuration and tokenizer",
    );
  if (names.has(whole)) return [...descriptions, whole];
  const shards = [...names].filter((name) => shard.test(name)).sort();
  const count = Number(shard.exec(shards[0] ?? "")?.[2] ?? 0);
  const index = `${whole}.index.json`;
  // Numbered without a gap, and all of one set: the two are the same when the last one's number is the count.
  const isWhole =
    count > 0 &&
    shards.length === count &&
    names.has(index) &&
    shards.every((name, at) => {
      const [, number, of] = shard.exec(name)!;
      return Number(number) === at + 1 && Number(of) === count;
    });
  if (isWhole) return [...descriptions, index, ...shards];
  throw refused(
    `${where} has no ${whole}, and no whole set of shards with ${index}${shards.length > 0 ? ` (of ${count} there are ${shards.length})` : ""}`,
    "the weights must be published in the form that the manifest says",
  );
}

/** What is to be downloaded of a source, with all that is known of it. @throws Failure `model.refused` */
export function sourceFiles(
  model: CatalogModel,
  source: Source,
  listed: ReadonlyMap<string, HubFile>,
): Wanted[] {
  const paths = checkpointPaths(new Set(listed.keys()), source, `${model.repo} at ${model.revision}`);
  return paths.map((path) => {
    const known = source.files.find((file) => file.path === path);
    return wantedFile(model, { path, size: known?.size, sha256: known?.sha256 }, listed.get(path));
  });
}

/** The files of a checkpoint in a folder of this machine. @throws Failure `model.missing`, `model.refused` */
export function folderPaths(folder: string, source: Source): string[] {
  if (!(statSync(folder, { throwIfNoEntry: false })?.isDirectory() ?? false))
    throw new Failure<ModelCode>("model.missing", {
      message: `${printable(folder)} is no folder`,
      hint: "name the folder that holds the checkpoint as it was published",
    });
  return checkpointPaths(new Set(readdirSync(folder)), source, folder);
}
