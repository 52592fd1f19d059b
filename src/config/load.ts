import { readFileSync, statSync } from "node:fs";
import { Failure, messageOf, reasonOf } from "../base/error.ts";
import { parseJsonc } from "./jsonc.ts";
import { badValue, type ConfigCode } from "./kinds.ts";
import {
  environmentName,
  type NameOf,
  nameOf,
  type Option,
  type OptionTable,
  type ValuesOf,
} from "./option.ts";
import { OPTIONS } from "./options.ts";
import { nearest } from "./suggest.ts";

/** Where an effective value came from: a flag, a named environment variable, the config file, or the table. */
export type Origin =
  | { kind: "flag" }
  | { kind: "environment"; name: string }
  | { kind: "file"; path: string }
  | { kind: "default" };

type OriginsOf<Table extends OptionTable> = Record<NameOf<keyof Table & string>, Origin>;

export interface Configuration<Table extends OptionTable> {
  settings: ValuesOf<Table>;
  origins: OriginsOf<Table>;
}

const CONFIG_FORM =
  'it must be JSON, comments allowed, such as {"wallet": {"name": "my-wallet"}, "netuid": 1}';

export interface ConfigSources {
  /** Text by dotted flag. */
  flags: Readonly<Record<string, string>>;
  environment: Readonly<Record<string, string | undefined>>;
  /** Config file; absent = none. */
  filePath?: string;
  /** Words of the command that asks, for hints; `run` when absent. */
  command?: string;
}

/** A larger file is not a config file of ours. */
const MAX_CONFIG_BYTES = 1 << 20;

/**
 * Merges flag > environment > file > default for one table of options.
 * @throws Failure `config.*`; the message names the flag and where the bad value stands.
 */
export function loadConfiguration<Table extends OptionTable>(
  table: Table,
  sources: ConfigSources,
): Configuration<Table> {
  const fromFile =
    sources.filePath === undefined ? {} : readConfigFile(sources.filePath, table, sources.command);
  const settings: Record<string, unknown> = {};
  const origins: Record<string, Origin> = {};
  for (const [flag, option] of Object.entries(table)) {
    const [value, origin] = pick(flag, option, sources, fromFile);
    settings[nameOf(flag)] = value;
    origins[nameOf(flag)] = origin;
  }
  return { settings: settings as ValuesOf<Table>, origins: origins as OriginsOf<Table> };
}

function pick(
  flag: string,
  option: Option<unknown>,
  sources: ConfigSources,
  fromFile: Record<string, string>,
): [value: unknown, origin: Origin] {
  const parse = (value: string, origin: string): unknown => {
    try {
      return option.kind.parse(value);
    } catch (error) {
      const reason = option.secret ? "has a value that cannot be read" : messageOf(error);
      throw badValue(flag, origin, reason, sources.command);
    }
  };
  const given = sources.flags[flag];
  if (given !== undefined) {
    if (option.secret) {
      throw new Failure<ConfigCode>("config.conflict", {
        message: `--${flag} is a secret and every user of this machine can read a command line`,
        hint: `set the environment variable ${environmentName(flag)} or put it into the config file`,
      });
    }
    return [parse(given, "the command line"), { kind: "flag" }];
  }
  for (const name of [environmentName(flag), ...(option.env ?? [])]) {
    const value = sources.environment[name];
    if (value !== undefined && value !== "") return [parse(value, `$${name}`), { kind: "environment", name }];
  }
  const stored = fromFile[flag];
  if (stored !== undefined && sources.filePath !== undefined) {
    return [parse(stored, sources.filePath), { kind: "file", path: sources.filePath }];
  }
  return [option.default, { kind: "default" }];
}

/** Reads a config file of JSON with comments, `{"wallet": {"name": "w"}}` or `{"wallet.name": "w"}`, into text by dotted flag. */
function readConfigFile(
  path: string,
  table: OptionTable,
  command: string | undefined,
): Record<string, string> {
  let parsed: unknown;
  let isRead = false;
  try {
    if (statSync(path).size > MAX_CONFIG_BYTES) throw new Error("it is larger than 1 MiB");
    const content = readFileSync(path, "utf8");
    isRead = true;
    parsed = parseJsonc(content);
  } catch (error) {
    throw new Failure<ConfigCode>("config.unreadable", {
      message: `The config file ${path} cannot be read: ${reasonOf(error)}`,
      hint: isRead
        ? CONFIG_FORM
        : "check the path that --config or OPENVALIDATOR_CONFIG gives, and that this user may read it",
      cause: error,
    });
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed))
    throw new Failure<ConfigCode>("config.bad-value", {
      message: `The config file ${path} does not hold one JSON object`,
      hint: CONFIG_FORM,
    });
  // One file may serve every command, so the keys of `run` are known to all of them.
  const known = new Set([...Object.keys(OPTIONS), ...Object.keys(table)]);
  const values: Record<string, string> = {};
  collect(parsed, "", (flag, value) => {
    if (!known.has(flag)) {
      throw new Failure<ConfigCode>("config.unknown-flag", {
        message: `The config file ${path} has the unknown key "${flag}"`,
        hint: suggestion(flag, known, command),
      });
    }
    values[flag] = value;
  });
  return values;
}

function collect(node: unknown, prefix: string, found: (flag: string, value: string) => void): void {
  if (node === null || Array.isArray(node)) {
    throw new Failure<ConfigCode>("config.bad-value", {
      message: `The key "${prefix}" of the config file has no usable value`,
      hint: "leave the key out to use the default",
    });
  }
  if (typeof node !== "object") {
    found(prefix, String(node));
    return;
  }
  for (const [key, value] of Object.entries(node as Record<string, unknown>)) {
    collect(value, prefix === "" ? key : `${prefix}.${key}`, found);
  }
}

function suggestion(flag: string, known: Iterable<string>, command = "run"): string {
  const close = nearest(flag, known);
  return close === undefined ? `openvalidator ${command} --help lists every key` : `did you mean "${close}"?`;
}

/** As a sentence about a bad value names it. */
export function originWords(origin: Origin): string {
  return origin.kind === "flag" ? "the command line" : describeOrigin(origin);
}

export function describeOrigin(origin: Origin): string {
  if (origin.kind === "environment") return `$${origin.name}`;
  return origin.kind === "file" ? origin.path : origin.kind;
}
