import { beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { formRunner } from "../../src/inference/form-runner.ts";
import { editGraph } from "../../src/inference/graph/edit.ts";
import { InferenceSupervisor } from "../../src/inference/supervisor.ts";
import { buildFromFolder } from "../../src/models/built-model.ts";
import { lacksNumbers } from "../../src/models/built-numbers.ts";
import type { CatalogModel } from "../../src/models/catalog.ts";
import { lockedManifest } from "../../src/models/locked-manifest.ts";
import { GRAPH, node, tensor } from "../../src/models/onnx/onnx.ts";
import { type Field, fieldsOf, Message } from "../../src/models/onnx/wire.ts";
import { sha256 } from "../models/model-hub-double.ts";
import { KINDS, tinyModel, writeTinySource } from "../models/trials/tiny-sources.ts";
import { scratchFolders } from "../scratch.ts";
import { swiftshaderEnvironment } from "../swiftshader.ts";

// Real processes on a machine that may be busy with others.
setDefaultTimeout(120_000);

const scratch = scratchFolders("form-runner");
const directory = scratch();
const FORMS = ["fp32", "fp16", "q8", "q4"] as const;
const FILES = {
  fp32: "model.onnx",
  fp16: "model_fp16.onnx",
  q8: "model_quantized.onnx",
  q4: "model_q4.onnx",
};

beforeAll(async () => {
  for (const name of KINDS) {
    const folder = scratch();
    writeTinySource(name, folder);
    const model = tinyModel(name);
    await buildFromFolder(directory, model, model.checkpoint!, folder, { dtypes: FORMS, runner: formRunner });
  }
});

describe("a model that is built here", () => {
  test.each(KINDS)("has golden numbers of each form, and is told how near it comes to fp32 (%s)", (name) => {
    const { golden, agreement } = lockedManifest(directory, tinyModel(name))!;
    expect(Object.keys(golden!).sort()).toEqual([...FORMS].sort());
    expect(Object.keys(agreement!).sort()).toEqual(["fp16", "q4", "q8"]);
    for (const dtype of FORMS) expect(golden![dtype]!.length).toBe(4);
    const longest = golden!.fp32!.map((asked) => JSON.stringify(asked).length).sort((a, b) => a - b);
    expect(longest.at(-1)).toBeGreaterThan(1500);
    const ranks = (["fp16", "q8", "q4"] as const).map((dtype) => {
      const told = agreement![dtype]!;
      return "unmeasured" in told ? Number.NaN : told.rankCorrelation;
    });
    expect(ranks[0]).toBeGreaterThan(0.999);
    expect(ranks[1]).toBeGreaterThan(0.97);
    expect(ranks[2]).toBeGreaterThan(0.93);
  });

  test("runs in each form on the numbers that were kept of it", async () => {
    for (const dtype of FORMS) {
      const tried: (string | null)[] = [];
      const inference = await InferenceSupervisor.start({
        device: "cpu",
        modelDirectory: directory,
        models: KINDS.map((name) => ({ id: `tiny-${name}`, dtypes: { cpu: dtype } })),
        onModel: ({ state, detail }) => state === "tried" && tried.push(detail),
      });
      expect(inference.leftOut).toEqual([]);
      await inference.stop();
      expect(tried).toHaveLength(KINDS.length);
      for (const detail of tried) expect(detail).toMatch(/^\d+ numbers are off by \S+ at most/);
    }
  });
});

/** A copy of a built model whose output is multiplied: what a driver that computes wrongly gives. */
function doctored(name: string, dtype: (typeof FORMS)[number], factor: number): string {
  const place = scratch();
  const [id, path] = [`tiny-${name}`, `onnx/${FILES[dtype]}`];
  cpSync(join(directory, id), join(place, id), { recursive: true });
  const output = name === "bert" ? "last_hidden_state" : "logits";
  const bytes = editGraph(readFileSync(join(place, id, path)), [
    (parts) => multiplied(parts, output, factor),
  ]);
  writeFileSync(join(place, id, path), bytes);
  const manifest = JSON.parse(readFileSync(join(place, id, "manifest.json"), "utf8"));
  const file = manifest.files.find((one: { path: string }) => one.path === path);
  Object.assign(file, { size: bytes.length, sha256: sha256(bytes) });
  writeFileSync(join(place, id, "manifest.json"), JSON.stringify(manifest));
  return place;
}

function multiplied(parts: readonly Field[], output: string, factor: number): Field[] {
  const [OUTPUT, NAME] = [2, 3];
  const textOf = ({ content }: Field): string => new TextDecoder().decode(content);
  const isMaker = (part: Field): boolean =>
    part.number === GRAPH.node &&
    fieldsOf(part.content).some((field) => field.number === OUTPUT && textOf(field) === output);
  const renamed = parts.flatMap((part) => {
    if (!isMaker(part)) return part;
    const fields = fieldsOf(part.content).filter(({ number }) => number !== OUTPUT && number !== NAME);
    return fieldsOf(
      new Message().message(GRAPH.node, new Message().copy(...fields).text(OUTPUT, "right")).encode(),
    );
  });
  // Added up in fp32 whatever the form computes in, so that zero times a number is none but zero.
  const last = new Message()
    .message(GRAPH.initializer, tensor("factor", [1], Float32Array.of(factor)))
    .message(GRAPH.node, node("Mul", ["right", "factor"], [output]));
  return [...renamed, ...fieldsOf(last.encode())];
}

test("a form that was asked for by hand, and that no device prefers, is loaded where it is the only one", async () => {
  const place = scratch();
  const folder = scratch();
  writeTinySource("qwen3-classes", folder);
  const preferred = { webgpu: ["fp16" as const, "q4" as const], cpu: ["q4" as const, "fp32" as const] };
  const model = { ...tinyModel("qwen3-classes"), dtype: preferred };
  await buildFromFolder(place, model, model.checkpoint!, folder, { dtypes: ["q8"], runner: formRunner });
  expect(lockedManifest(place, model)!.dtype).toEqual({ webgpu: ["fp16", "q4"], cpu: ["q4", "fp32", "q8"] });
  const runningForm = async (): Promise<string> => {
    const inference = await InferenceSupervisor.start({
      device: "cpu",
      modelDirectory: place,
      models: [model.id],
    });
    const [running] = inference.running;
    await inference.stop();
    return running!.dtype;
  };
  expect(await runningForm()).toBe("q8");
  await buildFromFolder(place, model, model.checkpoint!, folder, { dtypes: ["fp32"], runner: formRunner });
  expect(await runningForm()).toBe("fp32");
});

test("a model is built anew of other weights, whatever the numbers of the build before", async () => {
  const [place, folder] = [scratch(), scratch()];
  writeTinySource("bert", folder);
  const model = tinyModel("bert");
  const build = (known: CatalogModel) =>
    buildFromFolder(place, known, model.checkpoint!, folder, { dtypes: ["fp32"], runner: formRunner });
  await build(model);
  const before = lockedManifest(place, model)!;
  const path = join(folder, "config.json");
  const config = JSON.parse(readFileSync(path, "utf8"));
  writeFileSync(path, JSON.stringify({ ...config, layer_norm_eps: 0.5 }));
  // As it is known once it is here: by the manifest that the first build wrote.
  await build({ ...before, revision: model.revision, roles: [], checkpoint: model.checkpoint! });
  const after = lockedManifest(place, model)!;
  expect(after.golden!.fp32).toHaveLength(4);
  expect(after.golden!.fp32).not.toEqual(before.golden!.fp32);
});

test("files that do not give the numbers that are known of the model are told as such, and no driver is blamed", async () => {
  const [place, folder] = [scratch(), scratch()];
  writeTinySource("bert", folder);
  const model = { ...tinyModel("bert"), golden: { fp32: [{ text: "a", first8: Array(8).fill(3) }] } };
  const built = buildFromFolder(place, model, model.checkpoint!, folder, {
    dtypes: ["fp32"],
    runner: formRunner,
  });
  await expect(built).rejects.toMatchObject({
    code: "model.unsupported",
    message: expect.stringContaining("on cpu where its manifest has 3"),
    hint: expect.stringContaining("are not those of this model"),
  });
  expect(lockedManifest(place, model)).toBeUndefined();
});

type Json = Record<string, unknown>;
/** A copy of a built model whose manifest was changed. */
function edited(edit: (manifest: Json) => Json): string {
  const place = scratch();
  cpSync(join(directory, "tiny-bert"), join(place, "tiny-bert"), { recursive: true });
  const path = join(place, "tiny-bert/manifest.json");
  writeFileSync(path, JSON.stringify(edit(JSON.parse(readFileSync(path, "utf8")))));
  return place;
}

describe("a manifest that was changed after the build", () => {
  test.each<[string, (manifest: Json) => Json]>([
    ["without golden numbers", ({ golden, ...rest }) => rest],
    [
      "without those of the form",
      ({ golden, ...rest }) => ({ ...rest, golden: { q4: (golden as Json).q4 } }),
    ],
    ["without a word of the build", ({ golden, provenance, agreement, ...rest }) => rest],
    ["without what it is built from", ({ golden, checkpoint, agreement, ...rest }) => rest],
  ])("%s is loaded no more", async (_, edit) => {
    expect(await refusalOf(edited(edit), "bert", "cpu", "q8")).toMatchObject({
      code: "model.corrupt",
      message:
        "the manifest of tiny-bert has no golden numbers of q8, which every build keeps: it was changed since",
      hint: expect.stringContaining("openvalidator models pull tiny-bert --dtype q8"),
    });
  });

  test("is refused for other numbers, and for none", async () => {
    const golden = { q8: [{ text: "a", first8: [1, 0, 0, 0, 0, 0, 0, 0] }] };
    const others = edited((manifest) => ({ ...manifest, golden }));
    expect(await refusalOf(others, "bert", "cpu", "q8")).toMatchObject({ code: "inference.wrong-numbers" });
    const none = edited((manifest) => ({ ...manifest, golden: { q8: [] } }));
    expect(await refusalOf(none, "bert", "cpu", "q8")).toMatchObject({ code: "model.corrupt" });
  });

  test("is loaded where the build itself says why it has none, and tells that", async () => {
    const reason = "it was not run here: no library";
    const place = edited(({ golden, ...rest }) => ({ ...rest, agreement: { q8: { unmeasured: reason } } }));
    const details: (string | null)[] = [];
    const inference = await InferenceSupervisor.start({
      device: "cpu",
      modelDirectory: place,
      models: [{ id: "tiny-bert", dtypes: { cpu: "q8" } }],
      onModel: ({ state, detail }) => state === "tried" && details.push(detail),
    });
    await inference.stop();
    expect(details).toEqual([`it runs; its manifest has no numbers of q8 to compare with: ${reason}`]);
  });

  test("counts as one of a build where the program knows that it builds the model", () => {
    const checkpoint = { kind: "safetensors" };
    const [ours, hubs] = ["oa-deberta-v3-base", "toxic-bert"];
    expect(lacksNumbers({ id: ours!, golden: {} }, "fp32")).toBe(true);
    expect(lacksNumbers({ id: hubs!, golden: {} }, "fp32")).toBe(false);
    expect(lacksNumbers({ id: "mine", checkpoint }, "fp32")).toBe(true);
    expect(
      lacksNumbers({ id: "mine", checkpoint, golden: { fp32: [{ text: "a", first8: [1] }] } }, "fp32"),
    ).toBe(false);
  });
});

const WAYS: [string, number][] = [
  ["no numbers", Number.NaN],
  ["zeros", 0],
  ["numbers a tenth too large", 1.1],
];
async function refusalOf(
  place: string,
  name: string,
  device: "cpu" | "webgpu",
  dtype: (typeof FORMS)[number] = "fp32",
): Promise<unknown> {
  const models = [{ id: `tiny-${name}`, dtypes: { [device]: dtype } }];
  const options = { device, modelDirectory: place, models, ...environmentOf(device) };
  const started = InferenceSupervisor.start(options);
  const error = await started.then(
    (inference) => inference.stop(),
    (error: unknown) => error,
  );
  return error;
}
const environment = swiftshaderEnvironment();
const environmentOf = (device: string) => (device === "webgpu" && environment ? { environment } : {});

describe.each(KINDS)("a driver that computes %s wrongly is found at the load", (name) => {
  test.each(WAYS)("by %s", async (_, factor) => {
    // A vector is scaled to length 1, whatever it was multiplied by: there only what is no vector shows.
    if (name === "bert" && factor > 1) return;
    expect(await refusalOf(doctored(name, "fp32", factor), name, "cpu")).toMatchObject({
      code: "inference.wrong-numbers",
    });
  });

  test.each(["fp16", "q8", "q4"] as const)("in %s too, where it is none of fp32's numbers", async (dtype) => {
    const refused = { code: "inference.wrong-numbers" };
    expect(await refusalOf(doctored(name, dtype, 0), name, "cpu", dtype)).toMatchObject(refused);
    expect(await refusalOf(doctored(name, dtype, Number.NaN), name, "cpu", dtype)).toMatchObject(refused);
    expect(await refusalOf(doctored(name, dtype, 1), name, "cpu", dtype)).toBeUndefined();
  });

  test("and the right one is taken", async () => {
    expect(await refusalOf(doctored(name, "fp32", 1), name, "cpu")).toBeUndefined();
  });
});

describe.skipIf(environment === undefined)("on WebGPU", () => {
  test.each(KINDS)("the CPU's numbers of %s are met, and doctored ones are refused", async (name) => {
    expect(await refusalOf(doctored(name, "fp32", 1), name, "webgpu")).toBeUndefined();
    // Rows of 8 bits share a scale with their padding, which is longer there.
    expect(await refusalOf(doctored(name, "q8", 1), name, "webgpu", "q8")).toBeUndefined();
    expect(await refusalOf(doctored(name, "fp32", Number.NaN), name, "webgpu")).toMatchObject({
      code: "inference.wrong-numbers",
    });
  });
});
