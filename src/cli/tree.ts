import { type ArgsDef, type CommandDef, defineCommand, runCommand } from "citty";
import { type Arguments, flagsOf } from "./arguments.ts";
import type { Command } from "./command.ts";
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
  await runCommand(tree, { rawArgs: [...command.path, ...written] });
  return exitCode;
}

/** Commands of one word at the root, those of two below a group of the first. */
function treeOf(
  commands: readonly Command[],
  run: (command: Command, flags: Record<string, string>) => Promise<void>,
): CommandDef {
  const root: Record<string, CommandDef> = {};
  for (const command of commands) {
    const [first, second] = command.path as [string, string?];
    const leaf = leafOf(command, run);
    if (second === undefined) {
      root[first] = leaf;
      continue;
    }
    const members = (root[first]?.subCommands ?? {}) as Record<string, CommandDef>;
    root[first] = defineCommand({ meta: { name: first }, subCommands: { ...members, [second]: leaf } });
  }
  return defineCommand({ meta: { name: "openvalidator" }, subCommands: root });
}

function leafOf(
  command: Command,
  run: (command: Command, flags: Record<string, string>) => Promise<void>,
): CommandDef {
  const flags = [...flagsOf(command).keys()];
  // Switches too have their value by now: citty's own booleans know neither `--x false` nor a text that is wrong.
  const args: ArgsDef = Object.fromEntries(flags.map((flag) => [flag, { type: "string" }]));
  return defineCommand({
    meta: { name: command.path.join(" "), description: command.summary, hidden: command.hidden ?? false },
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
