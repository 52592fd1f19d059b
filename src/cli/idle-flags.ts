import { Failure } from "../base/error.ts";
import type { ConfigCode } from "../config/kinds.ts";
import { JOURNAL_OPTIONS } from "../config/options.ts";
import type { CommandContext } from "./command.ts";

/** A flag, whether it changes nothing beside the others, and beside which: `--near has no effect …`. */
export type IdleFlag = readonly [flag: string, isIdle: boolean, beside: string];

/**
 * Refuses what the command line asks for and would not get. What the environment or a config file says is for many commands,
 * and is left alone.
 * @throws Failure `config.conflict`
 */
export function refuseIdleFlags({ flags }: Pick<CommandContext, "flags">, idle: readonly IdleFlag[]): void {
  for (const [flag, isIdle, beside] of idle)
    if (isIdle && flags[flag] !== undefined && flags[flag] !== "false")
      throw new Failure<ConfigCode>("config.conflict", {
        message: `--${flag} has no effect ${beside}`,
        hint: "leave it out",
      });
}

/** The flags that choose a validator's own journal choose nothing where sources are named. */
export function refuseJournalFlags(context: Pick<CommandContext, "flags">, sources: readonly string[]): void {
  refuseIdleFlags(
    context,
    Object.keys(JOURNAL_OPTIONS).map((flag) => [
      flag,
      sources.length > 0,
      `where a source is named: it tells whose journal is read, and ${sources[0]} is`,
    ]),
  );
}
