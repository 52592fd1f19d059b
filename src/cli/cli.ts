import { forbidCoreDumps } from "../base/core-dumps.ts";
import { Failure, messageOf } from "../base/error.ts";
import { configureLog, keepInLogFile, type LogFormat, log } from "../base/log.ts";
import { printableLines } from "../base/text.ts";
import { diskBudget } from "../config/disk-budget.ts";
import { refuseUnknownVariables } from "../config/environment.ts";
import type { ConfigCode } from "../config/kinds.ts";
import { loadConfiguration } from "../config/load.ts";
import { rowsOf } from "../config/option.ts";
import { LOG_OPTIONS, OPTIONS } from "../config/options.ts";
import { expandPath } from "../config/paths.ts";
import { nearest } from "../config/suggest.ts";
import { type Arguments, readArguments } from "./arguments.ts";
import { type Command, type CommandContext, nameOfCommand, sourcesOf } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { describeError, isInterruption } from "./error-text.ts";
import { EXIT, exitCodeOf } from "./exit-codes.ts";
import { screenWidth } from "./fit.ts";
import { commandHelp, groupHelp, HELP_WIDTH, rootHelp } from "./help.ts";
import { OutputEnded } from "./output.ts";
import { runTree } from "./tree.ts";

export interface CliIo {
  environment: Readonly<Record<string, string | undefined>>;
  signal: AbortSignal;
  takeSignals?: CommandContext["takeSignals"];
  /** Whether `stdout` is a terminal, which obeys what is written to it. */
  isTerminal?: boolean;
  stdout(text: string): void;
  stderr(text: string): void;
}

/** Runs one command line and returns its exit code; never throws. */
export async function runCli(rawArguments: readonly string[], io: CliIo): Promise<number> {
  try {
    return await dispatch(rawArguments, io);
  } catch (error) {
    const text = describeError(error, screenWidth(io.environment, process.stderr));
    io.stderr(text);
    keepInLogFile("error", text.trim().replaceAll(/\s*\n\s*/g, " "));
    return exitCodeOf(error);
  }
}

async function dispatch(rawArguments: readonly string[], io: CliIo): Promise<number> {
  const asked = spelledOut(rawArguments);
  const words = leadingWords(asked);
  if (asksForHelp(asked)) {
    io.stdout(helpOf(words, Math.min(HELP_WIDTH, screenWidth(io.environment) ?? HELP_WIDTH)));
    return EXIT.ok;
  }
  const command = commandOf(words);
  const rest = words.length === 0 ? asked : asked.slice(command.path.length);
  const checked = readArguments(rest, command);
  return await runTree(COMMANDS, command, checked, (chosen, given) => runOne(chosen, given, io));
}

/** Runs one command with what the command line says to it. */
async function runOne(command: Command, { words: own, flags }: Arguments, io: CliIo): Promise<number> {
  const context: CommandContext = {
    command: nameOfCommand(command),
    flags,
    words: own,
    environment: io.environment,
    signal: io.signal,
    ...(io.takeSignals && { takeSignals: io.takeSignals }),
    // Whatever a command prints may repeat what a stranger wrote; a file or a pipe gets the bytes as they are.
    print: io.isTerminal === true ? (text) => io.stdout(printableLines(text)) : io.stdout,
  };
  const hasSettings = Object.keys(command.table).length > 0;
  // A secret may be among them.
  if (hasSettings) forbidCoreDumps();
  if (hasSettings && !command.judgesSettings) {
    refuseUnknownVariables(
      io.environment,
      COMMANDS.map(({ table }) => table),
    );
    setUpLog(context);
  }
  try {
    return await (await command.load())(context);
  } catch (error) {
    // Whoever stops a validator before it runs, or reads no further, does not want to read which wait that ended.
    const mayStop = command.runsUntilStopped || io.signal.reason instanceof OutputEnded;
    if (!mayStop || !isInterruption(error, io.signal)) throw error;
    log.debug("Stopped before the work was done", { reason: messageOf(error) });
    return EXIT.ok;
  }
}

