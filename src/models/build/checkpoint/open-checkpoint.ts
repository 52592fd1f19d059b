import { readdir } from "node:fs/promises";
import { Failure, messageOf } from "../../../base/error.ts";
import type { ModelCode } from "../../failure.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { FileCheckpoint, type Found } from "./extent.ts";
import { readSafetensors } from "./safetensors.ts";
import { joinShard, readIndex } from "./shards.ts";
import { strictObject } from "./strict-json.ts";
import { readTorchZip } from "./torch-zip.ts";
import { readSmall, WeightsFile } from "./weights-file.ts";

const MAX_CONFIG_BYTES = 1_000_000;

/** How weights are published, best first; each whole, or in shards with an index. */
const FORMS = [
  { whole: "model.safetensors", ending: ".safetensors", read: readSafetensors },
  { whole: "pytorch_model.bin", ending: ".bin", read: readTorchZip },
] as const;

/**
 * Opens the weights of a folder that holds a model as its authors published it: config.json and model.safetensors, or
 * pytorch_model.bin where there is no other, or shards of either with their index. Only headers are read here.
 * @throws Failure `model.missing` for a folder without weights, `model.corrupt` for files that contradict themselves or each
 * other, `model.refused` for what is not read here; each names the file.
 */
export async function openCheckpoint(folder: string): Promise<Checkpoint> {
  const names = await namesIn(folder);
  const config = strictObject("config.json", await readSmall(folder, "config.json", MAX_CONFIG_BYTES));
  for (const { whole, ending, read } of FORMS) {
    if (names.has(whole)) return await joined(folder, config, new Map([[whole, undefined]]), read);
    const index = `${whole}.index.json`;
    if (names.has(index)) return await joined(folder, config, await readIndex(folder, index, ending), read);
  }
  throw new Failure<ModelCode>("model.missing", {
    message: `${folder} holds no weights`,
    hint: `it must hold ${FORMS.map(({ whole }) => whole).join(" or ")}, or shards with ${FORMS[0].whole}.index.json`,
  });
}

async function namesIn(folder: string): Promise<Set<string>> {
  try {
    return new Set(await readdir(folder));
  } catch (cause) {
    throw new Failure<ModelCode>("model.missing", {
      message: `the folder of the checkpoint cannot be read: ${messageOf(cause)}`,
      hint: "name the folder that holds config.json and the weights",
      cause,
    });
  }
}

async function joined(
  folder: string,
  config: Checkpoint["config"],
  shards: ReadonlyMap<string, ReadonlySet<string> | undefined>,
  read: (file: WeightsFile) => Promise<Found>,
): Promise<Checkpoint> {
  const files: WeightsFile[] = [];
  const all: Found = { tensors: new Map(), others: new Map() };
  const checkpoint = new FileCheckpoint(config, all, files);
  try {
    for (const [name, expected] of shards) {
      const file = await WeightsFile.open(folder, name);
      files.push(file);
      const found = await read(file);
      joinShard(all, name, found, expected ?? new Set([...found.tensors.keys(), ...found.others.keys()]));
    }
    return checkpoint;
  } catch (error) {
    await checkpoint.close();
    throw error;
  }
}
