import { columnsOf, type Event, type StepEvent, type WeightsEvent } from "../events/schema.ts";
import { answeredIn, meanRewardIn } from "../events/step-figures.ts";

/** One line of a W&B history. Names are those that openvalidators 1.2.0 gave, where it had the field. */
export type Row = Record<string, unknown>;

/** A block's duration is measured over so many blocks: events come at any time within one. */
const MEASURED_BLOCKS = 10;

/**
 * Turns the events of one process into rows, one each. Steps and scores keep the names of openvalidators 1.2.0 at the top;
 * every other kind stands under its own name (`chain/state`), which W&B groups by. The four headline figures of the old
 * dashboards are under `kpi/`; the fourth, the hardware, are the system metrics of the run.
 */
export class RowMaker {
  readonly #weightsStepLength: number;
  #setWeights: WeightsEvent["set_weights"] | undefined;
  #measured: { block: number; timeMs: number } | undefined;
  #blockSeconds: number | undefined;

  /** @param weightsStepLength every so many steps a row has the weights that were last set (`--wandb.weights_step_length`) */
  constructor(weightsStepLength: number) {
    this.#weightsStepLength = weightsStepLength;
  }

  /** To be called with every event of the process, in order. */
  row(event: Event): Row {
    this.#measureBlocks(event);
    const base: Row = {
      kind: event.kind,
      time: event.time,
      block: event.block,
      run: event.run,
      sequence: event.sequence,
    };
    if (this.#blockSeconds !== undefined) base["kpi/block_seconds"] = this.#blockSeconds;
    switch (event.kind) {
      case "step":
        return { ...base, ...this.#step(event) };
      case "scores":
        return {
          ...base,
          hotkeys: event.hotkeys,
          moving_averaged_scores: event.moving_averaged_scores,
          asked: event.asked,
        };
      case "weights":
        if (event.set_weights.length > 0) this.#setWeights = event.set_weights;
        return { ...base, ...underKind(event) };
      case "forward":
        return { ...base, ...underKind(event), "kpi/forward_seconds": event.seconds };
      case "run": {
        // The settings are in the run's config; as metrics they would be hundreds of names without a course.
        const { settings: _, ...rest } = event;
        return { ...base, ...underKind(rest) };
      }
      default:
        return { ...base, ...underKind(event) };
    }
  }

  #step(event: StepEvent): Row {
    const { version: _v, genesis: _g, netuid: _n, hotkey: _h, nan_columns: nanColumns, ...fields } = event;
    const row: Row = { ...fields };
    // A journal is JSON and has null where a number is none; W&B knows NaN, and the old rows had it.
    for (const [name, values] of Object.entries(columnsOf(event)))
      if (nanColumns.includes(name)) row[name] = values.map((value) => value ?? Number.NaN);
    if (this.#setWeights !== undefined && event.step % this.#weightsStepLength === 0)
      row.set_weights = this.#setWeights;
    if (event.gating_loss !== null) row["kpi/gating_loss"] = event.gating_loss;
    if (event.uids.length > 0) {
      row["kpi/mean_reward"] = meanRewardIn(event);
      row["kpi/answer_rate"] = answeredIn(event) / event.uids.length;
    }
    return row;
  }

  #measureBlocks({ block, time }: Event): void {
    if (block === 0) return;
    const timeMs = Date.parse(time);
    this.#measured ??= { block, timeMs };
    const blocks = block - this.#measured.block;
    // A fork or a switch to a node that is behind: measured anew.
    if (blocks < 0) this.#measured = { block, timeMs };
    if (blocks < MEASURED_BLOCKS) return;
    this.#blockSeconds = (timeMs - this.#measured.timeMs) / 1000 / blocks;
    this.#measured = { block, timeMs };
  }
}

const BASE_FIELDS = new Set([
  "kind",
  "version",
  "time",
  "genesis",
  "netuid",
  "hotkey",
  "block",
  "run",
  "sequence",
]);

function underKind(event: Partial<Event> & { kind: string }): Row {
  return Object.fromEntries(
    Object.entries(event)
      .filter(([name]) => !BASE_FIELDS.has(name))
      .map(([name, value]) => [`${event.kind}/${name}`, value]),
  );
}

/** Numbers that JSON has not, and that W&B reads as bare words within a row, as its own client writes them. */
const SPECIAL = ["NaN", "Infinity", "-Infinity"];
/** Stands for a special number where only JSON passes. Random, so that no text of a miner can be taken for one. */
const MARK = `${crypto.randomUUID()}:`;
const MARKED = new RegExp(`"${MARK}(${SPECIAL.join("|")})"`, "g");

const BARE = /-?\b(?:NaN|Infinity)\b/g;

/** A copy that survives JSON: special numbers as marked texts, nothing that JSON would drop or refuse. */
export function toPlain(value: unknown): unknown {
  if (typeof value === "number") return Number.isFinite(value) ? value : MARK + String(value);
  if (typeof value === "string") return value.toWellFormed();
  if (typeof value === "boolean" || value === null) return value;
  if (typeof value === "bigint") return toPlain(Number(value));
  if (Array.isArray(value)) return value.map(toPlain);
  if (ArrayBuffer.isView(value) && !(value instanceof DataView))
    return Array.from(value as unknown as Iterable<unknown>, toPlain);
  if (typeof value !== "object") return null;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, inner]) => inner !== undefined)
      .map(([name, inner]) => [name, toPlain(inner)]),
  );
}

/** JSON of what `toPlain` gave, with special numbers as bare words. */
export function textOfPlain(plain: unknown): string {
  return JSON.stringify(plain).replace(MARKED, "$1");
}

/**
 * The value of a text of JSON in which numbers may be the bare words that `textOfPlain` writes.
 * @throws SyntaxError when it is no such text
 */
export function parseRow(text: string): unknown {
  if (!text.includes("NaN") && !text.includes("Infinity")) return JSON.parse(text);
  const parts: string[] = [];
  for (let at = 0; at < text.length; ) {
    const quote = text.indexOf('"', at);
    const start = quote < 0 ? text.length : quote;
    parts.push(text.slice(at, start).replace(BARE, `"${MARK}$&"`));
    at = quote < 0 ? start : endOfText(text, start);
    parts.push(text.slice(start, at));
  }
  return unmark(JSON.parse(parts.join("")));
}

/** Place behind the text that begins at a quote; a regular expression gives up on texts of a megabyte. */
function endOfText(json: string, start: number): number {
  for (let at = start + 1; ; at++) {
    at = json.indexOf('"', at);
    if (at < 0) return json.length;
    let slashes = 0;
    while (json[at - 1 - slashes] === "\\") slashes++;
    if (slashes % 2 === 0) return at + 1;
  }
}

function unmark(value: unknown): unknown {
  if (typeof value === "string") return value.startsWith(MARK) ? Number(value.slice(MARK.length)) : value;
  if (Array.isArray(value)) return value.map(unmark);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, unmark(inner)]));
}

/** The last values of a run, as W&B lists them beside it: all but long texts and lists. */
export function summaryOf(row: Row): Row {
  return Object.fromEntries(
    Object.entries(row).filter(
      ([, value]) => typeof value === "number" || typeof value === "boolean" || isShortText(value),
    ),
  );
}

function isShortText(value: unknown): boolean {
  return typeof value === "string" && value.length <= 256;
}
