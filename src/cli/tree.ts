import { type ArgsDef, type CommandDef, defineCommand, runCommand } from "citty";
import { type Arguments, flagsOf } from "./arguments.ts";
import { type Command, nameOfCommand } from "./command.ts";
import { EXIT } from "./exit-codes.ts";

type Action = (command: Command, given: Arguments) => Promise<number>;

/**
 * Lets citty find and run the command. It takes unknown flags, missing values and stray words in silence, so that it gets
 * only what `readArguments` has checked, each flag with its value.
 * @returns the exit code of the command
 */
export async function runTree(
  commands: readonly Command[],
  command: Command,
  { words, flags }: Arguments,
  action: Action,
): Promise<number> {
  let exitCode: number = EXIT.ok;
  const tree = treeOf(commands, async (chosen, given) => {
    exitCode = await action(chosen, { words, flags: given });
  });
  const written = Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`);
  await runCommand(tree, { rawArgs: [nameOfCommand(command), ...written] });
  return exitCode;
}

/** All commands by their whole names, for a command may also be the first word of others. */
function treeOf(
  commands: readonly Command[],
  run: (command: Command, flags: Record<string, string>) => Promise<void>,
): CommandDef {
  const subCommands = Object.fromEntries(
    commands.map((command) => [nameOfCommand(command), leafOf(command, run)]),
  );
  return defineCommand({ meta: { name: "openvalidator" }, subCommands });
}

function leafOf(
  command: Command,
  run: (command: Command, flags: Record<string, string>) => Promise<void>,
): CommandDef {
  const flags = [...flagsOf(command).keys()];
  // Switches too have their value by now: citty's own booleans know neither `--x false` nor a text that is wrong.
  const args: ArgsDef = Object.fromEntries(flags.map((flag) => [flag, { type: "string" }]));
  return defineCommand({
    meta: { name: nameOfCommand(command), description: command.summary, hidden: command.hidden ?? false },
    args,
    run: async ({ args: parsed }) => {
      const given = flags.flatMap((flag) => {
        const value = (parsed as Record<string, unknown>)[flag];
        return value === undefined ? [] : [[flag, String(value)] as const];
      });
      await run(command, Object.fromEntries(given));
    },
  });
}
