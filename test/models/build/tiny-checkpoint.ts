import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Checkpoint, TensorInfo } from "../../../src/models/build/checkpoint/checkpoint.ts";

/** A checkpoint that is whole in memory. */
export function tinyCheckpoint(folder: string): Checkpoint {
  const config = JSON.parse(readFileSync(join(folder, "config.json"), "utf8"));
  const bytes = readFileSync(join(folder, "model.safetensors"));
  const length = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString("utf8", 8, 8 + length)) as Record<string, any>;
  delete header.__metadata__;
  const tensors = new Map<string, TensorInfo>(
    Object.entries(header).map(([name, { dtype, shape }]) => [name, { name, dtype, shape }]),
  );
  return {
    config,
    tensors,
    others: new Map(),
    async *read(name) {
      const {
        dtype,
        data_offsets: [from, to],
      } = header[name];
      const own = new Uint8Array(bytes.subarray(8 + length + from, 8 + length + to));
      if (dtype === "F32") yield new Float32Array(own.buffer);
      else if (dtype === "F16") yield Float32Array.from(new Float16Array(own.buffer));
      else
        yield new Float32Array(Uint32Array.from(new Uint16Array(own.buffer), (half) => half * 65536).buffer);
    },
    close: async () => undefined,
  };
}
