import { expect, test } from "bun:test";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { RobertaTokenizer } from "@huggingface/transformers";
import { buildFromFolder } from "../../src/models/built-model.ts";
import { byteLevelTokenizer, VOCABULARY } from "../../src/models/byte-level-tokenizer.ts";
import { readCatalog } from "../../src/models/catalog.ts";
import { findModel, readVerified } from "../../src/models/model-files.ts";
import { scratchFolders } from "../scratch.ts";
import { contentOf, floatsFile } from "./build/checkpoint-files.ts";
import { CHECKPOINTS, withCheckpoint } from "./build/fixtures.ts";
import { tinyModel } from "./trials/tiny-sources.ts";

/** Made by models/export/older_tokenizer.py, with what transformers makes of it and reads with it. */
const OLDER = join(import.meta.dir, "../fixtures/older-tokenizer");
const FILES = [...VOCABULARY, "tokenizer_config.json"];
const scratch = scratchFolders("older-tokenizer");
const json = (name: string): object => JSON.parse(readFileSync(join(OLDER, name), "utf8"));
const expected = json("expected.json") as { tokenizer: object; texts: { text: string; ids: number[] }[] };

function copied(): string {
  const folder = scratch();
  for (const name of FILES) copyFileSync(join(OLDER, name), join(folder, name));
  return folder;
}

test("vocab.json and merges.txt become what transformers makes of them, word for word", () => {
  const made = structuredClone(byteLevelTokenizer(OLDER)) as { model: Record<string, unknown> };
  const { vocab, merges, ...model } = made.model;
  expect({ ...made, model }).toEqual(expected.tokenizer as typeof made);
  expect(vocab).toEqual(json("vocab.json"));
  expect(merges).toHaveLength(readFileSync(join(OLDER, "merges.txt"), "utf8").trim().split("\n").length - 1);
});

test("texts are read as transformers reads them, hard ones too", () => {
  const tokenizer = new RobertaTokenizer(byteLevelTokenizer(OLDER), json("tokenizer_config.json"));
  expect(expected.texts.length).toBeGreaterThan(50);
  for (const { text, ids } of expected.texts)
    expect({ text, ids: tokenizer.encode(text) }).toEqual({ text, ids });
});

const changes: [string, string, (content: string) => string, string][] = [
  ["a token that is missing", "vocab.json", (text) => text.replace('"</s>"', '"<x>"'), 'no token "</s>"'],
  [
    "a number twice",
    "vocab.json",
    (text) => text.replace(/"<pad>": ?1/, '"<pad>":0'),
    "one number to several",
  ],
  ["no number", "vocab.json", (text) => text.replace(/"<pad>": ?1/, '"<pad>":"1"'), "number"],
  ["a pair of unknown tokens", "merges.txt", (text) => `${text}zz qq\n`, "joins no two tokens"],
  ["a pair of three", "merges.txt", (text) => `${text}a b c\n`, "joins no two tokens"],
  ["a page", "merges.txt", () => "<html>", "joins no two tokens"],
];
test.each(changes)("%s in %s is told", (_, name, change, message) => {
  const folder = copied();
  writeFileSync(join(folder, name), change(readFileSync(join(folder, name), "utf8")));
  expect(() => byteLevelTokenizer(folder)).toThrow(message);
});

/** Writes the tiny RoBERTa with as many rows of words as the tokenizer has, those beyond its own over again. */
async function writeWithRows(folder: string, rows: number): Promise<void> {
  const tiny = join(CHECKPOINTS, "roberta-classes");
  const config = JSON.parse(readFileSync(join(tiny, "config.json"), "utf8"));
  writeFileSync(join(folder, "config.json"), JSON.stringify({ ...config, vocab_size: rows }));
  const content = await contentOf(tiny);
  const words = "roberta.embeddings.word_embeddings.weight";
  const { shapes } = await withCheckpoint("roberta-classes", ({ tensors }) => ({
    shapes: new Map([...tensors].map(([name, { shape }]) => [name, [...shape]])),
  }));
  const [, width] = shapes.get(words) as [number, number];
  const table = content[words]!;
  content[words] = Array.from({ length: rows * width }, (_, at) => table[at % table.length]!);
  shapes.set(words, [rows, width]);
  const tensors = Object.entries(content).map(([name, values]) => [
    name,
    { shape: shapes.get(name)!, values },
  ]);
  writeFileSync(join(folder, "model.safetensors"), floatsFile(Object.fromEntries(tensors)));
}

test("a checkpoint with them is built and loads; of another architecture it is refused", async () => {
  const folder = copied();
  await writeWithRows(folder, Object.keys(json("vocab.json")).length);
  const model = tinyModel("roberta-classes");
  const directory = scratch();
  const unproven = await buildFromFolder(directory, model, model.checkpoint!, folder, { dtypes: ["fp32"] });
  expect(unproven).toEqual(["config.json", "tokenizer_config.json", ...VOCABULARY, "model.safetensors"]);
  const stored = await findModel(model.id, directory);
  const files = await readVerified(stored, "cpu");
  expect(JSON.parse(new TextDecoder().decode(files.get("tokenizer.json")))).toEqual(
    byteLevelTokenizer(OLDER),
  );
  expect([...files.keys()].sort()).toEqual([
    "config.json",
    "onnx/model.onnx",
    "tokenizer.json",
    "tokenizer_config.json",
  ]);
  expect(stored.manifest.provenance!.files.map(({ path }) => path)).toContain("merges.txt");
  const other = { ...model, id: "other", architecture: "bert" };
  await expect(
    buildFromFolder(scratch(), other, model.checkpoint!, folder, { dtypes: ["fp32"] }),
  ).rejects.toMatchObject({ code: "model.corrupt", message: expect.stringContaining("for RoBERTa alone") });
});

test("every model of legacy can be pulled", () => {
  const hate = readCatalog().find(({ id }) => id.startsWith("roberta-hate"))!;
  expect(hate.checkpoint).toMatchObject({ kind: "safetensors", files: [] });
});
