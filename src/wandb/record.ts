import { fieldsOf, messageField, numberField, textField } from "./protobuf.ts";
import { parseRow, type Row, textOfPlain, toPlain } from "./row.ts";

/** What a `.wandb` file says of its run. Texts are empty where it says nothing. */
export interface RunRecord {
  kind: "run";
  id: string;
  entity: string;
  project: string;
  /** Name for people. */
  displayName: string;
  notes: string;
  group: string;
  jobType: string;
  tags: string[];
  host: string;
  /** Since 1970; 0 where it is not said. */
  startedAtMs: number;
  /** As it was given to the client, without the server's `{value}` around each. */
  config: Row;
}

/** One record of a `.wandb` file. Numbers may be NaN or infinite. */
export type WandbRecord =
  | RunRecord
  /** Changes of the config after the run began. */
  | { kind: "config"; config: Row }
  /** A row; `_step`, `_runtime` (seconds) and `_timestamp` (seconds since 1970) are among its values. */
  | { kind: "history"; step: number; row: Row }
  /** Values of the summary that changed. */
  | { kind: "summary"; values: Row }
  /** System metrics, under names without `system.`. */
  | { kind: "stats"; timeMs: number; values: Row }
  | { kind: "exit"; exitCode: number; runtimeSeconds: number };

/** Numbers of fields in `wandb_internal.Record`, and in the messages within it. */
const RECORD = { number: 1, history: 2, summary: 3, config: 5, stats: 7, run: 17, exit: 18, header: 21 };
const RUN = {
  id: 1,
  entity: 2,
  project: 3,
  config: 4,
  group: 6,
  jobType: 7,
  displayName: 8,
  notes: 9,
  tag: 10,
  host: 13,
  startedAt: 17,
};
const ITEM = { key: 1, nestedKey: 2, json: 16 };
/** Lists of items within a history, a summary or config, and system metrics. */
const HISTORY = { item: 1, step: 2 };
const UPDATE = 1;
const STATS = { time: 2, item: 3 };
const EXIT = { code: 1, runtime: 2 };
/** Of a protobuf timestamp. */
const TIME = { seconds: 1, nanos: 2 };
/** What the official client looks at before it reads on: who wrote, and the oldest client that can read it. */
const VERSIONS = { info: 1, producer: 1, minConsumer: 2 };
const MIN_CONSUMER = "0.65.0";

/**
 * @returns undefined for a record of another kind: console output, files, telemetry
 * @throws when the bytes are no record
 */
export function decodeRecord(bytes: Buffer): WandbRecord | undefined {
  for (const { number, value } of fieldsOf(bytes)) {
    if (typeof value === "bigint") continue;
    switch (number) {
      case RECORD.run:
        return decodeRun(value);
      case RECORD.history: {
        const row = itemsOf(value, HISTORY.item);
        return { kind: "history", step: stepOf(value) ?? Number(row._step ?? 0), row };
      }
      case RECORD.summary:
        return { kind: "summary", values: itemsOf(value, UPDATE) };
      case RECORD.config:
        return { kind: "config", config: itemsOf(value, UPDATE) };
      case RECORD.stats:
        return { kind: "stats", timeMs: timeOf(value, STATS.time), values: itemsOf(value, STATS.item) };
      case RECORD.exit:
        return {
          kind: "exit",
          exitCode: numberOf(value, EXIT.code) ?? 0,
          runtimeSeconds: numberOf(value, EXIT.runtime) ?? 0,
        };
    }
  }
  return undefined;
}

function decodeRun(message: Buffer): RunRecord {
  const run: RunRecord = {
    kind: "run",
    id: "",
    entity: "",
    project: "",
    displayName: "",
    notes: "",
    group: "",
    jobType: "",
    tags: [],
    host: "",
    startedAtMs: timeOf(message, RUN.startedAt),
    config: {},
  };
  for (const { number, value } of fieldsOf(message)) {
    if (typeof value === "bigint") continue;
    const text = (): string => value.toString("utf8");
    if (number === RUN.id) run.id = text();
    else if (number === RUN.entity) run.entity = text();
    else if (number === RUN.project) run.project = text();
    else if (number === RUN.displayName) run.displayName = text();
    else if (number === RUN.notes) run.notes = text();
    else if (number === RUN.group) run.group = text();
    else if (number === RUN.jobType) run.jobType = text();
    else if (number === RUN.host) run.host = text();
    else if (number === RUN.tag) run.tags.push(text());
    else if (number === RUN.config) run.config = itemsOf(value, UPDATE);
  }
  return run;
}

