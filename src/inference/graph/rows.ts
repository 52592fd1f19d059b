import type { Tensor } from "onnxruntime-node";
import type { TokenRow } from "./tokens.ts";

export type Outputs = Readonly<Record<string, Tensor>>;

/** A row of tokens, and how much of it may be computed together with other rows. */
export interface GraphRow extends TokenRow {
  /** Tokens at the start that nothing is read of; 0 when left out. */
  unread?: number;
}

/** What one run of the graph computed. */
export interface Ran {
  /** Rows that were computed; outputs begin with [count, width]. */
  count: number;
  /** Tokens of each, padding included. */
  width: number;
  /** The caller's rows among them; rows that are the same share one place. */
  places: { row: number; index: number }[];
  /** Tokens of each row that came before: the first output is that of token `offset`. */
  offset: number;
}

/** What a run needs besides ids, mask, types and positions, and what is done with its outputs. */
export interface BatchWork {
  /** Names of the outputs that are read. */
  outputs: readonly string[];
  /** @param rows the caller's rows of this run. */
  inputs?(rows: readonly number[]): Record<string, Tensor>;
  read(ran: Ran, outputs: Outputs): void;
}

/** The first of rows that are the same, and all of them. */
export type Copies = ReadonlyMap<number, readonly number[]>;

/** Many miners copy each other; a row is computed once however often it is there. */
export function equalRows(rows: readonly GraphRow[]): Copies {
  const firsts = new Map<string, number>();
  const copies = new Map<number, number[]>();
  for (const [at, { ids, types, unread }] of rows.entries()) {
    const key = `${ids.join()};${types?.join() ?? ""};${unread ?? 0}`;
    const first = firsts.get(key);
    if (first === undefined) {
      firsts.set(key, at);
      copies.set(at, [at]);
    } else copies.get(first)!.push(at);
  }
  return copies;
}
