import { createHash } from "node:crypto";
import { closeSync, openSync, readSync } from "node:fs";
import { writeWhole } from "../../base/atomic.ts";
import { linesOf } from "../../base/lines.ts";
import { lineOf } from "../../events/line.ts";
import { eventOf, liftStep } from "../../events/reader.ts";
import type { AnyEvent } from "../../events/schema.ts";
import type { Row } from "../../wandb/row.ts";
import { stopped } from "../question.ts";
import { bytesOfFile } from "./content.ts";
import { exportedEvents } from "./exported-rows.ts";
import { oldEvents } from "./old-rows.ts";
import { isOwnRow, ownEvent } from "./own-rows.ts";
import { rowsOfFile } from "./rows-of-file.ts";
import { identityOf, runLine } from "./run-facts.ts";
import type { Content, EventLine, RunFacts } from "./source.ts";
import { numberOf, textOf, timeOf } from "./values.ts";

const WRITE_BYTES = 1 << 20;
const HEAD_BYTES = 1 << 16;

export interface Converted {
  events: number;
  unreadable: number;
}

/**
 * Writes the events of a file of another form to `target`, one line each, as they are read.
 * @param counted is kept up to date, so that it is right also where this throws
 * @throws the error of the file system or of the decompression
 */
export async function convert(
  path: string,
  content: Content,
  target: string,
  counted: Converted,
  signal?: AbortSignal,
): Promise<void> {
  const fd = openSync(target, "wx", 0o600);
  let waiting: Uint8Array[] = [];
  let sizeBytes = 0;
  const flush = (): void => {
    writeWhole(fd, Buffer.concat(waiting));
    waiting = [];
    sizeBytes = 0;
  };
  try {
    for await (const events of eventsIn(path, content)) {
      if (signal?.aborted) throw stopped();
      const lines = events === undefined ? undefined : linesOrNone(events);
      if (lines === undefined) counted.unreadable++;
      for (const line of lines ?? []) {
        counted.events++;
        waiting.push(line);
        sizeBytes += line.length;
      }
      if (sizeBytes >= WRITE_BYTES) flush();
    }
  } finally {
    flush();
    closeSync(fd);
  }
}

function eventsIn(path: string, content: Content): AsyncGenerator<EventLine[] | undefined> {
  switch (content.kind) {
    case "journal of version 1":
      return liftedEvents(path, content);
    case "exported CSV":
    case "exported JSON lines":
      return exportedEvents(path, content);
    default:
      return rowEvents(path, content);
  }
}

/** undefined for values nested deeper than JSON can be written. */
function linesOrNone(events: readonly EventLine[]): Uint8Array[] | undefined {
  try {
    return events.map((event) => lineOf(event as unknown as AnyEvent));
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** Events of version 1 in the shape of version 2; a journal may go on in version 2. undefined for other lines. */
async function* liftedEvents(path: string, content: Content): AsyncGenerator<EventLine[] | undefined> {
  for await (const { text, isWhole } of linesOf(bytesOfFile(path, content.compression))) {
    if (text === "") continue;
    const event = text === undefined ? undefined : eventOf(text);
    if (event !== undefined) yield [event.version === 2 ? { ...event } : lift(event, text!)];
    else if (isWhole) yield undefined;
  }
}

/**
 * Version 1 counted nothing. A run is what one hotkey did on one subnet, and an event's number is its time with a part of
 * its hash, so that a copy of the line is the same event, and the numbers run as the events did.
 */
function lift(event: Exclude<AnyEvent, { version: 2 }>, text: string): EventLine {
  const hash = createHash("sha256").update(text).digest().readUInt16LE() & 1023;
  const place = {
    version: 2,
    run: `version-1:${event.netuid}:${event.hotkey}`,
    sequence: Math.max(0, Date.parse(event.time) || 0) * 1024 + hash,
  };
  switch (event.kind) {
    case "step":
      return { ...liftStep(event), ...place };
    case "weights": {
      const { error, values } = event;
      const total = values.reduce((sum, value) => sum + value, 0);
      const shares = event.uids.map((uid, at) => [uid, (values[at] ?? 0) / total]);
      const state = error === null ? "included" : "refused";
      const setWeights = total > 0 ? shares.filter(([, share]) => share! > 0) : [];
      return { ...event, ...place, state, set_weights: setWeights, reason: null, blocks_left: null };
    }
    case "reveal":
      return { ...event, ...place, state: event.error === null ? "revealed" : "missing", reveal_round: null };
    case "scores":
      return { ...event, ...place, asked: [] };
  }
}

async function* rowEvents(path: string, content: Content): AsyncGenerator<EventLine[] | undefined> {
  let number = 0;
  let last: { facts: RunFacts; run: string; time: string | null } | undefined;
  const told = new Set<string>();
  for await (const { row, facts } of rowsOfFile(path, content)) {
    number++;
    if (row === undefined) {
      yield undefined;
      continue;
    }
    const identity = identityOf(facts);
    if (isOwnRow(row)) {
      const event = ownEvent(row, identity, facts);
      if (event?.kind === "run") told.add(String(event.run));
      if (event !== undefined) last = { facts, run: String(event.run), time: String(event.time) };
      yield event && [event];
      continue;
    }
    const named = textOf(row, "run_id") ?? facts.id;
    const run = named ?? nameByContent(path);
    const step = named === undefined ? number - 1 : (numberOf(row._step) ?? number - 1);
    last = { facts, run, time: timeOf(row._timestamp) };
    if (!isBesideEvents(row)) yield oldEvents(row, { run, sequence: step, identity });
  }
  const rest = last && !told.has(last.run) ? runLine(last.facts, last.run, last.time) : undefined;
  if (rest !== undefined) yield [rest];
}

/** Old validators also logged rows without an event: the step and block of a checkpoint. */
function isBesideEvents(row: Row): boolean {
  return !Object.entries(row).some(
    ([name, value]) => value !== null && /completions$|^set_weights$|^moving_averaged_scores$/.test(name),
  );
}

/** A file without a run is a run of its own, wherever it lies. */
function nameByContent(path: string): string {
  const head = Buffer.alloc(HEAD_BYTES);
  const fd = openSync(path, "r");
  try {
    const length = readSync(fd, head);
    return `file-${createHash("sha256").update(head.subarray(0, length)).digest("hex").slice(0, 12)}`;
  } finally {
    closeSync(fd);
  }
}
