import { readFileSync, statSync } from "node:fs";
import { Failure, messageOf } from "../base/error.ts";
import { badValue, type ConfigCode } from "./kinds.ts";
import { environmentName, type Option, type OptionTable, type ValuesOf } from "./option.ts";
import { OPTIONS } from "./options.ts";
import { nearest } from "./suggest.ts";

/** Where an effective value came from: a flag, a named environment variable, the config file, or the table. */
export type Origin =
  | { kind: "flag" }
  | { kind: "environment"; name: string }
  | { kind: "file"; path: string }
  | { kind: "default" };

export interface Configuration<Table extends OptionTable> {
  settings: ValuesOf<Table>;
  origins: Record<keyof Table, Origin>;
}

export interface ConfigSources {
  /** Text by dotted flag. */
  flags: Readonly<Record<string, string>>;
  environment: Readonly<Record<string, string | undefined>>;
  /** Config file; absent = none. */
  filePath?: string;
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
  const fromFile = sources.filePath === undefined ? {} : readConfigFile(sources.filePath, table);
  const settings: Record<string, unknown> = {};
  const origins: Record<string, Origin> = {};
  for (const [name, option] of Object.entries(table)) {
    const [value, origin] = pick(option, sources, fromFile);
    settings[name] = value;
    origins[name] = origin;
  }
  return { settings: settings as ValuesOf<Table>, origins: origins as Record<keyof Table, Origin> };
}

function pick(
  option: Option<unknown>,
  sources: ConfigSources,
  fromFile: Record<string, string>,
): [value: unknown, origin: Origin] {
  const flag = sources.flags[option.flag];
  if (flag !== undefined) {
    if (option.secret) {
      throw new Failure<ConfigCode>("config.conflict", {
        message: `--${option.flag} is a secret and every user of this machine can read a command line`,
        hint: `set the environment variable ${environmentName(option.flag)} or put it into the config file`,
      });
    }
    return [parse(option, flag, "the command line"), { kind: "flag" }];
  }
  for (const name of [environmentName(option.flag), ...(option.env ?? [])]) {
    const value = sources.environment[name];
    if (value !== undefined && value !== "")
      return [parse(option, value, `$${name}`), { kind: "environment", name }];
  }
  const stored = fromFile[option.flag];
  if (stored !== undefined && sources.filePath !== undefined) {
    return [parse(option, stored, sources.filePath), { kind: "file", path: sources.filePath }];
  }
  return [option.default, { kind: "default" }];
}

function parse(option: Option<unknown>, value: string, origin: string): unknown {
  try {
    return option.kind.parse(value);
  } catch (error) {
    const reason = option.secret ? "has a value that cannot be read" : messageOf(error);
    throw badValue(option.flag, origin, reason);
  }
}

/** Reads a JSON config file, `{"wallet": {"name": "w"}}` or `{"wallet.name": "w"}`, into text by dotted flag. */
function readConfigFile(path: string, table: OptionTable): Record<string, string> {
  let parsed: unknown;
  try {
    if (statSync(path).size > MAX_CONFIG_BYTES) throw new Error("it is larger than 1 MiB");
    parsed = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw new Failure<ConfigCode>("config.unreadable", {
      message: `The config file ${path} cannot be read: ${messageOf(error)}`,
      hint: 'it must be JSON such as {"wallet": {"name": "my-wallet"}, "netuid": 1}',
      cause: error,
    });
  }
  // One file may serve every command, so the keys of `run` are known to all of them.
  const known = new Set([...Object.values(OPTIONS), ...Object.values(table)].map((option) => option.flag));
  const values: Record<string, string> = {};
  collect(parsed, "", (flag, value) => {
    if (!known.has(flag)) {
      throw new Failure<ConfigCode>("config.unknown-flag", {
        message: `The config file ${path} has the unknown key "${flag}"`,
        hint: suggestion(flag, known),
      });
    }
    values[flag] = value;
  });
  return values;
}

function collect(node: unknown, prefix: string, found: (flag: string, value: string) => void): void {
  if (node === null || Array.isArray(node) || (prefix === "" && typeof node !== "object")) {
    throw new Failure<ConfigCode>("config.bad-value", {
      message:
        prefix === ""
          ? "A config file must hold one JSON object"
          : `The key "${prefix}" of the config file has no usable value`,
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

function suggestion(flag: string, known: Iterable<string>): string {
  const close = nearest(flag, known);
  return close === undefined ? "openvalidator run --help lists every key" : `did you mean "${close}"?`;
}

export function describeOrigin(origin: Origin): string {
  if (origin.kind === "environment") return `$${origin.name}`;
  return origin.kind === "file" ? origin.path : origin.kind;
}
