import { describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCli } from "../../src/cli/cli.ts";

const directory = mkdtempSync(join(tmpdir(), "ov-models-cli-"));

async function models(...words: string[]) {
  let stdout = "";
  let stderr = "";
  const exitCode = await runCli(["models", ...words, "--models.dir", directory], {
    environment: {},
    signal: new AbortController().signal,
    stdout: (text) => {
      stdout += text;
    },
    stderr: (text) => {
      stderr += text;
    },
  });
  return { exitCode, stdout, stderr };
}

describe("openvalidator models", () => {
  test("lists what is inside the program, what can be pulled, and which profile needs it", async () => {
    const { exitCode, stdout } = await models("list", "--json");
    expect(exitCode).toBe(0);
    const found = JSON.parse(stdout).models as { id: string; state: string; profiles: string[] }[];
    const byId = new Map(found.map((model) => [model.id, model]));
    expect(byId.get("all-minilm-l6-v2-embedded")).toMatchObject({
      state: "embedded",
      profiles: ["embedded", "lite"],
    });
    expect(byId.get("all-mpnet-base-v2")).toMatchObject({
      state: "absent",
      profiles: ["standard", "legacy"],
    });
    expect(byId.get("oa-deberta-v3-large-v2")).toMatchObject({ state: "absent", profiles: ["legacy"] });
  });

  test("needs nothing for the embedded profile", async () => {
    expect(await models("pull", "--profile", "embedded")).toMatchObject({ exitCode: 0, stderr: "" });
  });

  test("says where a model lies, and that a folder without it verifies nothing", async () => {
    expect((await models("path", "all-mpnet-base-v2")).stdout).toBe(
      `${join(directory, "all-mpnet-base-v2")}\n`,
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
    [["pull", "nope"], 69, "all-mpnet-base-v2"],
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
