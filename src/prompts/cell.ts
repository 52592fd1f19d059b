/**
 * The text in a row of unknown shape: that of the named column (`messages`, or `translation.en` for a cell inside a
 * cell), else of `text`, else the longest of its cells.
 * @returns undefined when there is none
 */
export function textOf(row: unknown, column: string | undefined): string | undefined {
  if (!isRecord(row)) return undefined;
  if (column !== undefined) return cellText(cellAt(row, column));
  return cellText(row.text) ?? longest(Object.values(row).map(cellText));
}

/** Names that a row's cells have, for a hint. */
export function columnsOf(row: unknown): string[] {
  return isRecord(row) ? Object.keys(row) : [];
}

/** Cells of a message: who said it stands beside. */
const CONTENT_NAMES = ["content", "text", "value"];

/**
 * The text of a cell: itself, its parts with a line end between them (lists, conversations), or of a struct the part
 * that is called as a text, else the longest.
 */
function cellText(cell: unknown): string | undefined {
  if (typeof cell === "string") return cell === "" ? undefined : cell;
  if (Array.isArray(cell)) {
    const parts = cell.map(cellText).filter((part) => part !== undefined);
    return parts.length === 0 ? undefined : parts.join("\n");
  }
  if (!isRecord(cell)) return undefined;
  const named = CONTENT_NAMES.map((name) => cellText(cell[name])).find((part) => part !== undefined);
  return named ?? longest(Object.values(cell).map(cellText));
}

function cellAt(row: Record<string, unknown>, column: string): unknown {
  if (Object.hasOwn(row, column)) return row[column];
  let cell: unknown = row;
  for (const name of column.split(".")) cell = isRecord(cell) ? cell[name] : undefined;
  return cell;
}

function longest(texts: readonly (string | undefined)[]): string | undefined {
  let best: string | undefined;
  for (const text of texts) if (text !== undefined && text.length > (best?.length ?? 0)) best = text;
  return best;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
