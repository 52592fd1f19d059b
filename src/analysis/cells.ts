import type { Value } from "./warehouse.ts";

/** A value as JSON has it. */
export type Plain = string | number | boolean | null | Plain[] | { [name: string]: Plain };

/** NaN and infinities become null, times ISO 8601, maps objects, whole numbers beyond 2^53 texts. */
export function plainOf(value: Value | undefined): Plain {
  if (value === null || value === undefined) return null;
  if (typeof value === "number") return Number.isFinite(value) ? value : null;
  if (typeof value === "bigint") return String(value);
  if (typeof value !== "object") return value;
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  if (Array.isArray(value)) return isMap(value) ? mapOf(value) : value.map((one) => plainOf(one));
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, plainOf(one as Value)]));
}

interface Entry {
  key: Value;
  value: Value;
}

/** DuckDB gives a map as its entries. */
function isMap(values: readonly Value[]): values is Entry[] & Value[] {
  return (
    values.length > 0 &&
    values.every(
      (one) =>
        typeof one === "object" &&
        one !== null &&
        Object.keys(one).length === 2 &&
        "key" in one &&
        "value" in one,
    )
  );
}

function mapOf(entries: readonly Entry[]): Plain {
  return Object.fromEntries(entries.map(({ key, value }) => [String(key), plainOf(value)]));
}

/** One line of text for a cell of a table. */
export function textOf(value: Value | undefined): string {
  const plain = plainOf(value);
  if (plain === null) return typeof value === "number" ? String(value) : "";
  return typeof plain === "object" ? JSON.stringify(plain) : String(plain);
}

/**
 * What a spreadsheet takes for a formula at the start of a cell (OWASP, "CSV injection"), also behind our own mark: with the
 * signs in full width of East Asian keyboards.
 */
export const FORMULA_PATTERN = "'*[=+\\-@\\t\\r\\n＝＋－＠]";
const FORMULA = new RegExp(`^${FORMULA_PATTERN}`);

export function isFormula(text: string): boolean {
  return FORMULA.test(text);
}

/** A text as it was before a mark told spreadsheets that it is none of their formulas. */
export function unmarkedText(cell: string): string {
  return cell.startsWith("'") && isFormula(cell) ? cell.slice(1) : cell;
}

/** Text of a cell of CSV (RFC 4180, and csv.writer as pandas uses it): quoted where it must be. */
export function quotedCell(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/**
 * A cell of CSV (RFC 4180). Text that a spreadsheet would compute gets an apostrophe before it, which spreadsheets take for
 * "this is text"; numbers stay as they are.
 */
function csvCell(value: Value | undefined): string {
  const text = textOf(value);
  const isText = typeof value === "string" || (typeof value === "object" && value !== null);
  return quotedCell(isText && isFormula(text) ? `'${text}` : text);
}

export function csvLine(values: readonly (Value | undefined)[]): string {
  return `${values.map(csvCell).join(",")}\r\n`;
}
