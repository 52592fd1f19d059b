import { describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { VERSION } from "../../../src/config/version.ts";
import { captured } from "../../cli/captured.ts";
import { scratchFolders } from "../../scratch.ts";

const GOLDEN = resolve(import.meta.dir, "../../golden/datasets");
const JOURNAL = join(GOLDEN, "journal");
const BLACKLIST = ["--blacklist_path", join(GOLDEN, "blacklist_phrases.txt")];
const scratch = scratchFolders("dataset-golden");

async function made(words: readonly string[]): Promise<string> {
  const folder = join(scratch(), "out");
  const { exitCode, stderr } = await captured(["dataset", ...words, "--out", folder], {
    XDG_CACHE_HOME: scratch(),
  });
  expect({ exitCode, stderr: exitCode === 0 ? "" : stderr }).toEqual({ exitCode: 0, stderr: "" });
  return folder;
}

/** Card and manifest hold the version; data do not. */
function filesOf(folder: string): Record<string, string> {
  const names = readdirSync(folder).filter((name) => !name.startsWith("."));
  const read = (name: string): string => {
    const bytes = readFileSync(join(folder, name));
    return name.endsWith(".parquet")
      ? bytes.toString("base64")
      : bytes.toString("utf8").replace(`openvalidator ${VERSION}`, "openvalidator VERSION");
  };
  return Object.fromEntries(names.sort().map((name) => [name, read(name)]));
}

describe("the old forms are those of the old rules, to the byte", () => {
  const sources = { journal: JOURNAL, "rows-1.0": join(GOLDEN, "rows-1.0.jsonl") };
  const forms = ["mining-json", "mining-json-scored", "mining-csv", "mining-csv-scored", "openai"];
  const cases = Object.entries(sources).flatMap(([source, path]) =>
    forms.map((form): [string, string, string] => [source, form, path]),
  );
  test.each(cases)("%s: %s", async (source, form, path) => {
    const raw = form.startsWith("mining-csv") ? ["--csv-raw"] : [];
    const folder = await made([path, "--format", form, ...BLACKLIST, ...raw]);
    const name = readdirSync(folder).find((file) => file.startsWith("train."))!;
    const wanted = readFileSync(join(GOLDEN, "old-rules", source, name.replace("train", form)), "utf8");
    expect(readFileSync(join(folder, name), "utf8")).toBe(wanted);
  });
});

/** Every form, with every filter somewhere. */
const MADE: Record<string, string[]> = {
  "mining-csv": ["--format", "mining-csv"],
  "mining-json": ["--format", "mining-json", "--names", "augment,answer0", "--uids", "1"],
  "openai-chat": ["--format", "openai-chat"],
  "openai-chat-filtered": [
    ...["--format", "openai-chat", "--dedupe", "near", "--private", "replace", "--language", "en"],
    ...["--validation", "0.4", "--seed", "7", "--max-tokens", "40", "--counted", "--license", "cc-by-4.0"],
  ],
  sharegpt: ["--format", "sharegpt", "--private", "drop", "--dedupe", "exact", ...BLACKLIST],
  "dpo-pairs": ["--format", "dpo-pairs", "--margin", "0.05", "--pairs", "2", "--validation", "0.3"],
  "reward-model": [
    "--format",
    "reward-model",
    "--min",
    "relevance_filter=1,rlhf_reward_model=0",
    "--min-reward",
    "0.1",
  ],
  parquet: ["--format", "parquet", "--dedupe", "near", "--near", "0.6"],
};

test.each(Object.entries(MADE))("%s is as it was", async (name, flags) => {
  const found = filesOf(await made([JOURNAL, ...flags]));
  const folder = join(GOLDEN, "made", name);
  if (process.env.UPDATE_GOLDEN === "datasets") {
    mkdirSync(folder, { recursive: true });
    for (const [file, content] of Object.entries(found))
      writeFileSync(join(folder, file), Buffer.from(content, file.endsWith(".parquet") ? "base64" : "utf8"));
  }
  expect(found).toEqual(filesOf(folder));
});
