import { Failure } from "../base/error.ts";
import type { ConfigCode } from "../config/kinds.ts";
import { nearest } from "../config/suggest.ts";
import { CONFIG_FLAG, type Command, nameOfCommand } from "./command.ts";

/** What a command line says to one command. */
export interface Arguments {
  words: string[];
  /** Text by flag; a switch is "true" or what was given. */
  flags: Record<string, string>;
}

/** Which flags a command takes and whether each needs a value. */
export function flagsOf(command: Command): Map<string, { needsValue: boolean }> {
  const flags = new Map<string, { needsValue: boolean }>();
  for (const [flag, { kind }] of Object.entries(command.table))
    flags.set(flag, { needsValue: !kind.isSwitch });
  for (const name of Object.keys(command.switches ?? {})) flags.set(name, { needsValue: false });
  if (Object.keys(command.table).length > 0) flags.set(CONFIG_FLAG, { needsValue: true });
  return flags;
}

/** What may stand after a switch, as config/kinds.ts reads it. */
const SWITCH_VALUES = /^(?:true|false|yes|no|on|off|1|0)$/i;

/**
 * Reads the words after a command's name. Nothing is taken silently: unknown flags, flags without a value, stray words
 * and a flag given twice are refused. A switch may have a value (`--x false`, `--x=false`) or be taken back (`--no-x`).
 * @throws Failure `config.*` (exit code 64).
 */
export function readArguments(rawArguments: readonly string[], command: Command): Arguments {
  const words: string[] = [];
  const given: Record<string, string> = {};
  const flags = flagsOf(command);
  for (let index = 0; index < rawArguments.length; index++) {
    const word = rawArguments[index]!;
    // A single "-" is standard input by custom.
    if ((word === "-" || !word.startsWith("-")) && words.length < (command.words?.max ?? 0)) {
      words.push(word);
      continue;
    }
    if (!word.startsWith("--") || word === "--") throw strayWord(word, command, flags);
    const equals = word.indexOf("=");
    const written = word.slice(2, equals < 0 ? undefined : equals);
    const isTakenBack = equals < 0 && isNegated(written, flags);
    const name = isTakenBack ? written.slice("no-".length) : written;
    const flag = flags.get(name);
    if (flag === undefined) throw unknownFlag(name, command, flags);
    if (Object.hasOwn(given, name)) {
      throw new Failure<ConfigCode>("config.conflict", {
        message: `--${name} is given twice`,
        hint: "give every flag once",
      });
    }
    const next = rawArguments[index + 1];
    if (isTakenBack) given[name] = "false";
    else if (equals >= 0) given[name] = word.slice(equals + 1);
    else if (flag.needsValue || (next !== undefined && SWITCH_VALUES.test(next))) {
      given[name] = next ?? "";
      index++;
    } else given[name] = "true";
    if (given[name] === "" || (flag.needsValue && given[name]!.startsWith("--"))) {
      throw new Failure<ConfigCode>("config.missing-value", {
        message: `--${name} needs a value`,
        hint: `write --${name} VALUE`,
      });
    }
  }
  if (words.length < (command.words?.min ?? 0)) {
    throw new Failure<ConfigCode>("config.missing-value", {
      message: `openvalidator ${nameOfCommand(command)} needs ${command.words!.hint}`,
      hint: helpHint(command),
    });
  }
  return { words, flags: given };
}

function isNegated(name: string, flags: Map<string, { needsValue: boolean }>): boolean {
  return (
    name.startsWith("no-") && !flags.has(name) && flags.get(name.slice("no-".length))?.needsValue === false
  );
}

function unknownFlag(name: string, command: Command, flags: Map<string, unknown>): Failure<ConfigCode> {
  const close = nearest(name, flags.keys());
  return new Failure<ConfigCode>("config.unknown-flag", {
    message: `Unknown flag --${name}`,
    hint: close === undefined ? helpHint(command) : `did you mean --${close}?`,
  });
}

function strayWord(word: string, command: Command, flags: Map<string, unknown>): Failure<ConfigCode> {
  const close = word.startsWith("-") ? nearest(word.replace(/^-+/, ""), flags.keys()) : undefined;
  return new Failure<ConfigCode>("config.stray-word", {
    message: `Unexpected word "${word}"`,
    hint: close === undefined ? helpHint(command) : `did you mean --${close}?`,
  });
}

function helpHint(command: Command): string {
  return `openvalidator ${nameOfCommand(command)} --help shows what it takes`;
}
