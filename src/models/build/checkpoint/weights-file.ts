import { constants, type Stats } from "node:fs";
import { type FileHandle, open, realpath } from "node:fs/promises";
import { join, sep } from "node:path";
import { Failure, messageOf } from "../../../base/error.ts";
import type { ModelCode } from "../../failure.ts";
import { damaged, refusedFile } from "./refusal.ts";

/** A file of a checkpoint, read by ranges and never beyond the length it had when it was opened. */
export class WeightsFile {
  readonly name: string;
  readonly size: number;
  readonly #handle: FileHandle;

  private constructor(name: string, size: number, handle: FileHandle) {
    this.name = name;
    this.size = size;
    this.#handle = handle;
  }

  /**
   * @param name of a file directly in the folder
   * @throws Failure `model.missing`, or `model.refused` for what is no regular file or lies elsewhere
   */
  static async open(folder: string, name: string): Promise<WeightsFile> {
    const path = await placeOf(folder, name);
    // Not blocked by a pipe that nobody writes to; what the link led to was looked at above.
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    const handle = await open(path, flags).catch((cause) => {
      throw new Failure<ModelCode>("model.missing", {
        message: `${name} in ${folder} cannot be read: ${messageOf(cause)}`,
        hint: "give this user the right to read it",
        cause,
      });
    });
    let stat: Stats;
    try {
      stat = await handle.stat();
      if (!stat.isFile())
        throw refusedFile(name, "is no regular file", "put the file itself into the folder");
    } catch (error) {
      await handle.close();
      throw error;
    }
    return new WeightsFile(name, stat.size, handle);
  }

  /** @throws Failure `model.corrupt` when the range is not, or no longer, in the file */
  async bytes(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    if (!(offset >= 0 && length >= 0 && offset + length <= this.size))
      throw damaged(this.name, `has ${this.size} bytes, and ${length} are wanted from byte ${offset}`);
    const bytes = new Uint8Array(length);
    for (let have = 0; have < length; ) {
      const { bytesRead } = await this.#handle.read(bytes, have, length - have, offset + have);
      if (bytesRead === 0) throw damaged(this.name, "became shorter while it was read");
      have += bytesRead;
    }
    return bytes;
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

/**
 * The whole of a small file.
 * @throws as `WeightsFile`, and Failure `model.refused` for one beyond the limit
 */
export async function readSmall(
  folder: string,
  name: string,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const file = await WeightsFile.open(folder, name);
  try {
    if (file.size > maxBytes)
      throw refusedFile(
        name,
        `has ${file.size} bytes, and no such file needs more than ${maxBytes}`,
        "take the checkpoint from where it was published",
      );
    return await file.bytes(0, file.size);
  } finally {
    await file.close();
  }
}

/** Where a file really lies, which must be in the folder: a link may lead to any secret of this machine. */
async function placeOf(folder: string, name: string): Promise<string> {
  let root: string;
  let path: string;
  try {
    root = await realpath(folder);
    path = await realpath(join(root, name));
  } catch (cause) {
    throw new Failure<ModelCode>("model.missing", {
      message: `${name} cannot be found in ${folder}: ${messageOf(cause)}`,
      hint: "the folder must hold config.json and the weights as they were published",
      cause,
    });
  }
  if (path.startsWith(root + sep)) return path;
  throw refusedFile(
    name,
    "is a link that leads out of its folder",
    "copy the folder with what its links lead to (cp -rL)",
  );
}
