import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { createHash } from "node:crypto";
import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isFailure } from "../../src/base/error.ts";
import { InferenceSupervisor } from "../../src/inference/supervisor.ts";
import { writeFixtures } from "../fixtures/models.ts";

// Real processes on a machine that may be busy with others.
setDefaultTimeout(60_000);

const ID = "tiny-bert";
const GRAPH = "onnx/model.onnx";

let fixture: ReturnType<typeof writeFixtures>;
beforeEach(() => {
  fixture = writeFixtures([ID]);
});
afterEach(() => fixture.remove());

const pathOf = (path: string): string => join(fixture.directory, ID, path);
const start = () =>
  InferenceSupervisor.start({ device: "cpu", models: [ID], modelDirectory: fixture.directory });

/** Makes the manifest vouch for whatever a file holds now. */
function seal(path: string, bytes: Uint8Array): void {
  writeFileSync(pathOf(path), bytes);
  const manifest = JSON.parse(readFileSync(pathOf("manifest.json"), "utf8"));
  const entry = manifest.files.find((file: { path: string }) => file.path === path);
  entry.size = bytes.length;
  entry.sha256 = createHash("sha256").update(bytes).digest("hex");
  writeFileSync(pathOf("manifest.json"), JSON.stringify(manifest));
}

async function expectRefusal(path: string, sentence: string): Promise<void> {
  const error = await start().catch((error: unknown) => error);
  if (!isFailure(error)) throw new Error("a damaged model was taken, or its worker died", { cause: error });
  expect(error.code).toBe("model.corrupt");
  expect(error.message).toStartWith(`the file ${path} of model ${ID} ${sentence}`);
  expect(error.message).not.toContain("\n");
  expect(error.hint).toBe("put the original file back");
}

test("the undamaged model starts", async () => {
  const inference = await start();
  expect(await inference.embed(ID, ["a text"])).toHaveLength(1);
  await inference.stop();
});

describe("a worker with a file that is not the locked one", () => {
  test.each([0, 0.1, 0.5, 0.9, 0.999])("is refused with the graph cut at %d of it", async (share) => {
    truncateSync(pathOf(GRAPH), Math.floor(readFileSync(pathOf(GRAPH)).length * share));
    await expectRefusal(GRAPH, "is damaged: it has");
  });

  test("is refused with one bit of the tokenizer flipped", async () => {
    const bytes = readFileSync(pathOf("tokenizer.json"));
    bytes[100]! ^= 1;
    writeFileSync(pathOf("tokenizer.json"), bytes);
    await expectRefusal("tokenizer.json", "is damaged: its sha256 is");
  });
});

describe("a worker with a file that was locked damaged", () => {
  test.each([0.1, 0.5, 0.999])("is refused with the graph cut at %d of it", async (share) => {
    const whole = readFileSync(pathOf(GRAPH));
    seal(GRAPH, whole.subarray(0, Math.floor(whole.length * share)));
    await expectRefusal(GRAPH, "cannot be used: ");
  });

  test.each([
    ["zeros", new Uint8Array(10_000)],
    ["a web page", new TextEncoder().encode("<html>please log in</html>")],
    ["an empty model", new Uint8Array([8, 8])],
  ])("is refused with %s as the graph", async (_, bytes) => {
    seal(GRAPH, bytes);
    await expectRefusal(GRAPH, "cannot be used: ");
  });

  test.each([
    ["half of it", (whole: Uint8Array) => whole.subarray(0, whole.length / 2)],
    ["another object", () => new TextEncoder().encode("{}")],
    ["a number", () => new TextEncoder().encode("1")],
  ])("is refused with %s as the tokenizer", async (_, damage) => {
    seal("tokenizer.json", damage(readFileSync(pathOf("tokenizer.json"))));
    await expectRefusal("tokenizer.json", "cannot be used: ");
  });

  test.each([
    ["no JSON", "<html>", ""],
    ["no object", "1", "it is wrong at its top"],
    ["a class that is no name", '{"tokenizer_class":5}', "it is wrong at tokenizer_class"],
    ["a token that is none", '{"unk_token":{"content":"[UNK]"}}', "it is wrong at unk_token"],
    ["a template that is none", '{"chat_template":[{"name":1}]}', "it is wrong at chat_template"],
  ])("is refused with %s as the tokenizer's configuration", async (_, text, reason) => {
    seal("tokenizer_config.json", new TextEncoder().encode(text));
    await expectRefusal("tokenizer_config.json", `cannot be used: ${reason}`);
  });
});
