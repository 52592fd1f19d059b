import { EVENTS } from "../views/events.ts";
import { STEPS } from "../views/steps.ts";
import type { View } from "../views/view.ts";
import { DERIVED } from "../views/views.ts";

/** Columns of earlier programs' exports, too; those of later ones are read where they are. */
const SIGN_OF: readonly [view: View, names: readonly string[]][] = [
  [STEPS, ["run", "sequence", "step_length_s", "uids", "status_codes", "columns"]],
  [EVENTS, ["run", "sequence", "version", "kind", "body"]],
];
/**
 * What `events export --to csv` or `--to jsonl` wrote, by the names of its columns: one of the two views that all others
 * follow from, or `derived` for one of those others. undefined for other tables.
 */
export function exportedView(names: readonly string[]): View | "derived" | undefined {
  const known = new Set(names);
  const stored = SIGN_OF.find(([, signs]) => signs.every((name) => known.has(name)));
  if (stored !== undefined) return stored[0];
  const isDerived = DERIVED.some(({ columns }) => {
    const own = Object.keys(columns);
    return own.length === known.size && own.every((name) => known.has(name));
  });
  return isDerived ? "derived" : undefined;
}