/** Values by name. A nested key stands for objects within each other. */
function itemsOf(message: Buffer, itemNumber: number): Row {
  const entries: [string[], unknown][] = [];
  for (const { number, value: item } of fieldsOf(message)) {
    if (number !== itemNumber || typeof item === "bigint") continue;
    let key: string | undefined;
    const nested: string[] = [];
    let json = "null";
    for (const { number: part, value } of fieldsOf(item)) {
      if (typeof value === "bigint") continue;
      if (part === ITEM.key) key = value.toString("utf8");
      else if (part === ITEM.nestedKey) nested.push(value.toString("utf8"));
      else if (part === ITEM.json) json = value.toString("utf8");
    }
    entries.push([key ? [key] : nested, parseRow(json)]);
  }
  return nest(entries);
}

/** `[["a", "b"], 1], [["a", "c"], 2]` → `{a: {b: 1, c: 2}}`. Made by fromEntries, for which `__proto__` is a name as any. */
function nest(entries: readonly [string[], unknown][]): Row {
  const groups = new Map<string, [string[], unknown][]>();
  const values = new Map<string, unknown>();
  for (const [[name, ...rest], value] of entries) {
    if (name === undefined) continue;
    const group = groups.get(name);
    if (rest.length === 0) values.set(name, value);
    else if (group === undefined) groups.set(name, [[rest, value]]);
    else group.push([rest, value]);
  }
  for (const [name, inner] of groups) values.set(name, nest(inner));
  return Object.fromEntries(values);
}

/** @returns the last value of a field, as protobuf has it; undefined where it is left out */
function numberOf(message: Buffer, wanted: number): number | undefined {
  let found: number | undefined;
  for (const { number, value } of fieldsOf(message))
    if (number === wanted && typeof value === "bigint") found = Number(BigInt.asIntN(64, value));
  return found;
}

function stepOf(history: Buffer): number | undefined {
  for (const { number, value } of fieldsOf(history))
    if (number === HISTORY.step && typeof value !== "bigint") return numberOf(value, 1) ?? 0;
  return undefined;
}

function timeOf(message: Buffer, wanted: number): number {
  for (const { number, value } of fieldsOf(message))
    if (number === wanted && typeof value !== "bigint")
      return (numberOf(value, TIME.seconds) ?? 0) * 1000 + (numberOf(value, TIME.nanos) ?? 0) / 1e6;
  return 0;
}

/** The record that a `.wandb` file begins with. @param producer version of what writes it */
export function encodeHeader(producer: string): Buffer {
  const versions = [textField(VERSIONS.producer, producer), textField(VERSIONS.minConsumer, MIN_CONSUMER)];
  return messageField(RECORD.header, [messageField(VERSIONS.info, versions)]);
}

/** @param number of the record within its file, from 1 */
export function encodeRecord(record: WandbRecord, number: number): Buffer {
  return Buffer.concat([numberField(RECORD.number, number), encodeContent(record)]);
}

function encodeContent(record: WandbRecord): Buffer {
  switch (record.kind) {
    case "run":
      return encodeRun(record);
    case "config":
      return messageField(RECORD.config, encodeItems(record.config, UPDATE));
    case "history": {
      const step = messageField(HISTORY.step, [numberField(1, record.step)]);
      return messageField(RECORD.history, [...encodeItems(record.row, HISTORY.item), step]);
    }
    case "summary":
      return messageField(RECORD.summary, encodeItems(record.values, UPDATE));
    case "stats":
      return messageField(RECORD.stats, [
        encodeTime(STATS.time, record.timeMs),
        ...encodeItems(record.values, STATS.item),
      ]);
    case "exit":
      return messageField(RECORD.exit, [
        numberField(EXIT.code, record.exitCode),
        numberField(EXIT.runtime, Math.floor(record.runtimeSeconds)),
      ]);
  }
}

function encodeRun(run: RunRecord): Buffer {
  return messageField(RECORD.run, [
    textField(RUN.id, run.id),
    textField(RUN.entity, run.entity),
    textField(RUN.project, run.project),
    messageField(RUN.config, encodeItems(run.config, UPDATE)),
    textField(RUN.group, run.group),
    textField(RUN.jobType, run.jobType),
    textField(RUN.displayName, run.displayName),
    textField(RUN.notes, run.notes),
    ...run.tags.map((tag) => textField(RUN.tag, tag)),
    textField(RUN.host, run.host),
    encodeTime(RUN.startedAt, run.startedAtMs),
  ]);
}

function encodeItems(values: Row, number: number): Buffer[] {
  return Object.entries(values).map(([key, value]) =>
    messageField(number, [textField(ITEM.key, key), textField(ITEM.json, textOfPlain(toPlain(value)))]),
  );
}

function encodeTime(number: number, timeMs: number): Buffer {
  const seconds = Math.floor(timeMs / 1000);
  return messageField(number, [
    numberField(TIME.seconds, seconds),
    numberField(TIME.nanos, Math.round((timeMs - seconds * 1000) * 1e6)),
  ]);
}