/** "show", "show or init", "create, show or sign" */
function oneOf(names: readonly string[]): string {
  return [names.slice(0, -1).join(", "), names.at(-1)!].filter((part) => part !== "").join(" or ");
}

/** `help run` as `run --help`, `-V` as `version`. */
function spelledOut(rawArguments: readonly string[]): readonly string[] {
  const [first, ...others] = rawArguments;
  if (rawArguments.length === 1 && (first === "--version" || first === "-V")) return ["version"];
  return first === "help" ? [...others, "--help"] : rawArguments;
}

function leadingWords(rawArguments: readonly string[]): readonly string[] {
  const end = rawArguments.findIndex((word) => word.startsWith("-"));
  return end < 0 ? rawArguments : rawArguments.slice(0, end);
}

function asksForHelp(rawArguments: readonly string[]): boolean {
  const end = rawArguments.indexOf("--");
  const before = end < 0 ? rawArguments : rawArguments.slice(0, end);
  return before.some((word) => word === "--help" || word === "-h");
}

function helpOf(words: readonly string[], width: number): string {
  if (words.length === 0) return rootHelp(COMMANDS, width);
  const members = COMMANDS.filter(({ path }) => path.length > 1 && path[0] === words[0]);
  const isGroup = words.length === 1 && members.length > 0;
  if (!isGroup) return commandHelp(commandOf(words), width);
  const own = COMMANDS.find(({ path }) => path.length === 1 && path[0] === words[0]);
  return own === undefined ? groupHelp(words[0]!, members, width) : commandHelp(own, width, members);
}

/** The command that the leading words name; no words mean the default command. */
function commandOf(words: readonly string[]): Command {
  if (words.length === 0) return COMMANDS[0]!;
  const named = COMMANDS.filter(({ path }) => path.every((part, index) => words[index] === part));
  // The most exact one: a command may also be the first word of others, and then takes no words itself.
  const [exact] = named.sort((a, b) => b.path.length - a.path.length);
  const isWhole = words.length === 1 || (exact?.path.length ?? 0) > 1 || exact?.words !== undefined;
  if (
    exact !== undefined &&
    (isWhole || !COMMANDS.some(({ path }) => path.length > 1 && path[0] === words[0]))
  )
    return exact;
  const visible = COMMANDS.filter(({ hidden }) => !hidden).map(nameOfCommand);
  const members = visible.filter((name) => name.startsWith(`${words[0]} `));
  if (words.length === 1 && members.length > 0)
    throw new Failure<ConfigCode>("config.stray-word", {
      message: `"${words[0]}" needs one more word`,
      hint: `openvalidator ${words[0]} ${oneOf(members.map((name) => name.slice(words[0]!.length + 1)))}`,
    });
  const wanted = words.slice(0, 2).join(" ");
  const close = nearest(wanted, visible) ?? nearest(words[0]!, visible);
  throw new Failure<ConfigCode>("config.stray-word", {
    message: `Unknown command "${members.length > 0 ? wanted : words[0]}"`,
    hint:
      close === undefined
        ? `openvalidator ${members.length > 0 ? `${words[0]} ` : ""}--help lists the commands`
        : `did you mean openvalidator ${close}?`,
  });
}

/** With what decides how large a log file may grow; the same file has the same limit whichever command writes it. */
const LOGGING = {
  ...LOG_OPTIONS,
  ...rowsOf(OPTIONS, "disk.max", "neuron.events_retention_size", "neuron.dont_save_events", "wandb.off"),
};

function setUpLog(context: CommandContext): void {
  const { settings } = loadConfiguration(LOGGING, sourcesOf(context));
  const level = settings.loggingTrace ? "trace" : settings.loggingDebug ? "debug" : "info";
  const { logFile, logFileCount: count } = settings;
  const maxBytes = Math.floor(diskBudget("logs", settings) / count);
  const file = logFile === undefined ? undefined : { path: expandPath(logFile), maxBytes, count };
  configureLog({ level, format: settings.logFormat as LogFormat, file });
}
