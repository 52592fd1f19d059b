import { parseEvent } from "../../events/schema.ts";
import type { Row } from "../../wandb/row.ts";
import { type Identity, settingsOf } from "./run-facts.ts";
import type { EventLine, RunFacts } from "./source.ts";

/** What W&B, its client and our row maker put beside the fields of the event. */
const BESIDE = /^(?:_|kpi\/)/;
const COMMON: ReadonlySet<string> = new Set(["kind", "time", "block", "run", "sequence"]);
/** Kinds whose fields stand at the top of a row, under the names of openvalidators 1.2.0. */
const AT_TOP: ReadonlySet<unknown> = new Set(["step", "scores"]);

/** Whether this program made the row from an event. */
export function isOwnRow(row: Row): boolean {
  return typeof row.kind === "string" && typeof row.run === "string" && row.sequence !== undefined;
}

/**
 * The event that a row was made of (wandb/row.ts): the same, but for settings, which stand in the run's config.
 * @returns undefined when the row is none of ours, or lacks texts for which it was too long
 */
export function ownEvent(row: Row, identity: Identity, facts: RunFacts): EventLine | undefined {
  const { kind, time, block, run, sequence } = row;
  const base = { kind, version: 2, time, ...identity, block, run, sequence };
  const fields = Object.entries(row).filter(([name]) => !BESIDE.test(name) && !COMMON.has(name));
  const atTop = fields.filter(([name]) => !name.includes("/"));
  const event: EventLine = AT_TOP.has(kind)
    ? { ...base, ...(kind === "step" ? stepFields(atTop) : Object.fromEntries(atTop)) }
    : { ...base, ...fieldsOfKind(fields, String(kind)) };
  if (kind === "run") event.settings = settingsOf(facts.config);
  return parseEvent(event) as EventLine | undefined;
}

/** What of a step may be null. A table has a cell for every column of every kind, and null where a row has none. */
const NULLABLE: ReadonlySet<string> = new Set(["gating_loss", "inference", "cause"]);

/** The last weights ride on a row of a step, and are an event of their own. */
function stepFields(fields: readonly [string, unknown][]): EventLine {
  const nanColumns: string[] = [];
  const entries = fields
    .filter(([name, value]) => name !== "set_weights" && (value !== null || NULLABLE.has(name)))
    .map(([name, value]): [string, unknown] => {
      if (!Array.isArray(value) || !value.some((one) => typeof one === "number" && !Number.isFinite(one)))
        return [name, value];
      nanColumns.push(name);
      return [name, value.map((one) => (Number.isFinite(one) ? one : null))];
    });
  return { ...Object.fromEntries(entries), nan_columns: nanColumns };
}

function fieldsOfKind(fields: readonly [string, unknown][], kind: string): EventLine {
  const prefix = `${kind}/`;
  return Object.fromEntries(
    fields
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, value]) => [name.slice(prefix.length), value]),
  );
}
