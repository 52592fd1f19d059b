/**
 * `bad-source`: the dataset is not what was asked for, and asking again does not help. `unreachable`: it may help
 * later. `no-text`: rows came, but none that can be asked about.
 */
export type PromptsCode = "prompts.bad-source" | "prompts.unreachable" | "prompts.no-text";

/** Where raw rows come from, from a random place each time. */
export interface Feed {
  /** For the log: what the operator named. */
  readonly name: string;
  /** True when every read gives all there is, so that a second read brings nothing new. */
  readonly isWhole: boolean;
  /** The text cells of some rows; anything may be in them. */
  read(signal: AbortSignal): Promise<unknown[]>;
}

/** The text in a row of unknown shape: the named column, else `text`, else its longest string. */
export function textOf(row: unknown, column: string | undefined): unknown {
  if (typeof row !== "object" || row === null) return undefined;
  const cells = row as Record<string, unknown>;
  if (column !== undefined) return cells[column];
  if (typeof cells.text === "string") return cells.text;
  return Object.values(cells)
    .filter((cell) => typeof cell === "string")
    .reduce((longest: string, cell) => (cell.length > longest.length ? cell : longest), "");
}
