import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isFailure } from "../../src/base/error.ts";
import { sha256OfFile } from "../../src/base/file-hash.ts";
import {
  type BuildStoreOptions,
  buildFromFolder,
  pullSource,
  type SourcePlan,
} from "../../src/models/built-model.ts";
import { type CatalogModel, originalOf, readCatalog } from "../../src/models/catalog.ts";
import type { HubAccess } from "../../src/models/hub-files.ts";
import { knownModels } from "../../src/models/known-models.ts";
import {
  lockedManifest,
  modelFolder,
  modelState,
  partFolder,
  sourceFolder,
} from "../../src/models/locked-manifest.ts";
import { findModel, readVerified } from "../../src/models/model-files.ts";
import { verifyModel } from "../../src/models/pull.ts";
import type { Source } from "../../src/models/source-files.ts";
import { removeModel, storedParts } from "../../src/models/stored-parts.ts";
import { scratchFolders } from "../scratch.ts";
import { MANIFESTS } from "./build/fixtures.ts";
import { catalogEntry, sha256, startHub } from "./model-hub-double.ts";
import { INDEX, SHARDS, shardedFiles } from "./sharded-checkpoint.ts";
import { writeTinySource } from "./trials/tiny-sources.ts";

// Real processes on a machine that may be busy with others.
setDefaultTimeout(60_000);

const REVISION = "0123456789abcdef0123456789abcdef01234567";
const scratch = scratchFolders("built");

const source: Source = { kind: "safetensors", files: [] };
const model: CatalogModel = {
  ...catalogEntry(REVISION),
  ...MANIFESTS.bert!,
  maxTokens: 64,
  files: [],
  checkpoint: { kind: "safetensors", files: [] },
};

let directory: string;
let files: Record<string, Uint8Array>;
let hub: ReturnType<typeof startHub>;
let access: HubAccess;
beforeEach(() => {
  directory = scratch();
  files = shardedFiles();
  hub = startHub(files, REVISION);
  access = { endpoint: hub.endpoint, retry: { firstMs: 1, maxMs: 2, attempts: 3 } };
});
afterEach(async () => {
  await hub.stop();
});

type PullOptions = Partial<Parameters<typeof pullSource>[4]>;
const pull = (options: PullOptions = {}, over: Partial<HubAccess> = {}) =>
  pullSource(directory, model, source, { ...access, ...over }, { dtypes: ["fp32"], ...options });
/** Code and message of what it fails with. */
async function failure(work: Promise<unknown>): Promise<{ code: string; message: string; hint: string }> {
  const error = await work.then(
    () => undefined,
    (error) => error,
  );
  if (!isFailure(error)) throw new Error(`no failure: ${error}`);
  return { code: error.code, message: error.message, hint: error.hint ?? "" };
}
const asked = (): string[] =>
  hub.requests.filter(({ host }) => host === "cdn").map(({ path, range }) => `${path} ${range ?? "whole"}`);
const nothingLoads = async (): Promise<void> => {
  expect(modelState(directory, model)).not.toBe("here");
  expect((await failure(findModel(model.id, directory))).code).toBe("model.missing");
};

