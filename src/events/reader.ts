import { createReadStream, existsSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { linesOf } from "../base/lines.ts";
import { withoutMark } from "../base/text.ts";
import { type AnyEvent, parseEvent, type StepEvent } from "./schema.ts";
import { ACTIVE_SEGMENT, type ClosedSegment, closedSegments, compressedName } from "./segments.ts";
import type { StepEventV1 } from "./version-1.ts";

export interface ReadOptions {
  /** Called for a line that is not an event of a known version; such lines are left out. */
  onUnreadable?(line: number, segment: string): void;
  /** Reads no more than so many of the closed segments, the newest; all when left out. */
  closedSegments?: number;
}

/**
 * Events of one journal folder in the order they were written, of both versions, each of version 2 once. Reads line by
 * line; a partial last line is left out. A validator may write and rotate meanwhile: what was there at the call is given.
 * @throws the error of the file system or of the decompression, for a segment that is damaged as a whole
 */
export async function* readEvents(directory: string, options: ReadOptions = {}): AsyncGenerator<AnyEvent> {
  // Opened first: a segment that is renamed while the closed ones are read is still this file.
  const path = join(directory, ACTIVE_SEGMENT);
  const active = existsSync(path)
    ? createReadStream(path, { fd: openSync(path, "r"), autoClose: true })
    : undefined;
  try {
    const seen = new SeenSequences();
    let last = 0;
    for (const segment of newestOf(closedSegments(directory), options.closedSegments)) {
      // Both forms are there when a crash came between compressing and removing; the compressed one comes first.
      if (segment.number === last) continue;
      last = segment.number;
      const bytes = bytesOf(directory, segment);
      if (bytes !== undefined) yield* eventsOf([bytes], segment.name, seen, options);
    }
    if (active) yield* eventsOf(active, ACTIVE_SEGMENT, seen, options);
  } finally {
    active?.destroy();
  }
}

/** The segments of the highest numbers; a number may be there in both forms. */
function newestOf(segments: readonly ClosedSegment[], count = Number.POSITIVE_INFINITY): ClosedSegment[] {
  const numbers = [...new Set(segments.map(({ number }) => number))];
  const kept = new Set(numbers.slice(Math.max(0, numbers.length - count)));
  return segments.filter(({ number }) => kept.has(number));
}

/** The plain content; undefined when the segment was dropped for the disk budget since it was listed. */
export function bytesOf(
  directory: string,
  { name, number, isCompressed }: ClosedSegment,
): Buffer | undefined {
  const plain = join(directory, name);
  if (!isCompressed && existsSync(plain)) return readFileSync(plain);
  const compressed = join(directory, compressedName(number));
  return existsSync(compressed) ? Bun.zstdDecompressSync(readFileSync(compressed)) : undefined;
}

/** Sequence numbers that were read, by run. A line is repeated where a segment was copied, by hand or by a backup. */
class SeenSequences {
  /** Ranges [from, to] of each run; nearly always one. */
  readonly #byRun = new Map<string, [number, number][]>();

  /** Whether this event is the first with its number. */
  add(event: AnyEvent): boolean {
    if (event.version !== 2) return true;
    const { run, sequence } = event;
    const ranges = this.#byRun.get(run) ?? [];
    this.#byRun.set(run, ranges);
    if (ranges.some(([from, to]) => sequence >= from && sequence <= to)) return false;
    const before = ranges.find(([, to]) => to === sequence - 1);
    if (before) before[1] = sequence;
    else ranges.push([sequence, sequence]);
    return true;
  }
}

type Chunks = Iterable<Buffer> | AsyncIterable<Buffer>;

async function* eventsOf(
  input: Chunks,
  segment: string,
  seen: SeenSequences,
  options: ReadOptions,
): AsyncGenerator<AnyEvent> {
  let number = 0;
  for await (const { text, isWhole } of linesOf(input)) {
    number++;
    const event = text === undefined ? undefined : eventOf(text);
    if (event !== undefined) {
      if (seen.add(event)) yield event;
    } else if (isWhole && text !== "") options.onUnreadable?.(number, segment);
  }
}

/** undefined for a line that is no event of a known version. */
export function eventOf(line: string): AnyEvent | undefined {
  let raw: unknown;
  try {
    raw = JSON.parse(withoutMark(line));
  } catch {
    return undefined; // not JSON: reported by the caller as an unreadable line
  }
  return parseEvent(raw);
}

/** Fields of a step that version 1 did not have. */
type NewInVersion2 = "run" | "sequence" | "step" | "base_prompt" | "stages";

/** A step of either version in the shape of version 2, null where version 1 did not tell; columns as in the journal. */
export type AnyStep = Omit<StepEvent, "version" | NewInVersion2> & { version: 1 | 2 } & {
  [Name in NewInVersion2]: StepEvent[Name] | null;
};

/** A step of version 1 in the shape of version 2. All its questions came of the dataset, and all steps counted. */
export function liftStep(step: StepEventV1): AnyStep {
  return {
    ...step,
    run: null,
    sequence: null,
    step: null,
    task: step.name.replace(/\d+$/, "") as AnyStep["task"],
    origin: "dataset",
    stages: null,
    inference: null,
    base_prompt: null,
    counted: true,
    cause: null,
  };
}
