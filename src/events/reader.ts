import { createReadStream, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { ACTIVE_SEGMENT, closedSegments } from "./journal.ts";
import { anyEvent, type Event } from "./schema.ts";

export interface ReadOptions {
  /** Called for a line that is not an event of a known version; such lines are left out. */
  onUnreadable?(line: number, segment: string): void;
}

/** Events of one journal folder in the order they were written. Reads line by line; a partial last line is left out. */
export async function* readEvents(directory: string, options: ReadOptions = {}): AsyncGenerator<Event> {
  for (const segment of closedSegments(directory)) {
    const plain = Bun.zstdDecompressSync(readFileSync(join(directory, segment)));
    yield* parseLines(Readable.from([Buffer.from(plain)]), segment, options);
  }
  const active = join(directory, ACTIVE_SEGMENT);
  if (existsSync(active)) yield* parseLines(createReadStream(active), ACTIVE_SEGMENT, options);
}

async function* parseLines(input: Readable, segment: string, options: ReadOptions): AsyncGenerator<Event> {
  let number = 0;
  for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    number++;
    const event = parseEvent(line);
    if (event !== undefined) yield event;
    else if (line !== "") options.onUnreadable?.(number, segment);
  }
}

function parseEvent(line: string): Event | undefined {
  let raw: unknown;
  try {
    raw = JSON.parse(line);
  } catch {
    return undefined; // not JSON: reported by the caller as an unreadable line
  }
  const result = anyEvent.safeParse(raw);
  return result.success ? result.data : undefined;
}
