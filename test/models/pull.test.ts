import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { catalogSchema, readCatalog } from "../../src/models/catalog.ts";
import type { HubAccess } from "../../src/models/hub-files.ts";
import { lockedManifest, modelFolder, modelState, partFolder } from "../../src/models/locked-manifest.ts";
import { findModel, readVerified } from "../../src/models/model-files.ts";
import { importModel, pullModel, verifyModel } from "../../src/models/pull.ts";
import { removeModel } from "../../src/models/stored-parts.ts";
import { CANARY } from "../canaries.ts";
import { catalogEntry, startHub } from "./model-hub-double.ts";

const REVISION = "0123456789abcdef0123456789abcdef01234567";
const WEIGHTS = new Uint8Array(200_000).map((_, index) => (index * 31) % 251);
const WEIGHTS_FP16 = WEIGHTS.slice(0, 100_000).reverse();
const FILES = {
  "config.json": new TextEncoder().encode('{"a":1}'),
  "onnx/model.onnx": WEIGHTS,
  "onnx/model_fp16.onnx": WEIGHTS_FP16,
};
const model = catalogEntry(REVISION);
/** Above what the store leaves free. */
const RESERVE_BYTES = 200_000_000;

let directory: string;
let hub: ReturnType<typeof startHub>;
let access: HubAccess;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "models-"));
  hub = startHub(FILES, REVISION);
  access = { endpoint: hub.endpoint, token: CANARY.hubToken, retry: { firstMs: 1, maxMs: 2, attempts: 3 } };
});
afterEach(async () => {
  await hub.stop();
  rmSync(directory, { recursive: true, force: true });
});
const weightsPath = (): string => join(modelFolder(directory, model.id), "onnx/model.onnx");
const partPath = (): string => join(partFolder(directory, model.id), "onnx/model.onnx");
const lockedPaths = (): string[] => lockedManifest(directory, model)?.files.map(({ path }) => path) ?? [];

