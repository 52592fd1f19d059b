import { Failure } from "../base/error.ts";
import type { ConfigCode } from "../config/kinds.ts";
import { nearest } from "../config/suggest.ts";
import { CONFIG_FLAG, type Command } from "./command.ts";

/** Which flags a command takes and whether each needs a value. */
export function flagsOf(command: Command): Map<string, { needsValue: boolean }> {
  const flags = new Map<string, { needsValue: boolean }>();
  for (const option of Object.values(command.table))
    flags.set(option.flag, { needsValue: !option.kind.isSwitch });
  for (const name of Object.keys(command.switches ?? {})) flags.set(name, { needsValue: false });
  if (Object.keys(command.table).length > 0) flags.set(CONFIG_FLAG, { needsValue: true });
  return flags;
}

export interface Arguments {
  words: string[];
  flagWords: string[];
}

/**
 * Refuses what the argument parser would take silently: unknown flags, flags without a value, stray words, and a flag
 * given twice.
 * @returns the flags, and the words of a command that takes some.
 * @throws Failure `config.*` (exit code 64).
 */
export function checkArguments(rawArguments: readonly string[], command: Command): Arguments {
  const words: string[] = [];
  const flagWords: string[] = [];
  const flags = flagsOf(command);
  const seen = new Set<string>();
  for (let index = 0; index < rawArguments.length; index++) {
    const word = rawArguments[index]!;
    if (!word.startsWith("-") && words.length < (command.words?.max ?? 0)) {
      words.push(word);
      continue;
    }
    if (!word.startsWith("--") || word === "--") throw strayWord(word, command, flags);
    const equals = word.indexOf("=");
    const name = word.slice(2, equals < 0 ? undefined : equals);
    const flag = flags.get(name);
    if (flag === undefined) throw unknownFlag(name, command, flags);
    if (seen.has(name)) {
      throw new Failure<ConfigCode>("config.conflict", {
        message: `--${name} is given twice`,
        hint: "give every flag once",
      });
    }
    seen.add(name);
    flagWords.push(word);
    if (!flag.needsValue) continue;
    const value = equals < 0 ? rawArguments[++index] : word.slice(equals + 1);
    if (value === undefined || value === "" || value.startsWith("--")) {
      throw new Failure<ConfigCode>("config.missing-value", {
        message: `--${name} needs a value`,
        hint: `write --${name} VALUE`,
      });
    }
    if (equals < 0) flagWords.push(value);
  }
  if (words.length < (command.words?.min ?? 0)) {
    throw new Failure<ConfigCode>("config.missing-value", {
      message: `openvalidator ${command.path.join(" ")} needs ${command.words!.hint}`,
      hint: helpHint(command),
    });
  }
  return { words, flagWords };
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
  return `openvalidator ${command.path.join(" ")} --help shows what it takes`;
}
