import { environmentName, GROUPS, type Option } from "../config/option.ts";
import { VERSION } from "../config/version.ts";
import { CONFIG_FLAG, type Command, nameOfCommand } from "./command.ts";

/** Terminals of operators are at least this wide. */
const COLUMNS = 100;
const FLAG_COLUMN = 42;

export function rootHelp(commands: readonly Command[]): string {
  return [
    `openvalidator ${VERSION}: a Bittensor text-prompting validator in one executable`,
    "",
    "Usage: openvalidator [COMMAND] [FLAGS]",
    "",
    "Commands",
    ...commandLines(commands),
    "",
    "Start here",
    "  openvalidator demo",
    "  openvalidator --wallet.name W --wallet.hotkey H",
    "",
    "openvalidator COMMAND --help shows the flags of a command.",
    "",
  ].join("\n");
}

/** Help of a word that begins several commands, for example `wallet`. */
export function groupHelp(name: string, members: readonly Command[]): string {
  return [
    `Usage: openvalidator ${name} COMMAND [FLAGS]`,
    "",
    "Commands",
    ...commandLines(members),
    "",
    `openvalidator ${name} COMMAND --help shows the flags of a command.`,
    "",
  ].join("\n");
}

function commandLines(commands: readonly Command[]): string[] {
  const visible = commands.filter((command) => !command.hidden);
  const width = Math.max(...visible.map((command) => nameOfCommand(command).length)) + 2;
  return visible.map((command) => `  ${nameOfCommand(command).padEnd(width)}${command.summary}`);
}

export function commandHelp(command: Command): string {
  const lines = [
    `Usage: openvalidator ${nameOfCommand(command)}${command.words ? ` ${command.words.hint}` : ""} [FLAGS]`,
    "",
    ...wrap(command.summary, 0),
    "",
  ];
  const options = Object.entries(command.table);
  for (const group of GROUPS) {
    const members = options.filter(([, option]) => option.group === group);
    if (members.length === 0) continue;
    lines.push(
      group[0]!.toUpperCase() + group.slice(1),
      ...members.flatMap(([flag, option]) => optionLines(flag, option)),
      "",
    );
  }
  const own = Object.entries(command.switches ?? {});
  lines.push("Other", ...own.flatMap(([name, help]) => row(`--${name}`, help)));
  if (options.length > 0)
    lines.push(
      ...row(
        `--${CONFIG_FLAG} PATH`,
        "JSON file, comments allowed, with the same keys (or $OPENVALIDATOR_CONFIG).",
      ),
    );
  lines.push(...row("--help", "Show this text."), "");
  if (options.length > 0) {
    lines.push(
      ...wrap(
        `Every flag is also an environment variable (${environmentName(options[0]![0])}) and a key of the config file; a flag wins over the environment, the environment over the file.`,
        0,
      ),
      "",
    );
  }
  if (command.examples) lines.push("Examples", ...command.examples.map((example) => `  ${example}`), "");
  return lines.join("\n");
}

function optionLines(flag: string, option: Option<unknown>): string[] {
  const written = option.secret ? `$${environmentName(flag)}` : `--${flag}`;
  const hint = option.kind.isSwitch || option.secret ? "" : ` ${option.kind.hint ?? "VALUE"}`;
  const usual =
    option.default === undefined || option.kind.isSwitch === true
      ? ""
      : (option.kind.format?.(option.default) ?? String(option.default));
  const shown = usual === "" ? "" : ` [${usual}]`;
  const on = option.kind.isSwitch && option.default === true ? " [on]" : "";
  return row(written + hint, option.help + shown + on);
}

function row(left: string, right: string): string[] {
  const wrapped = wrap(right, FLAG_COLUMN);
  const head = `  ${left}`;
  if (head.length >= FLAG_COLUMN) return [head, ...wrapped];
  return [head.padEnd(FLAG_COLUMN) + wrapped[0]!.trimStart(), ...wrapped.slice(1)];
}

function wrap(text: string, indent: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && indent + line.length + 1 + word.length > COLUMNS) {
      lines.push(" ".repeat(indent) + line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, " ".repeat(indent) + line];
}
