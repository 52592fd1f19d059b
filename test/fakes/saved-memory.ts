import type { Memory, MemoryChanges } from "../../src/base/vocabulary.ts";
import { encodeRow } from "../../src/validator/state/rows.ts";

/** What a state would hold after it was told these changes. Counts what a real one would write. */
export class SavedMemory implements Memory {
  json: unknown = undefined;
  readonly tables: Record<string, Map<number, Float32Array>> = {};
  /** Bytes of rows, as the state encodes them, and of JSON. */
  writtenBytes = 0;

  take(changes: MemoryChanges | undefined): this {
    if (changes === undefined) return this;
    const text = JSON.stringify(changes.json);
    this.json = JSON.parse(text);
    this.writtenBytes += text.length;
    for (const [name, { put, deleteBelow, isWhole = false }] of Object.entries(changes.tables)) {
      if (isWhole) this.tables[name] = new Map();
      this.tables[name] ??= new Map();
      const rows = this.tables[name];
      for (const [key, row] of put) {
        rows.set(key, row.slice());
        this.writtenBytes += encodeRow(row).bytes.length;
      }
      for (const key of rows.keys()) if (key < (deleteBelow ?? key)) rows.delete(key);
    }
    return this;
  }
}
