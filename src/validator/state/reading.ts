import type { Database } from "bun:sqlite";
import { asBlock, asHotkey } from "../../base/units.ts";
import type { Memory } from "../../base/vocabulary.ts";
import type { MovingScores } from "../../weights/scores.ts";
import { PARTS, type Part, type SavedState } from "./content.ts";
import { corrupt } from "./failure.ts";
import type { RowTable } from "./rows.ts";
import { readMeta } from "./schema.ts";

type Tables = Readonly<Record<Part, ReadonlyMap<string, RowTable>>>;

/**
 * Everything that was committed; undefined when nothing ever was.
 * @throws Failure `state.corrupt`
 */
export function readState(database: Database, path: string, tables: Tables): SavedState | undefined {
  const saved: SavedState | undefined = readSaved(database, path);
  if (saved === undefined) return undefined;
  const meta = readMeta(database);
  for (const part of PARTS) {
    const json = meta.get(part);
    if (json !== undefined) saved[part] = readMemory(json, tables[part], path);
  }
  return saved;
}

/** Everything but the memories. @throws Failure `state.corrupt` */
export function readSaved(database: Database, path: string): Omit<SavedState, Part> | undefined {
  const meta = readMeta(database);
  if (!meta.has("steps")) return undefined;
  const numberOf = (name: string): number => {
    const value = Number(meta.get(name) ?? 0);
    if (!Number.isSafeInteger(value) || value < 0) throw corrupt(path, `its ${name} are no number`);
    return value;
  };
  return {
    created: String(meta.get("created")),
    steps: numberOf("steps"),
    evidence: { countedSteps: numberOf("counted_steps"), blocks: numberOf("blocks") },
    scores: readScores(database, path),
  };
}

function readMemory(json: unknown, tables: ReadonlyMap<string, RowTable>, path: string): Memory {
  const rows: Record<string, Map<number, Float32Array>> = {};
  for (const [name, table] of tables) {
    const found = table.read();
    if (found === undefined) throw corrupt(path, `a row of ${name} has a length that no row has`);
    rows[name] = found;
  }
  return { json: JSON.parse(String(json)), tables: rows };
}

/** @throws Failure `state.corrupt` when a uid is missing */
function readScores(database: Database, path: string): MovingScores {
  const rows = database
    .query<{ uid: number; hotkey: string; registered_at: number | null; score: number; asked: number }, []>(
      "SELECT uid, hotkey, registered_at, score, asked FROM neurons JOIN scores USING (uid) ORDER BY uid",
    )
    .all();
  if (rows.some(({ uid, score }, at) => uid !== at || !Number.isFinite(score)))
    throw corrupt(path, "its scores are not those of uid 0, 1, 2, …");
  return {
    neurons: rows.map(({ hotkey, registered_at: block }) => ({
      hotkey: asHotkey(hotkey),
      registeredAt: block === null ? undefined : asBlock(block),
    })),
    scores: Float32Array.from(rows, ({ score }) => score),
    asked: Uint32Array.from(rows, ({ asked }) => asked),
  };
}
