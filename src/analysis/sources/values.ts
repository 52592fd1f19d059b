import type { Row } from "../../wandb/row.ts";

/** Words for numbers that JSON has not, as Python's helpers and ours wrote them into rows. */
const SPECIAL = /^[+-]?(?:nan|inf|infinity)$/i;

/** A number, null for one that is none (NaN, infinite, null, absent); undefined for a value of another type. */
export function numberOf(value: unknown): number | null | undefined {
  if (typeof value === "number") return Number.isFinite(value) ? value : null;
  if (value === null || value === undefined || value === "") return null;
  if (typeof value !== "string") return undefined;
  if (SPECIAL.test(value)) return null;
  const number = Number(value);
  return Number.isFinite(number) ? number : undefined;
}

/** Each a number or null; undefined when it is no list of such. */
export function numbersOf(value: unknown): (number | null)[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const numbers: (number | null)[] = [];
  for (const one of value) {
    const number = numberOf(one);
    if (number === undefined) return undefined;
    numbers.push(number);
  }
  return numbers;
}

/** Whole numbers from 0 on; undefined when it is no list of such. */
export function countsOf(value: unknown): number[] | undefined {
  const numbers = numbersOf(value);
  return numbers?.every((one) => Number.isSafeInteger(one) && one! >= 0) ? (numbers as number[]) : undefined;
}

/** Texts, empty for null; undefined when it is no list of such. */
export function textsOf(value: unknown): string[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const isNone = (one: unknown): boolean => one === null || (typeof one === "number" && Number.isNaN(one));
  if (!value.every((one) => typeof one === "string" || isNone(one))) return undefined;
  return value.map((one) => (typeof one === "string" ? one : ""));
}

/** ISO 8601 of a time in seconds since 1970, or as pandas writes one, which is UTC; null when it is none. */
export function timeOf(value: unknown): string | null {
  const seconds = numberOf(value);
  const text = String(value).trim();
  const ms =
    typeof seconds === "number"
      ? seconds * 1000
      : Date.parse(/[zZ]$|[+-]\d\d:?\d\d$/.test(text) ? text : `${text.replace(" ", "T")}Z`);
  return Number.isFinite(ms) && Math.abs(ms) < 8.64e15 ? new Date(ms).toISOString() : null;
}

export function textOf(row: Row, name: string): string | undefined {
  const value = Object.hasOwn(row, name) ? row[name] : undefined;
  return typeof value === "string" ? value : undefined;
}
