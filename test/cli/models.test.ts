import { describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { eachOnce } from "../../src/cli/profile-models.ts";
import { captured } from "./captured.ts";

const directory = mkdtempSync(join(tmpdir(), "ov-models-cli-"));

const models = (...words: string[]) => captured(["models", ...words, "--models.dir", directory]);

describe("openvalidator models", () => {
  test("lists what is inside the program, what can be pulled, and which profile needs it", async () => {
    const { exitCode, stdout } = await models("list", "--json");
    expect(exitCode).toBe(0);
    const found = JSON.parse(stdout).models as { id: string; state: string; profiles: string[] }[];
    const byId = new Map(found.map((model) => [model.id, model]));
    expect(byId.get("all-minilm-l6-v2-embedded")).toMatchObject({
      state: "embedded",
      profiles: ["embedded", "lite", "standard"],
    });
    expect(byId.get("all-mpnet-base-v2")).toMatchObject({
      state: "absent",
      profiles: ["legacy"],
    });
    expect(byId.get("oa-deberta-v3-large-v2")).toMatchObject({ state: "absent", profiles: ["legacy"] });
  });

  test("take each model once, with the roles and forms of all who name it", () => {
    const q4 = { cpu: "q4" as const };
    const of = (id: string, roles: string[], dtypes?: typeof q4) => ({ id, roles, dtypes });
    expect(
      eachOnce([
        of("a", ["rlhf"]),
        of("b", ["nsfw"], q4),
        of("a", []),
        of("b", ["relevance", "nsfw"]),
        of("a", ["dpo"], q4),
      ]),
    ).toEqual([of("a", ["rlhf", "dpo"], q4), of("b", ["nsfw", "relevance"], q4)]);
  });

  test("needs nothing for the embedded profile", async () => {
    expect(await models("pull", "--profile", "embedded")).toMatchObject({ exitCode: 0, stderr: "" });
  });

  test("lists them in 100 columns", async () => {
    const { stdout } = await models("list");
    expect(stdout.split("\n").filter((line) => line.length > 100)).toEqual([]);
    expect(stdout).toMatch(
      /^all-minilm-l6-v2-embedded +relevance .* embedded\n +diversity +lite\n +standard$/m,
    );
    expect(stdout).toMatch(/^all-mpnet-base-v2 +relevance .* legacy\n +diversity\n +gating$/m);
  });

  test("names no folder of a model that is not here, and says how it comes", async () => {
    const absent = await models("path", "all-mpnet-base-v2");
    expect(absent).toMatchObject({ exitCode: 69, stdout: "" });
    expect(absent.stderr).toContain("→ openvalidator models pull all-mpnet-base-v2\n");
    expect((await models("path", "gpt-neo-125m")).stderr).toContain(
      "→ openvalidator models pull gpt-neo-125m\n",
    );
    expect((await models("path", "roberta-hate-speech-dynabench-r4-target")).stderr).toContain(
      "→ openvalidator models pull roberta-hate-speech-dynabench-r4-target\n",
    );
    expect((await models("verify")).stdout).toContain("no models in");
  });

  test("names each file that an import lacks, and imports nothing then", async () => {
    const folder = join(directory, "given");
    mkdirSync(folder);
    writeFileSync(join(folder, "config.json"), "{}");
    const { exitCode, stderr } = await models("import", "all-mpnet-base-v2", folder);
    expect(exitCode).toBe(69);
    expect(stderr).toContain("tokenizer");
    expect((await models("verify")).stdout).toContain("no models in");
  });

  test("imports a model that was exported, by the manifest in its folder, and lists it then", async () => {
    const folder = resolve(import.meta.dir, "../golden/exports/tiny-llama");
    const { exitCode, stdout } = await models("import", "tiny-llama", folder);
    expect(exitCode).toBe(0);
    expect(stdout).toContain(`tiny-llama is in ${join(directory, "tiny-llama")}, licence MIT`);
    expect((await models("verify", "tiny-llama")).stdout).toBe("tiny-llama: right, fp32 q4\n");
    expect((await models("path", "tiny-llama")).stdout).toBe(`${join(directory, "tiny-llama")}\n`);
    const { models: found } = JSON.parse((await models("list", "--json")).stdout);
    expect(found.at(-1)).toMatchObject({ id: "tiny-llama", state: "here", dtypesHere: ["fp32", "q4"] });
    expect((await models("remove", "tiny-llama")).exitCode).toBe(0);
  });

  test("takes no folder whose manifest is of another model, or damaged, or not there", async () => {
    const folder = mkdtempSync(join(tmpdir(), "ov-import-"));
    const refusal = async (id: string): Promise<string> => (await models("import", id, folder)).stderr;
    expect(await refusal("mine")).toContain("no model of this program is called mine");
    expect(await refusal("bert-base-uncased")).toContain("models/export/export.py bert-base-uncased");
    const manifest = join(folder, "manifest.json");
    writeFileSync(manifest, "{");
    expect(await refusal("mine")).toContain("cannot be read as JSON");
    const llama = resolve(import.meta.dir, "../golden/exports/tiny-llama/manifest.json");
    const content = JSON.parse(readFileSync(llama, "utf8"));
    writeFileSync(manifest, JSON.stringify(content));
    expect(await refusal("mine")).toContain("is that of tiny-llama, not of mine");
    writeFileSync(manifest, JSON.stringify({ ...content, id: "bert-base-uncased" }));
    expect(await refusal("bert-base-uncased")).toContain(
      "this program knows bert-base-uncased as google-bert",
    );
    writeFileSync(manifest, JSON.stringify({ ...content, revision: "main" }));
    expect(await refusal("tiny-llama")).toContain("is wrong at revision");
  });

  test("says so when there is nothing to remove", async () => {
    expect(await models("remove", "all-mpnet-base-v2")).toMatchObject({
      exitCode: 0,
      stdout: `all-mpnet-base-v2 is not in ${directory}: nothing to remove\n`,
    });
  });

  test("says how to mend a model that is asked for and not there", async () => {
    const { exitCode, stdout, stderr } = await models("verify", "all-mpnet-base-v2");
    expect(exitCode).toBe(69);
    expect(stdout).toContain("nothing was pulled or imported here");
    expect(stderr).toContain("openvalidator models pull all-mpnet-base-v2\n");
  });

  test.each([
    [["pull"], 64, "needs the id of a model"],
    [["pull", "lite", "--dtype", "fp32"], 69, "minilmv2-toxic-jigsaw has no fp32"],
    [["pull", "nope"], 69, 'no model "nope"\n  → openvalidator models list shows all'],
    [["pull", "standrad"], 69, "did you mean standard?"],
    [["pull", "mpnet"], 69, "did you mean all-mpnet-base-v2?"],
    [["show", "sentence-transformers/all-MiniLM-L6-v2"], 69, "did you mean all-minilm-l6-v2?"],
    [["remove", "all-minilm-l6-v2-embedded"], 69, "is inside the program"],
    [["remove", "toxic-bert", "--keep-source", "--source-only"], 64, "leave nothing to remove"],
    [["pull", "--profile", "nope"], 64, "embedded, lite, standard, legacy"],
    [
      ["pull", "all-mpnet-base-v2", "--dtype", "fp16,q5"],
      64,
      'fp32, fp16, q8, q4, q4f16, with commas, not "q5"',
    ],
    [
      ["pull", "all-mpnet-base-v2", "--dtype", "q4"],
      69,
      "all-mpnet-base-v2 has no q4\n  → it comes as fp32, fp16",
    ],
    [
      ["pull", "all-mpnet-base-v2", "all-minilm-l6-v2", "--dtype", "fp16"],
      69,
      "all-minilm-l6-v2 has no fp16",
    ],
    [["import", "all-mpnet-base-v2", "/", "--dtype", "q8"], 69, "has no q8"],
    [["pull", "all-mpnet-base-v2", "--models.mirror", "mirror.example"], 64, "https://mirror.example"],
    [["pull", "all-mpnet-base-v2", "--models.mirror", "file:///srv"], 64, "https://mirror.example"],
    [["pull", "all-mpnet-base-v2", "--models.mirror", "https://u:p@h"], 64, "without a password"],
    [["path"], 64, "models path"],
    [["remove", "a", "b"], 64, '"b"'],
  ])("%p is refused", async (words, exitCode, sentence) => {
    const result = await models(...words);
    expect(result.exitCode).toBe(exitCode);
    expect(result.stderr).toContain(sentence);
  });
});
