import { type ArgsDef, type CommandDef, defineCommand, runCommand } from "citty";
import { Failure } from "../base/error.ts";
import { configureLog, type LogFormat } from "../base/log.ts";
import type { ConfigCode } from "../config/kinds.ts";
import { loadConfiguration } from "../config/load.ts";
import { LOG_OPTIONS } from "../config/options.ts";
import { nearest } from "../config/suggest.ts";
import { type Command, type CommandContext, sourcesOf } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { commandHelp, rootHelp } from "./help.ts";
import { describeError, EXIT, exitCodeOf } from "./report.ts";
import { checkArguments, flagsOf } from "./strict.ts";

export interface CliIo {
  environment: Readonly<Record<string, string | undefined>>;
  signal: AbortSignal;
  stdout(text: string): void;
  stderr(text: string): void;
}

/** Runs one command line and returns its exit code; never throws. */
export async function runCli(rawArguments: readonly string[], io: CliIo): Promise<number> {
  try {
    return await dispatch(rawArguments, io);
  } catch (error) {
    io.stderr(describeError(error));
    return exitCodeOf(error);
  }
}

async function dispatch(rawArguments: readonly string[], io: CliIo): Promise<number> {
  if (rawArguments.length === 1 && rawArguments[0] === "--version") return dispatch(["version"], io);
  const { command, rest } = select(rawArguments);
  const end = rest.indexOf("--");
  if ((end < 0 ? rest : rest.slice(0, end)).some((word) => word === "--help" || word === "-h")) {
    const isRoot = rest.length === rawArguments.length && rest.length === 1;
    io.stdout(isRoot ? rootHelp(COMMANDS) : commandHelp(command));
    return EXIT.ok;
  }
  const { words, flagWords } = checkArguments(rest, command);
  let exitCode: number = EXIT.ok;
  const tree = commandTree(async (chosen, flags) => {
    setUpLog(flags, io.environment);
    const context: CommandContext = {
      flags,
      words,
      environment: io.environment,
      signal: io.signal,
      print: io.stdout,
    };
    exitCode = await (await chosen.load())(context);
  });
  await runCommand(tree, { rawArgs: [...command.path, ...flagWords] });
  return exitCode;
}

/** Finds the command that the leading words name; flags alone mean the default command. */
function select(rawArguments: readonly string[]): { command: Command; rest: readonly string[] } {
  const words: string[] = [];
  for (const word of rawArguments) {
    if (word.startsWith("-")) break;
    words.push(word);
  }
  if (words.length === 0) return { command: COMMANDS[0]!, rest: rawArguments };
  const named = COMMANDS.filter((command) => command.path.every((part, index) => words[index] === part));
  const command = named[0];
  if (command !== undefined) return { command, rest: rawArguments.slice(command.path.length) };
  const wanted = words.slice(0, 2).join(" ");
  const members = COMMANDS.filter((candidate) => candidate.path[0] === words[0]);
  const names = COMMANDS.filter((candidate) => !candidate.hidden).map((candidate) =>
    candidate.path.join(" "),
  );
  const close = nearest(wanted, names) ?? nearest(words[0]!, names);
  throw new Failure<ConfigCode>("config.stray-word", {
    message: members.length > 0 ? `"${words[0]}" needs one more word` : `Unknown command "${words[0]}"`,
    hint:
      members.length > 0
        ? `openvalidator ${members.map((member) => member.path.join(" ")).join(" or openvalidator ")}`
        : close === undefined
          ? "openvalidator --help lists the commands"
          : `did you mean openvalidator ${close}?`,
  });
}

type Action = (command: Command, flags: Record<string, string>) => Promise<void>;

/** The citty tree. Root arguments repeat those of the default command, without which its flags would be taken for words. */
function commandTree(action: Action): CommandDef {
  const tree: Record<string, CommandDef> = {};
  for (const command of COMMANDS) {
    const [first, second] = command.path as [string, string?];
    const leaf = defineCommand({
      meta: { name: command.path.join(" "), description: command.summary, hidden: command.hidden ?? false },
      args: argumentsOf(command),
      run: ({ args }) => action(command, givenFlags(args, command)),
    });
    if (second === undefined) tree[first] = leaf;
    else {
      const group = tree[first] ?? defineCommand({ meta: { name: first }, subCommands: {} });
      tree[first] = {
        ...group,
        subCommands: { ...(group.subCommands as Record<string, CommandDef>), [second]: leaf },
      };
    }
  }
  return defineCommand({
    meta: { name: "openvalidator" },
    default: COMMANDS[0]!.path[0]!,
    args: argumentsOf(COMMANDS[0]!),
    subCommands: tree,
  });
}

function argumentsOf(command: Command): ArgsDef {
  return Object.fromEntries(
    [...flagsOf(command)].map(([flag, { needsValue }]) => [
      flag,
      { type: needsValue ? "string" : "boolean" } as const,
    ]),
  );
}

function givenFlags(args: Record<string, unknown>, command: Command): Record<string, string> {
  const given: Record<string, string> = {};
  for (const flag of flagsOf(command).keys()) {
    const value = args[flag];
    if (value !== undefined) given[flag] = String(value);
  }
  return given;
}

function setUpLog(flags: Record<string, string>, environment: CliIo["environment"]): void {
  const { settings } = loadConfiguration(LOG_OPTIONS, sourcesOf({ flags, environment }));
  const level = settings.loggingTrace ? "trace" : settings.loggingDebug ? "debug" : "info";
  configureLog({ level, format: settings.logFormat as LogFormat });
}
