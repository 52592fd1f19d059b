export interface NamedLayer {
  /** The model that encodes prompts. */
  encoder: string;
  /** Of the miner that each row belongs to. */
  hotkeys: readonly string[];
  hidden: number;
  /** Shape [rows, hidden]. */
  weight: Float32Array;
  /** Shape [rows]. */
  bias: Float32Array;
}

/** Header and data begin at a multiple of it, so that readers can map the file. */
const ALIGNMENT = 8;

/**
 * A layer in the format safetensors: the length of the header (u64, little-endian), the header (JSON: name → dtype, shape
 * and place of each tensor), the tensors. Tensors are called as in the state of a torch.nn.Linear; row = uid. The same
 * layer always gives the same bytes.
 */
export function layerFile({ encoder, hotkeys, hidden, weight, bias }: NamedLayer): Uint8Array<ArrayBuffer> {
  const header = JSON.stringify({
    __metadata__: { format: "pt", encoder, hotkeys: JSON.stringify(hotkeys) },
    weight: { dtype: "F32", shape: [bias.length, hidden], data_offsets: [0, weight.byteLength] },
    bias: {
      dtype: "F32",
      shape: [bias.length],
      data_offsets: [weight.byteLength, weight.byteLength + bias.byteLength],
    },
  });
  const length = Math.ceil(Buffer.byteLength(header) / ALIGNMENT) * ALIGNMENT;
  const start = ALIGNMENT + length;
  const bytes = new Uint8Array(start + weight.byteLength + bias.byteLength).fill(0x20, ALIGNMENT, start);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(length), true);
  bytes.set(Buffer.from(header, "utf8"), ALIGNMENT);
  for (const [at, value] of weight.entries()) view.setFloat32(start + 4 * at, value, true);
  for (const [at, value] of bias.entries()) view.setFloat32(start + weight.byteLength + 4 * at, value, true);
  return bytes;
}
