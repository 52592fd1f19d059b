import { mkdirSync } from "node:fs";
import { freeBytesOf, KEPT_FREE_BYTES } from "../base/disk.ts";
import { Failure } from "../base/error.ts";
import type { ModelCode } from "./failure.ts";

/** Bytes that this user may still write into a folder. */
export type FreeBytes = (directory: string) => number;

/**
 * @param what needs it, as the message calls it
 * @throws Failure `model.no-space` before a byte of a model is written that would not fit.
 */
export function checkSpace(
  directory: string,
  neededBytes: number,
  what: string,
  freeBytes: FreeBytes = freeBytesOf,
): void {
  if (neededBytes === 0) return;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const free = freeBytes(directory);
  if (hasSpace(free, neededBytes)) return;
  throw noSpace(
    `${what} needs ${sizeText(neededBytes)} more and ${sizeText(KEPT_FREE_BYTES)} to spare, and ${sizeText(free)} are free in ${directory}`,
  );
}

/** Whether so much fits, and the journal and the state still have theirs. */
export const hasSpace = (freeBytes: number, neededBytes: number): boolean =>
  freeBytes >= neededBytes + KEPT_FREE_BYTES;

function sizeText(bytes: number): string {
  return bytes < 1e9 ? `${Math.ceil(bytes / 1e6)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}

/** What the system says when a disk, or this user's share of it, fills up under a write. */
export function isDiskFull(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ENOSPC" || error.code === "EDQUOT");
}

export function noSpace(message: string, cause?: unknown): Failure<ModelCode> {
  return new Failure<ModelCode>("model.no-space", {
    message,
    hint: "free some space and pull again, it goes on where it stopped; or choose another folder with --models.dir",
    cause,
  });
}
