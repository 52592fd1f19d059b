import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";

/** Larger pieces spare turns of the event loop on files of gigabytes. */
const PIECE_BYTES = 1 << 20;

/** SHA-256 of a file, hex, without holding it in memory. @throws the error of the file system */
export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const piece of createReadStream(path, { highWaterMark: PIECE_BYTES })) hash.update(piece);
  return hash.digest("hex");
}
