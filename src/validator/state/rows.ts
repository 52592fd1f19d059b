import type { Database } from "bun:sqlite";
import type { RowChanges } from "../../base/vocabulary.ts";

/** Numbers in a row at most: the longest is written within a step's bytes. */
export const MAX_ROW_WIDTH = 4096;

/** How the numbers of a row stand in its blob, little-endian. */
const FLOAT32 = 0;
const FLOAT16 = 1;

interface EncodedRow {
  form: number;
  bytes: Uint8Array;
}

/** The shortest form that gives back the very same numbers. */
export function encodeRow(row: Float32Array): EncodedRow {
  const half = new Float16Array(row);
  if (half.every((value, at) => value === row[at])) return { form: FLOAT16, bytes: bytesOf(half) };
  return { form: FLOAT32, bytes: bytesOf(row) };
}

/** undefined when form and length are none that `encodeRow` gives. */
export function decodeRow({ form, bytes }: EncodedRow): Float32Array | undefined {
  // Copied, for a view needs an offset that its numbers divide.
  const { buffer } = bytes.slice();
  if (form === FLOAT16 && bytes.length % 2 === 0) return new Float32Array(new Float16Array(buffer));
  return form === FLOAT32 && bytes.length % 4 === 0 ? new Float32Array(buffer) : undefined;
}

function bytesOf(values: Float32Array | Float16Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

/** What a commit does to the rows of a table. */
interface RowPlan {
  writes: { slot: number; key: number; row: Float32Array; isNew: boolean }[];
  deletes: number[];
  /** Keys and slots afterwards, to be taken over when the transaction stands. */
  slots: Map<number, number>;
  nextSlot: number;
}

/**
 * A table of rows by an integer key. A row lies in a slot, and a new row takes the slot of one that goes in the same
 * commit: a history that forgets as much as it learns overwrites its oldest pages and neither moves nor grows the rest of the tree,
 * which would write every page around them too.
 */
export class RowTable {
  readonly #database: Database;
  readonly #name: string;
  #slots: Map<number, number>;
  #nextSlot: number;

  private constructor(database: Database, name: string, slots: Map<number, number>) {
    this.#database = database;
    this.#name = name;
    this.#slots = slots;
    let last = 0;
    for (const slot of slots.values()) last = Math.max(last, slot);
    this.#nextSlot = last + 1;
  }

  /** Makes the table in the file; part of the caller's transaction. */
  static create(database: Database, part: string, name: string): RowTable {
    const { lastInsertRowid } = database
      .query("INSERT INTO row_tables (part, name) VALUES (?, ?)")
      .run(part, name);
    const table = tableName(Number(lastInsertRowid));
    database.run(
      `CREATE TABLE ${table} (slot INTEGER PRIMARY KEY, key INTEGER NOT NULL, form INTEGER NOT NULL, numbers BLOB NOT NULL)`,
    );
    return new RowTable(database, table, new Map());
  }

  static open(database: Database, id: number): RowTable {
    const name = tableName(id);
    const found = database
      .query<{ slot: number; key: number }, []>(`SELECT slot, key FROM ${name} ORDER BY key`)
      .all();
    return new RowTable(database, name, new Map(found.map(({ slot, key }) => [key, slot])));
  }

  get size(): number {
    return this.#slots.size;
  }

  /** @returns undefined when a row is damaged */
  read(): Map<number, Float32Array> | undefined {
    const rows = new Map<number, Float32Array>();
    const found = this.#database.query<{ key: number; form: number; numbers: Uint8Array }, []>(
      `SELECT key, form, numbers FROM ${this.#name} ORDER BY key`,
    );
    for (const { key, form, numbers } of found.iterate()) {
      const row = decodeRow({ form, bytes: numbers });
      if (row === undefined) return undefined;
      rows.set(key, row);
    }
    return rows;
  }

  plan({ put, deleteBelow, isWhole }: RowChanges): RowPlan {
    const slots = new Map(this.#slots);
    const isGone = (key: number): boolean =>
      (deleteBelow !== undefined && key < deleteBelow) || (isWhole === true && !put.has(key));
    const free: number[] = [];
    for (const [key, slot] of this.#slots) {
      if (!isGone(key)) continue;
      free.push(slot);
      slots.delete(key);
    }
    free.sort((a, b) => a - b);
    const writes: RowPlan["writes"] = [];
    let nextSlot = this.#nextSlot;
    let used = 0;
    for (const [key, row] of put) {
      if (isGone(key)) continue;
      const slot = slots.get(key) ?? free[used++];
      const isNew = slot === undefined;
      writes.push({ slot: slot ?? nextSlot, key, row, isNew });
      slots.set(key, slot ?? nextSlot);
      if (isNew) nextSlot++;
    }
    return { writes, deletes: free.slice(used), slots, nextSlot };
  }

  /** Part of the caller's transaction; `accept` follows when it stands. */
  write({ writes, deletes }: RowPlan): void {
    const insert = this.#database.query(
      `INSERT INTO ${this.#name} (key, form, numbers, slot) VALUES (?, ?, ?, ?)`,
    );
    const update = this.#database.query(
      `UPDATE ${this.#name} SET key = ?, form = ?, numbers = ? WHERE slot = ?`,
    );
    for (const { slot, key, row, isNew } of writes) {
      const { form, bytes } = encodeRow(row);
      (isNew ? insert : update).run(key, form, bytes, slot);
    }
    const remove = this.#database.query(`DELETE FROM ${this.#name} WHERE slot = ?`);
    for (const slot of deletes) remove.run(slot);
  }

  accept({ slots, nextSlot }: RowPlan): void {
    this.#slots = slots;
    this.#nextSlot = nextSlot;
  }
}

function tableName(id: number): string {
  return `rows_${id}`;
}
