import { createHash } from "node:crypto";

/** The first look comes this much sooner: who has just started a validator may be late by weeks. */
const FIRST_SHARE = 1 / 6;
/** Looks are spread over this much of the time between two, to both sides of it. */
const SPREAD = 1 / 3;
/** A server that is away for long is not asked every half an hour. */
const MAX_MS = 6 * 3_600_000;

/** How the look before went; `none` before the first one. */
export type LastLook = "none" | "good" | "failed";

/** Milliseconds to the next look for a release. Stateful: every failure after another one doubles the wait. */
export class LookTimes {
  readonly #usualMs: number;
  #failures = 0;

  /** @param place of this machine among all, 0 to below 1: so many do not ask the server at the same moment */
  constructor(intervalMs: number, place: number) {
    this.#usualMs = intervalMs * (1 - SPREAD + 2 * SPREAD * place);
  }

  next(last: LastLook): number {
    if (last === "none") return this.#usualMs * FIRST_SHARE;
    this.#failures = last === "failed" ? this.#failures + 1 : 0;
    return Math.max(this.#usualMs, Math.min(this.#usualMs * 2 ** this.#failures, MAX_MS));
  }
}

/** The place of an installation among all, always the same one. */
export function placeOf(installId: string): number {
  return createHash("sha256").update(installId).digest().readUInt32BE(0) / 2 ** 32;
}