describe("a pull of original weights", () => {
  test("builds a model that inference finds, says what of, and leaves nothing else", async () => {
    const plans: SourcePlan[] = [];
    const grown = new Set<string>();
    const built = await pull({
      dtypes: ["fp32", "q4"],
      onPlan: (plan) => plans.push(plan),
      onProgress: (path) => grown.add(path),
    });
    expect(built).toEqual(["fp32", "q4"]);
    const names = ["config.json", "tokenizer.json", "tokenizer_config.json", INDEX, ...SHARDS];
    const sourceBytes = names.reduce((sum, name) => sum + files[name]!.length, 0);
    expect(plans).toEqual([
      {
        downloadBytes: sourceBytes,
        sourceBytes,
        resultBytes: expect.any(Number),
        truthBytes: 0,
        freeMemoryBytes: 0,
        dtypes: ["fp32", "q4"],
      },
    ]);
    expect([...grown]).toEqual([...names, "building test-model as fp32", "building test-model as q4"]);
    const locked = lockedManifest(directory, model)!;
    expect(locked.provenance).toMatchObject({ repo: "test/model", revision: REVISION });
    expect(locked.provenance!.files).toEqual(
      names.map((path) => ({ path, size: files[path]!.length, sha256: sha256(files[path]!) })),
    );
    const onnx = locked.files.filter(({ dtype }) => dtype !== undefined);
    expect(onnx.map(({ path, dtype }) => [path, dtype])).toEqual([
      ["onnx/model.onnx", "fp32"],
      ["onnx/model_q4.onnx", "q4"],
    ]);
    expect(onnx.reduce((sum, { size }) => sum + size, 0)).toBeLessThan(plans[0]!.resultBytes);
    const found = await readVerified(await findModel(model.id, directory), "cpu");
    expect([...found.keys()].sort()).toEqual([
      "config.json",
      "onnx/model.onnx",
      "tokenizer.json",
      "tokenizer_config.json",
    ]);
    expect(await verifyModel(directory, { ...model, files: locked.files })).toEqual([]);
    expect(existsSync(sourceFolder(directory, model.id))).toBe(false);
    expect(existsSync(partFolder(directory, model.id))).toBe(false);
  });

  test("asks for nothing when the form is here, and mends one that is damaged", async () => {
    await pull({ keepSource: true });
    const before = hub.requests.length;
    expect(await pull()).toEqual([]);
    expect(hub.requests.length).toBe(before);
    const graph = join(modelFolder(directory, model.id), "onnx/model.onnx");
    const right = readFileSync(graph);
    writeFileSync(graph, new Uint8Array(right.length));
    expect(await pull()).toEqual(["fp32"]);
    expect(readFileSync(graph).equals(right)).toBe(true);
    // The weights were kept, so that only the list was asked for.
    expect(asked()).toHaveLength(2);
  });

  test("builds anew what somebody took the numbers of, and a check of the model names it", async () => {
    await pull({ keepSource: true });
    const path = join(modelFolder(directory, model.id), "manifest.json");
    const { agreement, ...rest } = JSON.parse(readFileSync(path, "utf8"));
    expect(agreement.fp32).toEqual({ unmeasured: "it was not run where it was built" });
    writeFileSync(path, JSON.stringify(rest));
    const { files: locked } = lockedManifest(directory, model)!;
    expect(await verifyModel(directory, { ...model, files: locked })).toEqual([
      { path: "manifest.json", problem: "lacks the golden numbers of fp32: build it again" },
    ]);
    expect(await pull()).toEqual(["fp32"]);
    expect(await verifyModel(directory, { ...model, files: locked })).toEqual([]);
  });

  test("says how its forms are used as the program knows it, and not as somebody wrote there", async () => {
    await pull({ dtypes: ["q4", "fp32"], keepSource: true });
    const path = join(modelFolder(directory, model.id), "manifest.json");
    const whole = readFileSync(path, "utf8");
    const { files: locked, dtype } = lockedManifest(directory, model)!;
    // No device prefers it: it stands behind those that one does.
    expect(dtype.cpu).toEqual(["fp32", "q4"]);
    writeFileSync(path, JSON.stringify({ ...JSON.parse(whole), maxTokens: 8 }));
    expect(await verifyModel(directory, { ...model, files: locked })).toEqual([
      { path: "manifest.json", problem: "has another maxTokens than this program knows" },
    ]);
    const before = hub.requests.length;
    expect(await pull({ dtypes: ["q4", "fp32"] })).toEqual([]);
    expect(hub.requests.length).toBe(before);
    expect(JSON.parse(readFileSync(path, "utf8"))).toEqual(JSON.parse(whole));
  });

  test("is undone by a removal, with weights that were kept, or without these", async () => {
    await pull({ keepSource: true });
    const sourceBytes = storedParts(directory, model).find(({ kind }) => kind === "source")!.bytes;
    expect(sourceBytes).toBeGreaterThan(1000);
    const removed = await removeModel(directory, model, ["model", "begun"]);
    expect(removed.map(({ kind }) => kind)).toEqual(["model"]);
    await nothingLoads();
    // They are still marked as kept, so a build of them does not take them away.
    expect(await pull()).toEqual(["fp32"]);
    expect(asked()).toHaveLength(2);
    expect(await removeModel(directory, model)).toMatchObject([
      { kind: "model", folder: modelFolder(directory, model.id) },
      { kind: "source", bytes: sourceBytes },
    ]);
    expect(readdirSync(join(directory, ".source"))).toEqual([]);
    await nothingLoads();
    await pull();
    expect(existsSync(sourceFolder(directory, model.id))).toBe(false);
  });

  test("keeps the source where asked to, and no later pull takes it away", async () => {
    await pull({ keepSource: true });
    const kept = readdirSync(sourceFolder(directory, model.id)).sort();
    expect(kept).toEqual(
      Object.keys(files)
        .filter((name) => name !== "README.md")
        .sort(),
    );
    expect(await pull({ dtypes: ["fp32", "q8"] })).toEqual(["q8"]);
    expect(await pull()).toEqual([]);
    expect(asked()).toHaveLength(2);
    expect(readdirSync(sourceFolder(directory, model.id)).sort()).toEqual(kept);
    expect(lockedManifest(directory, model)!.files.map(({ path }) => path)).toContain("onnx/model.onnx");
  });

  test("takes away what a build left that was killed after its last form, unless it is to stay now", async () => {
    await pull({ keepSource: true });
    rmSync(join(directory, ".source", `.keep-${model.id}`));
    expect(await pull({ keepSource: true })).toEqual([]);
    expect(existsSync(sourceFolder(directory, model.id))).toBe(true);
    rmSync(join(directory, ".source", `.keep-${model.id}`));
    expect(await pull()).toEqual([]);
    expect(existsSync(sourceFolder(directory, model.id))).toBe(false);
  });

  test("goes on after cuts and after a stop in the middle of a shard", async () => {
    const stop = new AbortController();
    hub.tricks.push("good", "held");
    const half = Math.floor(files[SHARDS[1]]!.length / 2);
    const stopped = await failure(
      pull(
        {
          onProgress: (path, bytes) => {
            if (path === SHARDS[1] && bytes >= half) stop.abort();
          },
        },
        { signal: stop.signal },
      ),
    );
    expect(stopped.code).toBe("deadline.aborted");
    await nothingLoads();
    hub.release();
    hub.tricks.push("cut");
    await pull();
    expect(asked().slice(0, 2)).toEqual([`/${SHARDS[0]} whole`, `/${SHARDS[1]} whole`]);
    // Not a byte again of what was there, and nothing of the first shard.
    expect(
      asked()
        .slice(2)
        .every((line) => line.startsWith(`/${SHARDS[1]} bytes=`)),
    ).toBe(true);
    expect(await pull()).toEqual([]);
  });

  test("stopped in a build keeps the source and the forms that are done", async () => {
    const stop = new AbortController();
    const options: PullOptions = {
      dtypes: ["fp32", "q4"],
      onProgress: (path) => {
        if (path.endsWith("as q4")) stop.abort();
      },
    };
    const stopped = await failure(pull(options, { signal: stop.signal }));
    expect(stopped).toMatchObject({
      code: "deadline.aborted",
      message: "the build of test-model was stopped",
    });
    expect(lockedManifest(directory, model)!.files.map(({ path }) => path)).toContain("onnx/model.onnx");
    const before = asked().length;
    expect(await pull({ dtypes: ["fp32", "q4"] })).toEqual(["q4"]);
    expect(asked().length).toBe(before);
  });

  test("is exclusive: one of two at once is told of the other", async () => {
    const both = await Promise.allSettled([pull(), pull()]);
    expect(both.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    expect(both[1]).toMatchObject({ reason: { code: "model.busy" } });
  });

  test("that is killed leaves nothing that loads, and the next one ends it", async () => {
    hub.tricks.push("good", "held");
    const script = `
      const { pullSource } = await import(${JSON.stringify(join(import.meta.dir, "../../src/models/built-model.ts"))});
      await pullSource(${JSON.stringify(directory)}, ${JSON.stringify(model)}, ${JSON.stringify(source)},
        { endpoint: ${JSON.stringify(hub.endpoint)} },
        { dtypes: ["fp32"], onProgress: (path, bytes) => console.log(path, bytes) });`;
    const child = Bun.spawn([process.execPath, "-e", script], { stderr: "inherit" });
    for await (const chunk of child.stdout)
      if (/00002-of-00002.safetensors [1-9]/.test(Buffer.from(chunk).toString())) break;
    child.kill("SIGKILL");
    await child.exited;
    await nothingLoads();
    expect(await pull()).toEqual(["fp32"]);
    expect(asked().filter((line) => line === `/${SHARDS[0]} whole`)).toHaveLength(1);
  });

  test("builds anew over what a killed build left", async () => {
    const left = join(partFolder(directory, model.id), "built/onnx");
    mkdirSync(left, { recursive: true });
    writeFileSync(join(left, "model.onnx"), "half");
    await pull();
    expect(statSync(join(modelFolder(directory, model.id), "onnx/model.onnx")).size).toBeGreaterThan(1000);
  });
});

describe("the disk", () => {
  test("must have room for source and result before a byte is fetched", async () => {
    const plans: SourcePlan[] = [];
    const { code, message } = await failure(
      pull({ freeBytes: () => 200_000_000 + 40_000, onPlan: (plan) => plans.push(plan) }),
    );
    expect(code).toBe("model.no-space");
    expect(message).toStartWith("test-model needs 1 MB more");
    expect(plans).toHaveLength(1);
    expect(asked()).toEqual([]);
    await nothingLoads();
  });

  const unshare = Bun.spawnSync(["unshare", "-rm", "true"], { stderr: "ignore" });
  test.skipIf(!unshare.success)("that fills up in a build is told as such, and nothing loads", async () => {
    const mount = join(directory, "small");
    mkdirSync(mount);
    const kilobytes =
      Math.ceil(Object.values(files).reduce((sum, { length }) => sum + length, 0) / 1024) + 40;
    const script = `
      const { pullSource } = await import(${JSON.stringify(join(import.meta.dir, "../../src/models/built-model.ts"))});
      const { existsSync } = await import("node:fs");
      const error = await pullSource(${JSON.stringify(mount)}, ${JSON.stringify(model)}, ${JSON.stringify(source)},
        { endpoint: ${JSON.stringify(hub.endpoint)} }, { dtypes: ["fp32"], freeBytes: () => 1e12 }).catch((error) => error);
      console.log(error.code, existsSync(${JSON.stringify(join(mount, model.id, "manifest.json"))}));`;
    const inside = `mount -t tmpfs -o size=${kilobytes}k tmpfs "$1" && exec "$2" -e "$3"`;
    const child = Bun.spawn(["unshare", "-rm", "sh", "-c", inside, "sh", mount, process.execPath, script], {
      stderr: "inherit",
    });
    expect(await new Response(child.stdout).text()).toBe("model.no-space false\n");
  });
});

describe("a hub that lies", () => {
  test("with bytes of another hash is refused, and the part is gone", async () => {
    hub.tricks.push("wrong");
    const { code, message } = await failure(pull());
    expect(code).toBe("model.corrupt");
    expect(message).toContain(SHARDS[0]);
    await nothingLoads();
    expect(await pull()).toEqual(["fp32"]);
  });

  const cases: [string, () => void, string, string][] = [
    [
      "with its shards swapped",
      () => {
        [files[SHARDS[0]], files[SHARDS[1]]] = [files[SHARDS[1]]!, files[SHARDS[0]]!];
      },
      "model.corrupt",
      "which the index puts elsewhere",
    ],
    [
      "with an index of another model",
      () => {
        files[INDEX] = Buffer.from(JSON.stringify({ weight_map: { x: SHARDS[0], y: SHARDS[1] } }));
      },
      "model.corrupt",
      "which the index puts elsewhere",
    ],
    [
      "with an index that leads out",
      () => {
        files[INDEX] = Buffer.from('{"weight_map":{"x":"../../etc/x.safetensors"}}');
      },
      "model.refused",
      'names "../../etc/x.safetensors"',
    ],
    [
      "with a shard too few",
      () => {
        delete files[SHARDS[1]];
      },
      "model.refused",
      "of 2 there are 1",
    ],
    [
      "without an index",
      () => {
        delete files[INDEX];
      },
      "model.refused",
      "no whole set of shards",
    ],
    [
      "without weights",
      () => {
        for (const name of [...SHARDS, INDEX]) delete files[name];
      },
      "model.refused",
      "has no model.safetensors",
    ],
    [
      "without a tokenizer",
      () => {
        delete files["tokenizer.json"];
      },
      "model.refused",
      "has no tokenizer.json",
    ],
    [
      "with a tokenizer that is none",
      () => {
        files["tokenizer.json"] = Buffer.from("<html>");
      },
      "model.corrupt",
      "tokenizer.json of model test-model cannot be used",
    ],
    [
      "with another architecture",
      () => {
        files["config.json"] = Buffer.from('{"model_type":"mamba"}');
      },
      "model.unsupported",
      "mamba",
    ],
  ];
  test.each(cases)("%s is refused with a sentence, and nothing loads", async (_, change, code, sentence) => {
    change();
    const told = await failure(pull());
    expect(told.message).toContain(sentence);
    expect(told.code).toBe(code);
    await nothingLoads();
  });

  test("about a file that this program knows is refused before a byte of it", async () => {
    const known = {
      kind: "safetensors" as const,
      files: [{ path: SHARDS[0], size: null, sha256: "0".repeat(64) }],
    };
    const { code, message } = await failure(
      pullSource(directory, model, known, access, { dtypes: ["fp32"] }),
    );
    expect(code).toBe("model.refused");
    expect(message).toContain("is another one at the server");
    expect(asked()).toEqual([]);
  });

  test("of what the model is has no weights fetched", async () => {
    files["config.json"] = Buffer.from('{"model_type":"gpt2"}');
    expect((await failure(pull())).message).toContain('config.json says that the model is "gpt2"');
    files["config.json"] = Buffer.from("{}");
    expect((await failure(pull())).message).toContain("config.json says that the model is of no type");
    expect(asked()).toEqual([]);
  });

  test("names no file of an earlier revision twice: what is not of this one is removed", async () => {
    const folder = sourceFolder(directory, model.id);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "model.safetensors"), "of another revision");
    expect(await pull()).toEqual(["fp32"]);
  });
});

