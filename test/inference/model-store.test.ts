import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { catalogSchema, readCatalog } from "../../src/inference/catalog.ts";
import type { HubAccess } from "../../src/inference/hub.ts";
import {
  importModel,
  modelFolder,
  modelState,
  pullModel,
  removeModel,
  verifyModel,
} from "../../src/inference/model-store.ts";
import { findModel, readVerified } from "../../src/inference/store.ts";
import { catalogEntry, startHub } from "./hub-double.ts";

const REVISION = "0123456789abcdef0123456789abcdef01234567";
const WEIGHTS = new Uint8Array(200_000).map((_, index) => (index * 31) % 251);
const FILES = { "config.json": new TextEncoder().encode('{"a":1}'), "onnx/model.onnx": WEIGHTS };
const model = catalogEntry(REVISION);

let directory: string;
let hub: ReturnType<typeof startHub>;
let access: HubAccess;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "models-"));
  hub = startHub(FILES, REVISION);
  access = {
    endpoint: hub.endpoint,
    token: "hf_secret",
    stallTimeoutMs: 300,
    retry: { firstMs: 1, maxMs: 2, attempts: 3 },
  };
});
afterEach(async () => {
  await hub.stop();
  rmSync(directory, { recursive: true, force: true });
});
const weightsPath = (): string => join(modelFolder(directory, model.id), "onnx/model.onnx");

describe("pull", () => {
  test("brings a model that inference finds, and keeps the token from the host it is sent to", async () => {
    expect(modelState(directory, model)).toBe("absent");
    await pullModel(directory, model, access);
    expect(modelState(directory, model)).toBe("here");
    expect(await verifyModel(directory, model)).toEqual([]);
    const files = await readVerified(await findModel(model.id, directory), "cpu");
    expect(files.get("onnx/model.onnx")).toEqual(WEIGHTS);
    expect(
      hub.requests.filter(({ host }) => host === "cdn").map(({ authorization }) => authorization),
    ).toEqual([null]);
    expect(hub.requests[0]!.authorization).toBe("Bearer hf_secret");
  });

  test("goes on where a cut body ended", async () => {
    hub.tricks.push("cut");
    await pullModel(directory, model, access);
    expect(readFileSync(weightsPath()).equals(WEIGHTS)).toBe(true);
    expect(hub.requests.filter(({ host }) => host === "cdn").map(({ range }) => range)).toEqual([
      null,
      "bytes=100000-",
    ]);
  });

  test.each(["429", "silent"] as const)("tries again after %s", async (trick) => {
    hub.tricks.push(trick);
    await pullModel(directory, model, access);
    expect(await verifyModel(directory, model)).toEqual([]);
  });

  test.each([
    ["wrong", "model.corrupt"],
    ["endless", "model.refused"],
    ["404", "model.refused"],
    ["401", "model.refused"],
  ] as const)("refuses %s and leaves no file behind", async (trick, code) => {
    hub.tricks.push(trick);
    await expect(pullModel(directory, model, access)).rejects.toMatchObject({ code });
    expect(existsSync(weightsPath())).toBe(false);
  });

  test("is exclusive: one of two at once is told of the other", async () => {
    const both = await Promise.allSettled([
      pullModel(directory, model, access),
      pullModel(directory, model, access),
    ]);
    expect(both.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    expect(both[1]).toMatchObject({ reason: { code: "model.busy" } });
    expect(await verifyModel(directory, model)).toEqual([]);
  });

  test("asks for nothing when all is here, and mends a damaged file from the locked hash", async () => {
    await pullModel(directory, model, access);
    const before = hub.requests.length;
    await pullModel(directory, model, access);
    expect(hub.requests.length).toBe(before);
    writeFileSync(weightsPath(), new Uint8Array(WEIGHTS.length));
    await pullModel(directory, model, access);
    expect(readFileSync(weightsPath()).equals(WEIGHTS)).toBe(true);
  });
});

describe("verify", () => {
  test("names a flipped byte, a truncated file and a missing one", async () => {
    await pullModel(directory, model, access);
    const flipped = WEIGHTS.slice();
    flipped[1234]! ^= 1;
    writeFileSync(weightsPath(), flipped);
    expect(await verifyModel(directory, model)).toEqual([
      { path: "onnx/model.onnx", problem: "the sha256 is another one" },
    ]);
    truncateSync(weightsPath(), 5);
    expect((await verifyModel(directory, model))[0]!.problem).toBe("5 bytes instead of 200000");
    rmSync(weightsPath());
    expect(await verifyModel(directory, model)).toEqual([{ path: "onnx/model.onnx", problem: "missing" }]);
    expect(modelState(directory, model)).toBe("partly");
    await removeModel(directory, model);
    expect(modelState(directory, model)).toBe("absent");
  });
});

describe("import", () => {
  test("takes a folder, tells what nothing vouched for, and refuses a file with another hash", async () => {
    const source = join(directory, "source");
    mkdirSync(join(source, "onnx"), { recursive: true });
    for (const [path, bytes] of Object.entries(FILES)) writeFileSync(join(source, path), bytes);
    expect(await importModel(directory, model, source)).toEqual(["config.json", "onnx/model.onnx"]);
    expect(await verifyModel(directory, model)).toEqual([]);
    writeFileSync(join(source, "config.json"), '{"a":2}');
    await expect(importModel(directory, model, source)).rejects.toMatchObject({ code: "model.corrupt" });
  });
});

test("a manifest without a full revision is none", () => {
  expect(readCatalog().length).toBeGreaterThan(0);
  expect(catalogSchema.safeParse({ ...model, revision: "main" }).success).toBe(false);
  expect(catalogSchema.safeParse({ ...model, revision: REVISION.slice(0, 7) }).success).toBe(false);
});
