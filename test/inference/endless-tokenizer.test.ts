import { expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { formRunner } from "../../src/inference/form-runner.ts";
import { InferenceSupervisor } from "../../src/inference/supervisor.ts";
import { buildFromFolder } from "../../src/models/built-model.ts";
import type { FormRunner } from "../../src/models/trials/form-trials.ts";
import { tinyModel, writeTinySource } from "../models/trials/tiny-sources.ts";
import { scratchFolders } from "../scratch.ts";

// Real processes on a machine that may be busy with others.
setDefaultTimeout(120_000);

const scratch = scratchFolders("endless-tokenizer");

/** Builds a tiny BERT whose tokenizer splits texts by some patterns, one after the other. */
async function build(patterns: readonly string[], directory: string, runner?: FormRunner): Promise<string> {
  const folder = scratch();
  writeTinySource("bert", folder);
  const path = join(folder, "tokenizer.json");
  const pretokenizers = patterns.map((Regex) => ({
    type: "Split",
    pattern: { Regex },
    behavior: "Isolated",
    invert: false,
  }));
  const tokenizer = JSON.parse(readFileSync(path, "utf8"));
  writeFileSync(path, JSON.stringify({ ...tokenizer, pre_tokenizer: { type: "Sequence", pretokenizers } }));
  const model = tinyModel("bert");
  await buildFromFolder(directory, model, model.checkpoint!, folder, {
    dtypes: ["fp32"],
    ...(runner && { runner }),
  });
  return model.id;
}

/** Each tries every way to part a text before it finds that its end is not there; the engine gives up after a second. */
const SLOW = ["§", "¶"].map((end) => `(?:[^${end}]+)+${end}`);
/** Half a million ways for each word of twenty letters, and four for each two more: the engine never gives up. */
const ENDLESS = ["(?:[a-z]+)+§|[a-z ]"];

test("a form whose tokenizer takes seconds for a text is told and not kept", async () => {
  const directory = scratch();
  await expect(build(SLOW, directory, formRunner)).rejects.toMatchObject({
    code: "model.unsupported",
    message: expect.stringMatching(
      /^the tokenizer of tiny-bert takes \d+\.\d s for a text of \d+ characters$/,
    ),
  });
  expect(existsSync(join(directory, "tiny-bert/manifest.json"))).toBe(false);
});

test.each([
  {
    time: "seconds",
    patterns: SLOW,
    text: "x".repeat(200),
    readTimeoutMs: 60_000,
    message: /^the tokenizer of tiny-bert takes \d+\.\d s for a text of 200 characters$/,
  },
  {
    time: "for ever",
    patterns: ENDLESS,
    text: `${"x".repeat(26)} `.repeat(30),
    readTimeoutMs: 2_000,
    message: /^the tokenizer of tiny-bert was not done with a text after 2 s$/,
  },
])("a text of a step that takes $time ends its request, and the next is served", async (how) => {
  const directory = scratch();
  const id = await build(how.patterns, directory);
  const inference = await InferenceSupervisor.start({
    device: "cpu",
    models: [id],
    modelDirectory: directory,
    readTimeoutMs: how.readTimeoutMs,
  });
  await expect(inference.embed(id, ["ok", how.text])).rejects.toMatchObject({
    code: "model.unsupported",
    message: expect.stringMatching(how.message),
  });
  expect(await inference.embed(id, ["ok"])).toHaveLength(1);
  await inference.stop();
});

test("a tokenizer that takes long over many texts is left to work", async () => {
  const directory = scratch();
  const id = await build(["[a-z]+"], directory);
  const inference = await InferenceSupervisor.start({
    device: "cpu",
    models: [id],
    modelDirectory: directory,
    readTimeoutMs: 1_500,
    requestTimeoutMs: 60_000,
  });
  const text = "hello ".repeat(20_000);
  expect(await inference.embed(id, [text, `${text}a`])).toHaveLength(2);
  await inference.stop();
});
