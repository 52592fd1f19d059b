import { closeSync, openSync } from "node:fs";
import { writeWhole } from "../../base/atomic.ts";
import { linesOf } from "../../base/lines.ts";
import { stopped } from "../question.ts";
import { bytesOfFile, parseLine } from "./content.ts";
import type { EventFile } from "./source.ts";

/** Escaped backslashes, whole characters of two halves, and halves that stand alone. */
const HALVES =
  /\\\\|\\u[Dd][89ABab][\dA-Fa-f]{2}\\u[Dd][C-Fc-f][\dA-Fa-f]{2}|\\u[Dd][89A-Fa-f][\dA-Fa-f]{2}/g;
const HALF_CHARACTERS = 6;

/**
 * A line of JSON that DuckDB refuses and JavaScript reads, as DuckDB reads it: half of a character becomes U+FFFD.
 * undefined for any other line.
 */
export function mendedLine(line: string): string | undefined {
  const mended = line.replace(HALVES, (found) => (found.length === HALF_CHARACTERS ? "\\ufffd" : found));
  return mended === line || parseLine(mended) === undefined ? undefined : mended;
}

/**
 * Writes the lines of a file that can be mended to another.
 * @returns how many there are
 * @throws Failure `query.stopped`, the error of the file system or of the decompression
 */
export async function mendLines(
  { path, compression }: EventFile,
  target: string,
  signal: AbortSignal | undefined,
): Promise<number> {
  const fd = openSync(target, "wx", 0o600);
  let count = 0;
  try {
    for await (const { text } of linesOf(bytesOfFile(path, compression))) {
      if (signal?.aborted) throw stopped();
      const mended = text === undefined ? undefined : mendedLine(text);
      if (mended === undefined) continue;
      writeWhole(fd, `${mended}\n`);
      count++;
    }
  } finally {
    closeSync(fd);
  }
  return count;
}
