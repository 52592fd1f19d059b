import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import manifest from "../../models/manifests/all-minilm-l6-v2-embedded.json";
import { EMBEDDED_MODELS } from "../../src/models/embedded.ts";
import { findModel, readVerified } from "../../src/models/model-files.ts";
import { writeFixtures } from "../fixtures/models.ts";

let directory: string;
const folder = (): string => join(directory, "copy");

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "openvalidator-models-"));
  for (const { path } of manifest.files) {
    mkdirSync(dirname(join(folder(), path)), { recursive: true });
    copyFileSync(EMBEDDED_MODELS[0]!.paths[path]!, join(folder(), path));
  }
  writeFileSync(join(folder(), "manifest.json"), JSON.stringify({ ...manifest, id: "copy" }));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const load = async (): Promise<unknown> => await readVerified(await findModel("copy", directory), "cpu");

describe("the embedded model", () => {
  test("is what its manifest says, byte for byte", async () => {
    const files = await readVerified(await findModel(manifest.id), "webgpu");
    expect([...files.keys()]).toEqual(manifest.files.map(({ path }) => path));
  });

  test("agrees with the fp32 original as closely as the product promises", () => {
    const { meanCosine, rankCorrelation, texts } = manifest.agreement.q8;
    expect(texts).toBeGreaterThanOrEqual(500);
    expect(meanCosine).toBeGreaterThanOrEqual(0.99);
    expect(rankCorrelation).toBeGreaterThanOrEqual(0.98);
  });

  test("fits into 35 MB", () => {
    expect(manifest.files.reduce((sum, { size }) => sum + size, 0)).toBeLessThan(35_000_000);
  });
});

describe("a model in a folder", () => {
  test("is read when all is in order", async () => {
    expect(await load()).toBeInstanceOf(Map);
  });

  test("is refused when a byte differs, with the name of the file", async () => {
    const path = join(folder(), "tokenizer.json");
    const bytes = readFileSync(path);
    bytes[1000]! ^= 1;
    writeFileSync(path, bytes);
    await expect(load()).rejects.toMatchObject({
      code: "model.corrupt",
      message: expect.stringContaining("tokenizer.json"),
    });
  });

  test("is refused when a file is cut off, with the name of the file", async () => {
    truncateSync(join(folder(), "onnx/model_quantized.onnx"), 1_000_000);
    await expect(load()).rejects.toMatchObject({
      code: "model.corrupt",
      message: expect.stringContaining("onnx/model_quantized.onnx"),
    });
  });

  test("is refused when a file is missing, with the name of the file", async () => {
    rmSync(join(folder(), "config.json"));
    await expect(load()).rejects.toMatchObject({
      code: "model.missing",
      message: expect.stringContaining("config.json"),
    });
  });

  test("cannot name files outside its folder", async () => {
    const files = [{ path: "../../../etc/passwd", size: 1, sha256: "0".repeat(64) }];
    writeFileSync(join(folder(), "manifest.json"), JSON.stringify({ ...manifest, id: "copy", files }));
    await expect(load()).rejects.toMatchObject({ code: "model.corrupt" });
  });

  test("is refused when its manifest is no JSON, or that of another model", async () => {
    writeFileSync(join(folder(), "manifest.json"), "{");
    await expect(load()).rejects.toMatchObject({ code: "model.corrupt" });
    writeFileSync(join(folder(), "manifest.json"), JSON.stringify(manifest));
    await expect(load()).rejects.toMatchObject({ code: "model.corrupt" });
  });

  test("is missing when nobody has it", async () => {
    await expect(findModel("none", directory)).rejects.toMatchObject({ code: "model.missing" });
    await expect(findModel("none")).rejects.toMatchObject({ code: "model.missing" });
  });
});

describe("a model cut at any of 100 places", () => {
  const id = "tiny-bert";

  test.each(["onnx/model.onnx", "tokenizer.json"])("is refused, and %s is named", async (path) => {
    const fixture = writeFixtures([id]);
    const file = join(fixture.directory, id, path);
    const whole = readFileSync(file);
    for (let place = 0; place < 100; place++) {
      writeFileSync(file, whole.subarray(0, Math.floor((whole.length * place) / 100)));
      await expect(readVerified(await findModel(id, fixture.directory), "cpu")).rejects.toMatchObject({
        code: "model.corrupt",
        message: expect.stringContaining(`the file ${path} of model ${id} is damaged`),
      });
    }
    writeFileSync(file, whole);
    expect((await readVerified(await findModel(id, fixture.directory), "cpu")).size).toBeGreaterThan(1);
    fixture.remove();
  });
});
