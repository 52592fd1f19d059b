import type { Value } from "../warehouse.ts";
import type { Recipe } from "./recipe.ts";
import type { Grain } from "./rows.ts";

/** A field of an example, as Hugging Face's card writes its type. */
export type Feature = { name: string } & (
  | { dtype: string }
  | { list: string | readonly Feature[] }
  | { struct: readonly Feature[] }
);

/** What is known of the rows before the first example is written. */
export interface Known {
  /** Columns of models, masks and penalties that any row has, sorted. */
  columns: readonly string[];
}

/** What examples are made of: all of it or, of a shape in order, that of some steps. */
export interface From {
  /** Relation of the chosen rows: `id` and, of a pair, `rejected`. */
  picked: string;
  /** Relation of the rows. */
  kept: string;
  /** A condition on the prompt of a relation `k`. */
  side: string;
}

/** How one format looks. */
export interface Shape {
  extension: "json" | "jsonl" | "csv" | "parquet";
  grain: Grain;
  /** One sentence on what an example is. */
  example: string;
  /** Fields for readers of tables; none where the file is one object. */
  features(known: Known): readonly Feature[];
  /** Whether the examples of a later step come after those of an earlier one, so that they can be made step by step. */
  isInOrder: boolean;
  /** Rows in their order. */
  select(recipe: Recipe, from: From, known: Known): string;
  /** How rows become text; none for Parquet, which the database writes. */
  text?: {
    head: string;
    between: string;
    tail: string;
    /** One entry for each example; counts cells that were changed. */
    entries(
      rows: AsyncIterable<Value[]>,
      recipe: Recipe,
      known: Known,
      changed: () => void,
    ): AsyncIterable<string>;
  };
}

export const TEXT = { dtype: "string" };
export const NUMBER = { dtype: "float64" };

export const LINES = { head: "", between: "", tail: "" };

export function each(entry: (row: Value[]) => string) {
  return async function* (rows: AsyncIterable<Value[]>): AsyncGenerator<string> {
    for await (const row of rows) yield entry(row);
  };
}
