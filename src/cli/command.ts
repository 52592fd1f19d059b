import type { ConfigSources } from "../config/load.ts";
import type { OptionTable } from "../config/option.ts";

/** What a command gets: no argv, no global process state. */
export interface CommandContext {
  /** The command's own name, for hints. */
  command: string;
  /** Text of the flags that were given, by dotted name. */
  flags: Readonly<Record<string, string>>;
  /** What stands on the command line without dashes; empty but for commands with `words`. */
  words?: readonly string[];
  environment: Readonly<Record<string, string | undefined>>;
  /** Aborted by the first SIGINT or SIGTERM. */
  signal: AbortSignal;
  /** From then on the listener alone gets every signal that ends a process, by name. */
  takeSignals?(listener: (name: NodeJS.Signals) => void): void;
  /** Standard output: results only, so that it can be piped. */
  print(text: string): void;
}

/** One command of the program. `load` is called only when the command runs, so that `--help` stays quick. */
export interface Command {
  /** Words that select it, for example ["wallet", "create"]. */
  readonly path: readonly string[];
  readonly summary: string;
  readonly table: OptionTable;
  /** Switches of this command alone, which neither environment nor config file can set. */
  readonly switches?: Readonly<Record<string, string>>;
  /** Words without dashes that it takes, as help shows them, and how many. */
  readonly words?: { readonly hint: string; readonly min: number; readonly max: number };
  readonly examples?: readonly string[];
  readonly hidden?: boolean;
  /** Its end is a signal, which is no failure whenever it comes. */
  readonly runsUntilStopped?: boolean;
  /** It reports itself what is wrong with settings and environment, and sets up its log. */
  readonly judgesSettings?: boolean;
  /** Returns the exit code. */
  load(): Promise<(context: CommandContext) => Promise<number>>;
}

/** Flag that every command with options accepts. */
export const CONFIG_FLAG = "config";

/** As it is written after `openvalidator`. */
export function nameOfCommand({ path }: Command): string {
  return path.join(" ");
}

/** Where the settings of a command come from. */
export function sourcesOf({
  flags,
  environment,
  command,
}: Pick<CommandContext, "flags" | "environment" | "command">): ConfigSources {
  const filePath = flags[CONFIG_FLAG] ?? environment.OPENVALIDATOR_CONFIG;
  return { flags, environment, command, ...(filePath ? { filePath } : {}) };
}
