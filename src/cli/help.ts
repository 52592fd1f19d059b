import { wordLines } from "../base/text.ts";
import { environmentName, GROUPS, type Option } from "../config/option.ts";
import { VERSION } from "../config/version.ts";
import { CONFIG_FLAG, type Command, nameOfCommand } from "./command.ts";

/** Longer lines are hard to read, on however wide a screen. */
export const HELP_WIDTH = 100;
/** On a narrower screen a text stands below what it is about, not beside. */
const BESIDE_WIDTH = 80;
const FLAG_COLUMN = 42;
const BELOW_COLUMN = 6;

/** @param width characters of a line */
export function rootHelp(commands: readonly Command[], width = HELP_WIDTH): string {
  return [
    ...wrap(`openvalidator ${VERSION}: a Bittensor text-prompting validator in one executable`, 0, width),
    "",
    "Usage: openvalidator [COMMAND] [FLAGS]",
    "",
    "Commands",
    ...commandLines(commands, width),
    "",
    "Start here",
    "  openvalidator demo",
    "  openvalidator --wallet.name W --wallet.hotkey H",
    "",
    ...wrap("openvalidator COMMAND --help shows the flags of a command.", 0, width),
    "",
  ].join("\n");
}

/** Help of a word that begins several commands, for example `wallet`. */
export function groupHelp(name: string, members: readonly Command[], width = HELP_WIDTH): string {
  return [
    `Usage: openvalidator ${name} COMMAND [FLAGS]`,
    "",
    "Commands",
    ...commandLines(members, width),
    "",
    ...wrap(`openvalidator ${name} COMMAND --help shows the flags of a command.`, 0, width),
    "",
  ].join("\n");
}

function commandLines(commands: readonly Command[], width: number): string[] {
  const visible = commands.filter((command) => !command.hidden);
  const column = Math.max(...visible.map((command) => nameOfCommand(command).length)) + 4;
  return visible.flatMap((command) => row(nameOfCommand(command), command.summary, width, column));
}

/** @param members commands that begin with this one */
export function commandHelp(command: Command, width = HELP_WIDTH, members: readonly Command[] = []): string {
  const lines = [
    ...wrap(
      `Usage: openvalidator ${nameOfCommand(command)}${command.words ? ` ${command.words.hint}` : ""} [FLAGS]`,
      0,
      width,
    ),
    "",
    ...wrap(command.summary, 0, width),
    "",
    ...(members.length > 0 ? ["Commands", ...commandLines(members, width), ""] : []),
  ];
  const options = Object.entries(command.table);
  for (const group of GROUPS) {
    const members = options.filter(([, option]) => option.group === group);
    if (members.length === 0) continue;
    lines.push(
      group[0]!.toUpperCase() + group.slice(1),
      ...members.flatMap(([flag, option]) => optionLines(flag, option, width)),
      "",
    );
  }
  const own = Object.entries(command.switches ?? {});
  lines.push("Other", ...own.flatMap(([name, help]) => row(`--${name}`, help, width)));
  if (options.length > 0)
    lines.push(
      ...row(
        `--${CONFIG_FLAG} PATH`,
        "JSON file, comments allowed, with the same keys (or $OPENVALIDATOR_CONFIG).",
        width,
      ),
    );
  lines.push(...row("--help", "Show this text.", width), "");
  if (options.length > 0) {
    lines.push(
      ...wrap(
        `Every flag is also an environment variable (${environmentName(options[0]![0])}) and a key of the config file; a flag wins over the environment, the environment over the file.`,
        0,
        width,
      ),
      "",
    );
  }
  if (command.examples)
    lines.push("Examples", ...command.examples.flatMap((example) => exampleLines(example, width)), "");
  return lines.join("\n");
}

/** A command on several lines is one to the shell by the backslashes. */
function exampleLines(example: string, width: number): string[] {
  const lines = wrap(example, 4, width - 2);
  return lines.map((line, at) => `${at === 0 ? line.slice(2) : line}${at < lines.length - 1 ? " \\" : ""}`);
}

function optionLines(flag: string, option: Option<unknown>, width: number): string[] {
  const written = option.secret ? `$${environmentName(flag)}` : `--${flag}`;
  const hint = option.kind.isSwitch || option.secret ? "" : ` ${option.kind.hint ?? "VALUE"}`;
  const usual =
    option.default === undefined || option.kind.isSwitch === true
      ? ""
      : (option.kind.format?.(option.default) ?? String(option.default));
  const shown = usual === "" ? "" : ` [${usual}]`;
  const on = option.kind.isSwitch && option.default === true ? " [on]" : "";
  return row(written + hint, option.help + shown + on, width);
}

function row(left: string, right: string, width: number, beside = FLAG_COLUMN): string[] {
  const isBeside = width >= BESIDE_WIDTH;
  const column = isBeside ? beside : BELOW_COLUMN;
  const wrapped = wrap(right, column, width);
  const head = `  ${left}`;
  if (!isBeside || head.length >= column) return [...wrap(left, 2, width), ...wrapped];
  return [head.padEnd(column) + wrapped[0]!.trimStart(), ...wrapped.slice(1)];
}

/** Breaks at spaces alone: flags and addresses stay whole. */
function wrap(text: string, indent: number, width: number): string[] {
  return wordLines(text, width - indent).map((line) => " ".repeat(indent) + line);
}
