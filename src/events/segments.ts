import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";

/** The segment that is being written. */
export const ACTIVE_SEGMENT = "events.jsonl";
/** events-000001.jsonl.zst and so on: closed segments, oldest first by number; without `.zst` until it is compressed. */
const CLOSED_SEGMENT = /^events-(\d{6,})\.jsonl(\.zst)?$/;
/** What an interrupted compression leaves behind (base/atomic). */
const TEMPORARY = /^events-\d{6,}\.jsonl\.zst\..+\.tmp$/;

export interface ClosedSegment {
  name: string;
  number: number;
  isCompressed: boolean;
}

export function plainName(number: number): string {
  return `events-${String(number).padStart(6, "0")}.jsonl`;
}

export function compressedName(number: number): string {
  return `${plainName(number)}.zst`;
}

/** Every file of a closed segment, oldest first; a compressed one before the plain one of the same number. */
export function closedSegments(directory: string): ClosedSegment[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory)
    .flatMap((name) => {
      const match = CLOSED_SEGMENT.exec(name);
      return match ? [{ name, number: Number(match[1]), isCompressed: match[2] !== undefined }] : [];
    })
    .sort((a, b) => a.number - b.number || Number(b.isCompressed) - Number(a.isCompressed));
}

export function abandonedFiles(directory: string): string[] {
  return readdirSync(directory).filter((name) => TEMPORARY.test(name));
}

/** What differs once something more was written to a journal: number of the last closed segment, and the open one. */
export function journalMark(directory: string): string {
  const active = statSync(join(directory, ACTIVE_SEGMENT), { throwIfNoEntry: false });
  return [closedSegments(directory).at(-1)?.number, active?.ino, active?.size].join(" ");
}
