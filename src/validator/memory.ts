import type { Memory, MemoryChanges } from "../base/vocabulary.ts";
import { MAX_ROW_WIDTH } from "./state/rows.ts";

/** A memory as judge and router still give it: a JSON value and named rows of Float32. */
export interface JudgeMemory {
  json: unknown;
  arrays: Record<string, Float32Array>;
}

/** Until judge and router say themselves what changed: all of a memory, its arrays cut into rows. */
export function wholeChanges(memory: JudgeMemory | undefined): MemoryChanges | undefined {
  if (memory === undefined) return undefined;
  const tables = Object.entries(memory.arrays).map(([name, values]) => {
    const put = new Map<number, Float32Array>();
    for (let at = 0; at < values.length; at += MAX_ROW_WIDTH)
      put.set(put.size, values.slice(at, at + MAX_ROW_WIDTH));
    return [name, { put, isWhole: true }] as const;
  });
  return { json: memory.json, tables: Object.fromEntries(tables) };
}

export function memoryOf(memory: Memory): JudgeMemory {
  const arrays = Object.entries(memory.tables).map(([name, rows]) => {
    return [name, Float32Array.from([...rows.values()].flatMap((row) => [...row]))] as const;
  });
  return { json: memory.json, arrays: Object.fromEntries(arrays) };
}
