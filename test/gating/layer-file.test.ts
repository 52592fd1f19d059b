import { expect, test } from "bun:test";
import { layerFile } from "../../src/gating/layer-file.ts";

/** Tensors of a safetensors file, read as its format says. */
function read(bytes: Uint8Array) {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const length = Number(view.getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  const values = ([from, to]: [number, number]): number[] =>
    Array.from({ length: (to - from) / 4 }, (_, at) => view.getFloat32(8 + length + from + 4 * at, true));
  return { length, header, values, end: bytes.length - 8 - length };
}

test("a layer is a safetensors file with the tensors of a torch.nn.Linear", () => {
  const layer = {
    encoder: "wörds",
    hotkeys: ["a", "b"],
    hidden: 3,
    weight: Float32Array.of(1, 2, 3, -4, 0.5, 6),
    bias: Float32Array.of(7, -8),
  };
  const bytes = layerFile(layer);
  const { length, header, values, end } = read(bytes);
  expect(length % 8).toBe(0);
  expect(header.__metadata__).toEqual({ format: "pt", encoder: "wörds", hotkeys: '["a","b"]' });
  expect(header.weight).toMatchObject({ dtype: "F32", shape: [2, 3] });
  expect(header.bias).toMatchObject({ dtype: "F32", shape: [2] });
  expect(values(header.weight.data_offsets)).toEqual([1, 2, 3, -4, 0.5, 6]);
  expect(values(header.bias.data_offsets)).toEqual([7, -8]);
  expect(header.bias.data_offsets[1]).toBe(end);
  expect(layerFile(layer)).toEqual(bytes);
});