describe("pull", () => {
  test("brings a model that inference finds, and keeps the token from the host it is sent to", async () => {
    expect(modelState(directory, model)).toBe("absent");
    await pullModel(directory, model, access);
    expect(modelState(directory, model)).toBe("here");
    expect(await verifyModel(directory, model)).toEqual([]);
    const files = await readVerified(await findModel(model.id, directory), "cpu");
    expect(files.get("onnx/model.onnx")).toEqual(WEIGHTS);
    const authorizations = (host: string): Set<string | null> =>
      new Set(
        hub.requests.filter((request) => request.host === host).map((request) => request.authorization),
      );
    expect(authorizations("hub")).toEqual(new Set([`Bearer ${CANARY.hubToken}`]));
    expect(authorizations("cdn")).toEqual(new Set([null]));
    expect(existsSync(partFolder(directory, model.id))).toBe(false);
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

  test("refuses a hub whose file has another hash than this program knows, before a byte of it", async () => {
    const sealed = {
      ...model,
      files: model.files.map((file) => (file.dtype === "fp32" ? { ...file, sha256: "0".repeat(64) } : file)),
    };
    await expect(pullModel(directory, sealed, access)).rejects.toMatchObject({
      code: "model.refused",
      message: expect.stringContaining("onnx/model.onnx"),
    });
    expect(hub.ranges()).toEqual([]);
  });

  test("ends with a sentence when it is called off, and goes on later", async () => {
    const stop = new AbortController();
    hub.tricks.push("held");
    const pulling = pullModel(
      directory,
      model,
      { ...access, signal: stop.signal },
      {
        onProgress: (path, bytes) => {
          if (path === "onnx/model.onnx" && bytes >= 100_000) stop.abort();
        },
      },
    );
    await expect(pulling).rejects.toMatchObject({
      code: "deadline.aborted",
      hint: expect.stringContaining("again"),
    });
    await pullModel(directory, model, access);
    expect(hub.ranges()[1]).toMatch(/^bytes=\d+-$/);
    expect(await verifyModel(directory, model)).toEqual([]);
  });
});

describe("the disk", () => {
  test("must have room for what is missing and a reserve, before a byte is written", async () => {
    const freeBytes = (): number => RESERVE_BYTES + 300_000;
    await expect(pullModel(directory, model, access, { freeBytes })).rejects.toMatchObject({
      code: "model.no-space",
      message: expect.stringContaining("test-model needs 1 MB more"),
      hint: expect.stringContaining("--models.dir"),
    });
    expect(hub.ranges()).toEqual([]);
    expect(existsSync(modelFolder(directory, model.id))).toBe(false);
    await pullModel(directory, model, access, { dtypes: ["fp32"], freeBytes });
    expect(modelState(directory, model)).toBe("here");
    // Nothing is missing of what is here, however full the disk is.
    await pullModel(directory, model, access, { dtypes: ["fp32"], freeBytes: () => 0 });
  });

  test("counts what an earlier pull left as had", async () => {
    mkdirSync(dirname(partPath()), { recursive: true });
    writeFileSync(partPath(), WEIGHTS.slice(0, 150_000));
    await pullModel(directory, model, access, {
      dtypes: ["fp32"],
      freeBytes: () => RESERVE_BYTES + 50_100,
    });
    expect(hub.ranges()).toEqual(["bytes=150000-"]);
  });

  test("must have room for an import as well", async () => {
    const source = writeSource();
    await expect(
      importModel(directory, model, source, { freeBytes: () => RESERVE_BYTES }),
    ).rejects.toMatchObject({ code: "model.no-space" });
    expect(existsSync(modelFolder(directory, model.id))).toBe(false);
  });

  test.skipIf(!existsSync("/dev/full"))("may fill up under a write, which is told as such", async () => {
    mkdirSync(dirname(partPath()), { recursive: true });
    symlinkSync("/dev/full", partPath());
    await expect(pullModel(directory, model, access)).rejects.toMatchObject({
      code: "model.no-space",
      message: expect.stringContaining("test-model"),
    });
    expect(lstatSync(partPath()).isSymbolicLink()).toBe(true);
  });

  const unshare = Bun.spawnSync(["unshare", "-rm", "true"], { stderr: "ignore" });
  test.skipIf(!unshare.success)(
    "that fills up in the middle keeps the part, and the next pull goes on",
    async () => {
      const mount = join(directory, "small");
      const copy = join(directory, "copy");
      mkdirSync(mount);
      const script = `
      const { pullModel } = await import(${JSON.stringify(join(import.meta.dir, "../../src/models/pull.ts"))});
      const { cpSync } = await import("node:fs");
      const error = await pullModel(${JSON.stringify(mount)}, ${JSON.stringify(model)},
        { endpoint: ${JSON.stringify(hub.endpoint)} }, { dtypes: ["fp32"], freeBytes: () => 1e12 }).catch((error) => error);
      cpSync(${JSON.stringify(mount)}, ${JSON.stringify(copy)}, { recursive: true });
      console.log(error.code);`;
      const inside = `mount -t tmpfs -o size=128k tmpfs "$1" && exec "$2" -e "$3"`;
      const child = Bun.spawn(["unshare", "-rm", "sh", "-c", inside, "sh", mount, process.execPath, script], {
        stderr: "inherit",
      });
      expect(await new Response(child.stdout).text()).toBe("model.no-space\n");
      const partBytes = statSync(join(partFolder(copy, model.id), "onnx/model.onnx")).size;
      expect(partBytes).toBeGreaterThan(0);
      expect(partBytes).toBeLessThan(WEIGHTS.length);
      await pullModel(copy, model, access, { dtypes: ["fp32"] });
      expect(hub.ranges()).toEqual([null, `bytes=${partBytes}-`]);
      expect(await verifyModel(copy, model)).toEqual([]);
    },
  );
});

describe("dtypes", () => {
  test("bring their own weights and what every form needs; a later pull adds to the lock", async () => {
    await pullModel(directory, model, access, { dtypes: ["fp16"] });
    expect(lockedPaths()).toEqual(["config.json", "onnx/model_fp16.onnx"]);
    expect(modelState(directory, model)).toBe("here");
    expect(modelState(directory, model, ["fp32"])).toBe("partly");
    expect(await verifyModel(directory, model)).toEqual([]);
    expect(await verifyModel(directory, model, ["fp32"])).toEqual([
      { path: "onnx/model.onnx", problem: "not in the lock" },
    ]);
    await pullModel(directory, model, access, { dtypes: ["fp32"] });
    expect(lockedPaths()).toEqual(["config.json", "onnx/model.onnx", "onnx/model_fp16.onnx"]);
    expect(hub.ranges()).toHaveLength(2);
    expect(await verifyModel(directory, model, ["fp16", "fp32"])).toEqual([]);
    rmSync(join(modelFolder(directory, model.id), "onnx/model_fp16.onnx"));
    expect(modelState(directory, model)).toBe("partly");
  });

  test("keep what was begun of another form", async () => {
    hub.tricks.push("cut", "404");
    await expect(pullModel(directory, model, access, { dtypes: ["fp32"] })).rejects.toMatchObject({
      code: "model.refused",
    });
    await pullModel(directory, model, access, { dtypes: ["fp16"] });
    await pullModel(directory, model, access, { dtypes: ["fp32"] });
    expect(hub.ranges()).toEqual([null, "bytes=100000-", null, "bytes=100000-"]);
  });

  test("are refused where the model does not come in them, with those it has", async () => {
    await expect(pullModel(directory, model, access, { dtypes: ["q4", "fp32"] })).rejects.toMatchObject({
      code: "model.missing",
      message: "test-model has no q4",
      hint: "it comes as fp32, fp16",
    });
    expect(hub.requests).toEqual([]);
  });

  test("can be imported alone, and are proposed when a folder lacks the others", async () => {
    const source = writeSource();
    rmSync(join(source, "onnx/model.onnx"));
    await expect(importModel(directory, model, source)).rejects.toMatchObject({
      code: "model.missing",
      message: expect.stringContaining("onnx/model.onnx"),
      hint: expect.stringContaining("--dtype fp16"),
    });
    await importModel(directory, model, source, { dtypes: ["fp16"] });
    expect(lockedPaths()).toEqual(["config.json", "onnx/model_fp16.onnx"]);
    expect(await verifyModel(directory, model)).toEqual([]);
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
    expect((await removeModel(directory, model)).map(({ kind }) => kind)).toEqual(["model"]);
    expect(modelState(directory, model)).toBe("absent");
    expect(await removeModel(directory, model)).toEqual([]);
  });

  test.each([
    ["maxTokens", { maxTokens: 8 }],
    ["embedding", { embedding: { dimensions: 4, pooling: "last", normalize: true } }],
    ["classification", { classification: { labels: ["good", "bad"] } }],
    ["language", { language: {} }],
    ["architecture", { architecture: "other" }],
    ["dtype", { dtype: { webgpu: ["q4"], cpu: ["fp32"] } }],
  ])("names a manifest with another %s, which the next pull writes anew", async (field, edit) => {
    await pullModel(directory, model, access);
    const path = join(modelFolder(directory, model.id), "manifest.json");
    const whole = readFileSync(path, "utf8");
    writeFileSync(path, JSON.stringify({ ...JSON.parse(whole), ...edit }));
    expect(await verifyModel(directory, model)).toEqual([
      { path: "manifest.json", problem: `has another ${field} than this program knows` },
    ]);
    await pullModel(directory, model, access);
    expect(readFileSync(path, "utf8")).toBe(whole);
    expect(await verifyModel(directory, model)).toEqual([]);
  });

  test("names a lock without weights, and one with a file that the model does not have", async () => {
    await pullModel(directory, model, access);
    const path = join(modelFolder(directory, model.id), "manifest.json");
    const locked = JSON.parse(readFileSync(path, "utf8"));
    writeFileSync(path, JSON.stringify({ ...locked, files: locked.files.slice(0, 1) }));
    expect(await verifyModel(directory, model)).toEqual([
      { path: "manifest.json", problem: "locks no weights" },
    ]);
    expect(modelState(directory, model)).toBe("partly");
    const other = { path: "other.json", size: 1, sha256: "0".repeat(64) };
    writeFileSync(path, JSON.stringify({ ...locked, files: [...locked.files, other] }));
    expect(await verifyModel(directory, model)).toEqual([
      { path: "other.json", problem: "locked, but no file of this model" },
    ]);
  });
});

describe("import", () => {
  test("takes a folder, tells what nothing vouched for, and refuses a file with another hash", async () => {
    const source = writeSource();
    expect(await importModel(directory, model, source)).toEqual(Object.keys(FILES));
    expect(await verifyModel(directory, model)).toEqual([]);
    writeFileSync(join(source, "config.json"), '{"a":2}');
    await expect(importModel(directory, model, source)).rejects.toMatchObject({ code: "model.corrupt" });
  });
});

function writeSource(): string {
  const source = join(directory, "source");
  mkdirSync(join(source, "onnx"), { recursive: true });
  for (const [path, bytes] of Object.entries(FILES)) writeFileSync(join(source, path), bytes);
  return source;
}

test("a manifest without a full revision is none", () => {
  expect(readCatalog().length).toBeGreaterThan(0);
  expect(catalogSchema.safeParse({ ...model, revision: "main" }).success).toBe(false);
  expect(catalogSchema.safeParse({ ...model, revision: REVISION.slice(0, 7) }).success).toBe(false);
});
