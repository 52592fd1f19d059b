import { mkdirSync } from "node:fs";
import { freeBytesOf } from "../base/disk.ts";
import { Failure } from "../base/error.ts";
import type { ModelCode } from "./failure.ts";

/** Left free beside a pulled model, for the journal and the state. */
const DISK_RESERVE_BYTES = 200_000_000;

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
  if (free >= neededBytes + DISK_RESERVE_BYTES) return;
  throw noSpace(
    `${what} needs ${sizeText(neededBytes)} more and ${sizeText(DISK_RESERVE_BYTES)} to spare, and ${sizeText(free)} are free in ${directory}`,
  );
}

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
