import { Failure } from "../../base/error.ts";
import type { LocalnetCode } from "./scale.ts";

/** A decimal number as people write it, else NaN: Number() also takes "", "0x10" and "1e3". */
export const decimalOf = (value: unknown): number =>
  /^\d+(?:\.\d+)?$/.test(String(value)) ? Number(value) : Number.NaN;

/** @throws Failure `localnet.bad-request` unless it is a number within these */
export function numberOf(value: unknown, min: number, max: number): number {
  const number = decimalOf(value);
  if (!(number >= min && number <= max)) throw unexpected(`a number from ${min} to ${max}`, value);
  return number;
}

/** As `numberOf`, of what is counted: uids, blocks, ports. */
export function wholeOf(value: unknown, min: number, max: number): number {
  const number = decimalOf(value);
  if (!(Number.isInteger(number) && number >= min && number <= max))
    throw unexpected(`a whole number from ${min} to ${max}`, value);
  return number;
}

/** @throws Failure `localnet.bad-request` */
export function switchOf(value: unknown): boolean {
  if (String(value) !== "true" && String(value) !== "false") throw unexpected("true or false", value);
  return String(value) === "true";
}

export const unexpected = (expected: string, value: unknown): Failure<LocalnetCode> =>
  refusedRequest(`${expected} is expected, not ${JSON.stringify(value) ?? "nothing"}`);

export const refusedRequest = (reason: string): Failure<LocalnetCode> =>
  new Failure<LocalnetCode>("localnet.bad-request", { message: `Cannot do that: ${reason}` });
