import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { scratchFolders } from "../scratch.ts";
import { captured } from "./captured.ts";

const root = scratchFolders("bad-input")();
const at = (name: string): string => join(root, name);
const put = (name: string, content: string): string => {
  writeFileSync(at(name), content, { mode: 0o600 });
  return at(name);
};
const file = put("file", "four words of it");
const list = put("list.json", "[1]");
const torn = put("torn.json", "{");
mkdirSync(at("folder"));
const journal = join(import.meta.dir, "../golden/analysis/events.jsonl");
const own = ["--wallet.path", at("wallets")];

// Each names what was given, and its next step mends what is wrong rather than something else.
test.each([
  [["config", "show", "--config", at("none")], 78, at("none"), "check the path"],
  [["config", "show", "--config", at("folder")], 78, at("folder"), "check the path"],
  [["config", "show", "--config", list], 64, list, "it must be JSON"],
  [["config", "show", "--config", torn], 78, torn, "it must be JSON"],
  [["wallet", "import", file, ...own], 78, file, "a seed of 64 hexadecimal digits"],
  [["wallet", "import", at("folder"), ...own], 78, at("folder"), "or a pipe"],
  [
    ["wallet", "create", "--encrypt", "--wallet.password_file", put("empty", ""), ...own],
    78,
    at("empty"),
    "into it",
  ],
  [["state", "backup", at("none/copy")], 73, at("none/copy"), "make it"],
  [["analyze", journal, "--charts", file], 73, `${file}: a file is in the place of a folder`, "another path"],
  [
    ["dataset", journal, "--format", "openai", "--out", at("out"), "--blacklist_path", at("none")],
    78,
    `there is no file ${at("none")}`,
    "the blacklist is read from it",
  ],
])("%p", async (words, exitCode, named, next) => {
  const got = await captured(words as string[]);
  expect(got.exitCode).toBe(exitCode as number);
  const [sentence = "", hint = "", ...more] = got.stderr.trim().split("\n").slice(-2);
  expect(sentence).toStartWith("error: ");
  expect(sentence.split(named as string)).toHaveLength(2);
  expect(hint).toStartWith("  → ");
  expect(hint).toContain(next as string);
  expect(more).toEqual([]);
});
