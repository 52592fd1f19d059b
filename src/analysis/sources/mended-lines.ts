import { closeSync, openSync } from "node:fs";
import { writeWhole } from "../../base/atomic.ts";
import { linesOf } from "../../base/lines.ts";
import { withoutMark } from "../../base/text.ts";
import { stopped } from "../question.ts";
import { bytesOfFile, parseLine } from "./content.ts";
import type { EventFile } from "./source.ts";

/** Escaped backslashes, whole characters of two halves, and halves that stand alone. */
const HALVES =
  /\\\\|\\u[Dd][89ABab][\dA-Fa-f]{2}\\u[Dd][C-Fc-f][\dA-Fa-f]{2}|\\u[Dd][89A-Fa-f][\dA-Fa-f]{2}/g;
const HALF_CHARACTERS = 6;
/** No event either. */
const TOO_LONG = "…";

/**
 * A line of JSON that DuckDB refuses and JavaScript reads, as DuckDB reads it: half of a character becomes U+FFFD, and a
 * byte order mark is left out.
 * undefined for any other line.
 */
export function mendedLine(line: string): string | undefined {
  const mended = withoutMark(line).replace(HALVES, (found) =>
    found.length === HALF_CHARACTERS ? "\\ufffd" : found,
  );
  return mended === line || parseLine(mended) === undefined ? undefined : mended;
}

/** What of a file was written to another. */
export interface MendedLines {
  /** Lines that were mended. */
  count: number;
  /** The other file has all lines, and takes the place of the first. */
  isWhole: boolean;
}

/**
 * Writes the lines of a file that can be mended to another; all its lines where it begins with a byte order mark, behind
 * which DuckDB reads the first line of one file and refuses that of another.
 * @throws Failure `query.stopped`, the error of the file system or of the decompression
 */
export async function mendLines(
  { path, compression }: EventFile,
  target: string,
  signal: AbortSignal | undefined,
): Promise<MendedLines> {
  const fd = openSync(target, "wx", 0o600);
  let count = 0;
  let isWhole: boolean | undefined;
  try {
    for await (const { text } of linesOf(bytesOfFile(path, compression))) {
      if (signal?.aborted) throw stopped();
      isWhole ??= text?.startsWith("\ufeff") ?? false;
      const mended = text === undefined ? undefined : mendedLine(text);
      if (mended !== undefined) count++;
      if (mended !== undefined || isWhole) writeWhole(fd, `${mended ?? text ?? TOO_LONG}\n`);
    }
  } finally {
    closeSync(fd);
  }
  return { count, isWhole: isWhole === true };
}
