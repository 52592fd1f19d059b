import { Failure } from "../../base/error.ts";
import type { LocalnetCode } from "./scale.ts";

/** @throws Failure `localnet.bad-request` unless it is a number within these */
export function numberOf(value: unknown, min: number, max: number): number {
  const number = Number(value);
  if (value === undefined || value === "" || !(number >= min && number <= max))
    throw refusedRequest(`a number from ${min} to ${max} is expected`);
  return number;
}

/** @throws Failure `localnet.bad-request` */
export function switchOf(value: unknown): boolean {
  if (String(value) !== "true" && String(value) !== "false")
    throw refusedRequest("true or false is expected");
  return String(value) === "true";
}

export const refusedRequest = (reason: string): Failure<LocalnetCode> =>
  new Failure<LocalnetCode>("localnet.bad-request", { message: `Cannot do that: ${reason}` });
