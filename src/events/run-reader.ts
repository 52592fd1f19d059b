import { closeSync, existsSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { bytesOf, eventOf, readEvents } from "./reader.ts";
import type { AnyEvent, Event } from "./schema.ts";
import { ACTIVE_SEGMENT, closedSegments } from "./segments.ts";

/** A first line is looked for in steps of this. */
const PIECE_BYTES = 1 << 20;

/**
 * Events of one process run in the order they were written, from `sequence` on or from somewhat before. A journal may
 * have gigabytes of other runs; its segments are read only from the one on in which that event is.
 * @param since ISO 8601: no event of the run is older
 * @throws the error of the file system or of the decompression
 */
export async function* readRunEvents(
  directory: string,
  { run, sequence, since }: { run: string; sequence: number; since: string },
): AsyncGenerator<Event> {
  const isBefore = (event: AnyEvent): boolean =>
    event.version === 2 && event.run === run ? event.sequence <= sequence : event.time <= since;
  for await (const event of readEvents(directory, { closedSegments: neededSegments(directory, isBefore) }))
    if (event.version === 2 && event.run === run) yield event;
}

/** How many closed segments, from the newest backwards, reach to before what is looked for. */
function neededSegments(directory: string, isBefore: (event: AnyEvent) => boolean): number {
  const active = firstEventOf(firstLineOf(join(directory, ACTIVE_SEGMENT)));
  if (active !== undefined && isBefore(active)) return 0;
  const numbers = new Set<number>();
  for (const segment of closedSegments(directory).reverse()) {
    numbers.add(segment.number);
    const bytes = bytesOf(directory, segment);
    const event = firstEventOf(bytes?.subarray(0, Math.max(0, bytes.indexOf(0x0a))));
    if (event !== undefined && isBefore(event)) break;
  }
  return numbers.size;
}

function firstEventOf(line: Buffer | undefined): AnyEvent | undefined {
  return line === undefined ? undefined : eventOf(line.toString("utf8"));
}

function firstLineOf(path: string): Buffer | undefined {
  if (!existsSync(path)) return undefined;
  const fd = openSync(path, "r");
  try {
    const parts: Buffer[] = [];
    for (;;) {
      const piece = Buffer.alloc(PIECE_BYTES);
      const read = readSync(fd, piece);
      if (read === 0) return undefined;
      const end = piece.subarray(0, read).indexOf(0x0a);
      parts.push(piece.subarray(0, end < 0 ? read : end));
      if (end >= 0) return Buffer.concat(parts);
    }
  } finally {
    closeSync(fd);
  }
}
