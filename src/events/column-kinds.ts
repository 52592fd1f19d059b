import { printable } from "../base/text.ts";
import { RATERS_SUFFIX, SHADOW_PREFIX } from "./schema.ts";

/** What a column of a step is for. */
export type ColumnKind =
  /** A reward model's raw number; its share of the reward is in `<name>_normalized`. */
  | "model"
  /** A mask's factor, 0..1. */
  | "mask"
  /** What a penalty leaves of the reward, 0..1. */
  | "penalty"
  /** Computed beside the others; counts for nothing. */
  | "shadow"
  /** A number behind one of the others. */
  | "detail";

const PENALTY_FORMS = ["_raw", "_adjusted", "_applied"];

/**
 * What each column is for, by the names alone, as the pipeline of rewards writes them: a model has `<name>` and
 * `<name>_normalized`, a penalty `<name>_raw`, `_adjusted` and `_applied`, a mask `<name>` and maybe details
 * `<name>_<detail>`.
 */
export function kindsOfColumns(names: readonly string[]): Map<string, ColumnKind> {
  const all = new Set(names);
  const kinds = new Map<string, ColumnKind>();
  const rest: string[] = [];
  for (const name of names) {
    const base = name.replace(/_(?:raw|adjusted|applied)$/, "");
    if (name.startsWith(SHADOW_PREFIX)) kinds.set(name, name.endsWith(RATERS_SUFFIX) ? "detail" : "shadow");
    else if (base !== name && PENALTY_FORMS.every((form) => all.has(base + form)))
      kinds.set(name, name.endsWith("_applied") ? "penalty" : "detail");
    else if (all.has(`${name}_normalized`)) kinds.set(name, "model");
    else if (name.endsWith("_normalized") && all.has(name.slice(0, -"_normalized".length)))
      kinds.set(name, "detail");
    else rest.push(name);
  }
  for (const name of rest) {
    const isDetail = rest.some((other) => other !== name && name.startsWith(`${other}_`));
    kinds.set(name, isDetail ? "detail" : "mask");
  }
  return kinds;
}

/**
 * A factor that leaves more took nothing: sigmoids of the masks end at 0.9999… and never at 1, and doubles are no nearer to
 * it. A thousandth of a reward is the least that is told of.
 */
export const LEFT_WHOLE = 0.999;

/** Whether a mask or penalty lowered a reward. @param factor what it left, 0..1 */
export function tookSomething(factor: number): boolean {
  return factor < LEFT_WHOLE;
}

/** Of a name that people read. */
const NAME_CHARACTERS = 60;

/**
 * A column's name as people read it: `relevance_filter` → `relevance`, `rlhf_reward_model` → `rlhf`. A journal may come from
 * a stranger, so the name is made printable.
 */
export function shortColumn(name: string): string {
  return shown(name.replace(/_applied$/, "").replace(/_(?:reward_model|filter)$/, ""));
}

function shown(name: string): string {
  return printable(name.replaceAll("_", " "), NAME_CHARACTERS);
}

/** Short names of columns that are told together: two that would be one name keep what they are for. */
export function shortColumns(names: Iterable<string>): (name: string) => string {
  const groups = Map.groupBy(new Set(names), shortColumn);
  return (name) =>
    (groups.get(shortColumn(name))?.length ?? 0) > 1
      ? shown(name.replace(/_applied$/, "").replace(/_reward_model$/, "_model"))
      : shortColumn(name);
}