describe("a folder", () => {
  const build = (folder: string, options: Partial<BuildStoreOptions> = {}, known = {}) =>
    buildFromFolder(directory, model, { ...source, ...known }, folder, {
      dtypes: ["fp32"],
      ...options,
    });
  const folderOf = (): string => {
    const folder = scratch();
    for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, name), bytes);
    return folder;
  };

  test("gives the same graph as a pull, byte for byte, and stays as it is", async () => {
    await pull();
    const graph = join(modelFolder(directory, model.id), "onnx/model.onnx");
    const pulled = readFileSync(graph);
    rmSync(modelFolder(directory, model.id), { recursive: true });
    const folder = folderOf();
    const unproven = await build(folder);
    expect(unproven).toContain(SHARDS[0]);
    expect(readFileSync(graph).equals(pulled)).toBe(true);
    expect(readdirSync(folder).sort()).toEqual(Object.keys(files).sort());
    expect(lockedManifest(directory, model)!.provenance!.files).toHaveLength(6);
  });

  test("is none that lies in the model's own, or holds it, which a removal would take away", async () => {
    const own = modelFolder(directory, model.id);
    for (const folder of [own, join(own, "source"), directory]) {
      mkdirSync(folder, { recursive: true });
      for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, name), bytes);
      const { message, hint } = await failure(build(folder));
      expect(message).toContain(`the model would be built in ${own}`);
      expect(hint).toContain("--models.dir");
    }
    await nothingLoads();
  });

  test("with other weights leaves no form of those before", async () => {
    await build(folderOf(), { dtypes: ["fp32", "q4"] });
    const folder = folderOf();
    writeFileSync(join(folder, "tokenizer_config.json"), `${Buffer.from(files["tokenizer_config.json"]!)} `);
    await build(folder, { dtypes: ["q4"] });
    const { files: kept, provenance } = lockedManifest(directory, model)!;
    expect(kept.flatMap(({ dtype }) => dtype ?? [])).toEqual(["q4"]);
    expect(readdirSync(join(modelFolder(directory, model.id), "onnx"))).toHaveLength(1);
    const told = provenance!.files.find(({ path }) => path === "tokenizer_config.json")!;
    expect(told.sha256).toBe(await sha256OfFile(join(folder, "tokenizer_config.json")));
  });

  test.each(["toxic-bert", "minilmv2-toxic-jigsaw"])(
    "builds %s, whose graphs are pulled, by its id",
    async (id) => {
      const known = originalOf(readCatalog().find((one) => one.id === id)!)!;
      // The stand-in has fewer positions.
      const small = { ...known, maxTokens: 64 };
      const folder = scratch();
      writeTinySource("bert-classes", folder);
      await buildFromFolder(directory, small, small.checkpoint!, folder, { dtypes: ["fp32", "q8"] });
      const { manifest } = await findModel(id, directory);
      expect(manifest.classification!.labels).toContain("identity_hate");
      expect(manifest.provenance).toMatchObject({ repo: known.repo, revision: known.revision });
      const stored = knownModels(directory).find((one) => one.id === id)!;
      expect(modelState(directory, stored)).toBe("here");
    },
  );

  test("must hold the files that this program knows", async () => {
    const known = { files: [{ path: SHARDS[0], size: null, sha256: "0".repeat(64) }] };
    const { code, message } = await failure(build(folderOf(), {}, known));
    expect(code).toBe("model.corrupt");
    expect(message).toContain("is not the one of test-model");
    await nothingLoads();
  });

  test("must be there, and whole", async () => {
    expect((await failure(build(join(scratch(), "nowhere")))).code).toBe("model.missing");
    expect((await failure(build(scratch()))).message).toContain("has no config.json and no tokenizer.json");
    await nothingLoads();
  });
});
