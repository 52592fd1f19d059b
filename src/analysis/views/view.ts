/** A column of a view, as `query --list`, the documentation and exported files show it. */
export interface Column {
  /** As DuckDB writes it. */
  type: string;
  /** s, ms, bytes, blocks, TAO, 0..1, …; left out where there is none. */
  unit?: string;
  doc: string;
}

/** A relation that questions are asked of. */
export interface View {
  name: string;
  doc: string;
  columns: Readonly<Record<string, Column>>;
}

/** A view that is made of others. */
export interface DerivedView extends View {
  /** The SELECT that gives its columns, from views before it. */
  sql: string;
}

/** Columns that every event has. */
export const WHERE_FROM = {
  run: { type: "VARCHAR", doc: "Process run: a UUID, or the id of a W&B run of openvalidators 1.x" },
  sequence: { type: "BIGINT", doc: "0, 1, 2, … within the run; _step of a W&B run" },
  time: { type: "TIMESTAMP", unit: "UTC", doc: "When the event was made" },
} as const satisfies Record<string, Column>;

/** A name as an SQL identifier. */
export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A text as an SQL literal. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
