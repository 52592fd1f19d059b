import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { readFileSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { InferenceSupervisor } from "../../src/inference/supervisor.ts";
import type { ModelManifest } from "../../src/models/manifest.ts";
import { findModel, readVerified } from "../../src/models/model-files.ts";
import { GRAPH, MODEL, outsideTensor, TENSOR } from "../../src/models/onnx/onnx.ts";
import { outsideFiles } from "../../src/models/onnx/outside-files.ts";
import { type Field, fieldsOf, Message } from "../../src/models/onnx/wire.ts";
import { writeFixtures } from "../fixtures/models.ts";

const ID = "tiny-bert";
const GRAPH_FILE = "onnx/model.onnx";
const WEIGHTS_FILE = "onnx/model.onnx_data";
const TEXTS = ["the sea", "a ship on the sea"];
/** Shorter tensors stay in the graph, as exporters leave them. */
const LEAST_BYTES = 256;

let fixture: ReturnType<typeof writeFixtures>;
beforeEach(() => {
  fixture = writeFixtures([ID]);
});
afterEach(() => fixture.remove());

const pathOf = (file: string): string => join(fixture.directory, ID, file);

async function vectors(): Promise<number[][]> {
  const inference = await InferenceSupervisor.start({
    device: "cpu",
    models: [ID],
    modelDirectory: fixture.directory,
  });
  try {
    return (await inference.embed(ID, TEXTS)).map((vector) => [...vector]);
  } finally {
    await inference.stop();
  }
}

/** Puts the weights of the graph into a file beside it, and the manifest right. @param location as the graph names it */
function moveWeights(location = "model.onnx_data"): void {
  const moved: Uint8Array[] = [];
  let offset = 0;
  const outside = (tensor: Field): Message => {
    const fields = fieldsOf(tensor.content);
    const content = fields.find(({ number }) => number === TENSOR.content)?.content;
    if (content === undefined || content.length < LEAST_BYTES) return new Message().copy(...fields);
    const head = new Message().copy(...fields.filter(({ number }) => number !== TENSOR.content));
    const message = outsideTensor(head, location, offset, content.length);
    moved.push(content);
    offset += content.length;
    return message;
  };
  const model = fieldsOf(readFileSync(pathOf(GRAPH_FILE)));
  const graph = model.find(({ number }) => number === MODEL.graph)!;
  const changed = new Message();
  for (const field of fieldsOf(graph.content))
    if (field.number === GRAPH.initializer) changed.message(GRAPH.initializer, outside(field));
    else changed.copy(field);
  const rest = model.filter((field) => field !== graph);
  writeFileSync(
    pathOf(GRAPH_FILE),
    new Message()
      .copy(...rest)
      .message(MODEL.graph, changed)
      .encode(),
  );
  writeFileSync(pathOf(WEIGHTS_FILE), Buffer.concat(moved));
  rewriteManifest();
}

function rewriteManifest(): void {
  const manifest: ModelManifest = JSON.parse(readFileSync(pathOf("manifest.json"), "utf8"));
  const { dtype } = manifest.files.find(({ path }) => path === GRAPH_FILE)!;
  const others = manifest.files.filter(({ path }) => path !== GRAPH_FILE && path !== WEIGHTS_FILE);
  const described = [GRAPH_FILE, WEIGHTS_FILE].map((path) => {
    const bytes = readFileSync(pathOf(path));
    return {
      path,
      size: bytes.length,
      sha256: new Bun.CryptoHasher("sha256").update(bytes).digest("hex"),
      dtype,
    };
  });
  writeFileSync(pathOf("manifest.json"), JSON.stringify({ ...manifest, files: [...others, ...described] }));
}

describe("weights beside a graph", () => {
  test("give the same vectors, and are checked without being kept in memory", async () => {
    const before = await vectors();
    moveWeights();
    expect(outsideFiles(readFileSync(pathOf(GRAPH_FILE)))).toEqual(new Set(["model.onnx_data"]));
    const files = await readVerified(await findModel(ID, fixture.directory), "cpu");
    expect([...files.keys()]).toContain(GRAPH_FILE);
    expect([...files.keys()]).not.toContain(WEIGHTS_FILE);
    expect(await vectors()).toEqual(before);
  }, 60_000);

  test("may lie behind a symbolic link", async () => {
    const before = await vectors();
    moveWeights();
    const elsewhere = join(fixture.directory, "blob");
    renameSync(pathOf(WEIGHTS_FILE), elsewhere);
    symlinkSync(elsewhere, pathOf(WEIGHTS_FILE));
    expect(await vectors()).toEqual(before);
  }, 60_000);

  test("are refused when a byte differs, or when the graph takes them from a file that nobody checked", async () => {
    moveWeights();
    const bytes = readFileSync(pathOf(WEIGHTS_FILE));
    bytes[100]! ^= 1;
    writeFileSync(pathOf(WEIGHTS_FILE), bytes);
    await expect(vectors()).rejects.toMatchObject({
      code: "model.corrupt",
      message: expect.stringContaining(WEIGHTS_FILE),
    });
    for (const location of ["other.bin", "../secret", "/etc/passwd", ""]) {
      fixture.remove();
      fixture = writeFixtures([ID]);
      moveWeights(location);
      writeFileSync(pathOf("onnx/other.bin"), readFileSync(pathOf(WEIGHTS_FILE)));
      await expect(vectors()).rejects.toMatchObject({
        code: "model.corrupt",
        message: expect.stringContaining(GRAPH_FILE),
      });
    }
  }, 60_000);
});
