import { expect, test } from "bun:test";
import { openTokenizer } from "../../../src/inference/graph/tokenizer.ts";
import { EMBEDDED_MODEL } from "../../../src/models/embedded.ts";
import { findModel, readVerified } from "../../../src/models/model-files.ts";

const TRIES = 20;

test("a tokenizer keeps no weights in memory that were read with its files", async () => {
  const model = await findModel(EMBEDDED_MODEL);
  const open = async () => {
    const files = new Map(await readVerified(model, "cpu"));
    const weights = new Uint8Array(2 ** 20);
    files.set("onnx/model_quantized.onnx", weights);
    return { tokenizer: await openTokenizer(model.manifest, files), weights: new WeakRef(weights) };
  };
  // The stack may still show the last one made, not all of them.
  const opened = [await open(), await open(), await open()];
  const held = (): number => opened.filter(({ weights }) => weights.deref() !== undefined).length;
  for (let tries = 0; tries < TRIES && held() > 0; tries++) {
    await new Promise(setImmediate);
    Bun.gc(true);
  }
  expect(held()).toBeLessThan(opened.length - 1);
  expect(opened.map(({ tokenizer }) => tokenizer.encode("a river").length)).toEqual([4, 4, 4]);
});
