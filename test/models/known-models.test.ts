import { describe, expect, test } from "bun:test";
import { cpSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { readCatalog } from "../../src/models/catalog.ts";
import { EMBEDDED_MODEL } from "../../src/models/embedded.ts";
import { builtModel, knownModels, preferredDtypes, requireModels } from "../../src/models/known-models.ts";
import { addToLock } from "../../src/models/locked-manifest.ts";
import { chosenProfile, PROFILE_NAMES } from "../../src/rewards/profiles.ts";
import { rolesOf } from "../../src/rewards/roles.ts";

const empty = (): string => mkdtempSync(join(tmpdir(), "ov-known-"));
const LLAMA = resolve(import.meta.dir, "../golden/exports/tiny-llama");

describe("models that a profile needs", () => {
  test("are all named at once when they are missing, with what brings each", () => {
    const directory = empty();
    mkdirSync(join(directory, "toxic-bert"));
    writeFileSync(join(directory, "toxic-bert", "manifest.json"), "{}");
    const ids = [EMBEDDED_MODEL, "toxic-bert", "all-mpnet-base-v2", "oa-deberta-v3-large-v2", "mine"];
    expect(() => requireModels(ids, directory)).toThrow(
      expect.objectContaining({
        code: "model.missing",
        message: `models that this profile needs are not in ${directory}: all-mpnet-base-v2, oa-deberta-v3-large-v2, mine`,
        hint: "openvalidator models pull all-mpnet-base-v2 oa-deberta-v3-large-v2; openvalidator models import mine FOLDER (models/README.md says how a folder is made)",
      }),
    );
    requireModels([EMBEDDED_MODEL, "toxic-bert"], directory);
  });

  test("are known, whatever the profile", () => {
    const known = new Set([EMBEDDED_MODEL, ...readCatalog().map(({ id }) => id)]);
    for (const name of PROFILE_NAMES)
      for (const { model } of rolesOf(chosenProfile(name), {}))
        expect([name, known.has(model)]).toEqual([name, true]);
  });
});

describe("the models that can be named", () => {
  test("are those of the program, and those with a manifest of their own", () => {
    const directory = empty();
    cpSync(LLAMA, join(directory, "tiny-llama"), { recursive: true });
    mkdirSync(join(directory, "no-model"));
    const ids = knownModels(directory).map(({ id }) => id);
    expect(ids).toEqual([...readCatalog().map(({ id }) => id), "tiny-llama"]);
  });

  test("are built where their original weights are known, but not over the graphs of a hub", () => {
    const directory = empty();
    const catalog = readCatalog();
    const by = (id: string) => catalog.find((model) => model.id === id)!;
    for (const name of PROFILE_NAMES)
      for (const { model } of rolesOf(chosenProfile(name), {}))
        if (model !== EMBEDDED_MODEL)
          expect(builtModel(directory, catalog, by(model)).checkpoint.kind).toMatch(/^safetensors$|^torch$/);
    const mpnet = builtModel(directory, catalog, by("all-mpnet-base-v2"));
    expect(mpnet).toMatchObject({ repo: "sentence-transformers/all-mpnet-base-v2", files: [] });
    // What a build, or the download of its source, leaves where it is killed.
    for (const begun of ["", ".partial/", ".partial/all-mpnet-base-v2/source/"])
      mkdirSync(join(directory, begun, "all-mpnet-base-v2"), { recursive: true });
    expect(builtModel(directory, catalog, by("all-mpnet-base-v2"))).toEqual(mpnet);
    addToLock(
      directory,
      by("all-mpnet-base-v2"),
      new Map([["onnx/model.onnx", { size: 1, sha256: "0".repeat(64) }]]),
    );
    expect(() => builtModel(directory, catalog, by("all-mpnet-base-v2"))).toThrow(
      "the graphs of all-mpnet-base-v2 from Xenova/all-mpnet-base-v2 are in",
    );
  });

  test("are pulled in the best form for a GPU and the best for the CPU", () => {
    const by = (id: string) => preferredDtypes(readCatalog().find((model) => model.id === id)!);
    expect(by("all-mpnet-base-v2")).toEqual(["fp16", "fp32"]);
    expect(by("minilmv2-toxic-jigsaw")).toEqual(["q8"]);
    const deberta = readCatalog().find(({ id }) => id === "oa-deberta-v3-base")!;
    // A profile of one's own takes another where memory is short.
    expect(preferredDtypes(deberta, { cpu: "q8" })).toEqual(["fp32", "q8"]);
  });

  test("have full commits, licences, and weights in every form that they prefer", () => {
    for (const model of readCatalog()) {
      expect(model.revision).toMatch(/^[0-9a-f]{40}$/);
      expect(model.licence.url).toMatch(/^https:/);
      if (model.export) continue;
      const forms = new Set(model.files.map(({ dtype }) => dtype));
      for (const dtype of [...model.dtype.webgpu, ...model.dtype.cpu])
        expect([model.id, dtype, forms.has(dtype)]).toEqual([model.id, dtype, true]);
    }
  });
});
