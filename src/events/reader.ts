import { createReadStream, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ACTIVE_SEGMENT, closedSegments } from "./journal.ts";
import { type AnyEvent, parseEvent } from "./schema.ts";

export interface ReadOptions {
  /** Called for a line that is not an event of a known version; such lines are left out. */
  onUnreadable?(line: number, segment: string): void;
}

/** Events of one journal folder in the order they were written. Reads line by line; a partial last line is left out. */
export async function* readEvents(directory: string, options: ReadOptions = {}): AsyncGenerator<AnyEvent> {
  for (const segment of closedSegments(directory)) {
    const plain = Bun.zstdDecompressSync(readFileSync(join(directory, segment)));
    yield* parseEvents([Buffer.from(plain)], segment, options);
  }
  const active = join(directory, ACTIVE_SEGMENT);
  if (existsSync(active)) yield* parseEvents(createReadStream(active), ACTIVE_SEGMENT, options);
}

type Chunks = Iterable<Buffer> | AsyncIterable<Buffer>;

async function* parseEvents(input: Chunks, segment: string, options: ReadOptions): AsyncGenerator<AnyEvent> {
  let number = 0;
  for await (const line of linesOf(input)) {
    number++;
    const event = eventOf(line);
    if (event !== undefined) yield event;
    else if (line !== "") options.onUnreadable?.(number, segment);
  }
}

/** Lines end at a line feed and nowhere else: node:readline also ends them at U+2028, which a miner may write. */
async function* linesOf(input: Chunks): AsyncGenerator<string> {
  let parts: Buffer[] = [];
  for await (const chunk of input) {
    let start = 0;
    for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, start)) {
      yield Buffer.concat([...parts, chunk.subarray(start, end)]).toString("utf8");
      parts = [];
      start = end + 1;
    }
    parts.push(chunk.subarray(start));
  }
  const rest = Buffer.concat(parts).toString("utf8");
  if (rest !== "") yield rest;
}

function eventOf(line: string): AnyEvent | undefined {
  let raw: unknown;
  try {
    raw = JSON.parse(line);
  } catch {
    return undefined; // not JSON: reported by the caller as an unreadable line
  }
  return parseEvent(raw);
}
