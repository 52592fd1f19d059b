import { environmentName, GROUPS, type Option, type OptionTable } from "./option.ts";

const COLUMNS = 100;

/**
 * An annotated config file: every option of the table with its help, those of `values` set, the others commented out
 * with their default. parseJsonc reads it.
 * @param values text by flag, as on a command line
 */
export function configTemplate(table: OptionTable, values: Readonly<Record<string, string>> = {}): string {
  const lines = [
    "// Settings of openvalidator run. Lines with // are comments: take the marks away to set a key.",
    "// A flag wins over an environment variable (OPENVALIDATOR_NETUID), and that over this file.",
    "{",
  ];
  for (const group of GROUPS) {
    const members = Object.entries(table).filter(([, option]) => option.group === group);
    if (members.length === 0) continue;
    lines.push(`  // ---- ${group} ----`, "");
    for (const [flag, option] of members) lines.push(...entry(flag, option, values[flag]), "");
  }
  lines.splice(lines.length - 1, 1, "}", "");
  return lines.join("\n");
}

function entry(flag: string, option: Option<unknown>, value: string | undefined): string[] {
  const { kind, help, secret } = option;
  const expected = kind.isSwitch ? "true or false" : (kind.hint ?? "TEXT");
  const more = secret ? ` Secret: better in $${environmentName(flag)}.` : "";
  const comments = wrap(`${help}${more} (${expected})`).map((line) => `  // ${line}`);
  const mark = value === undefined ? "// " : "";
  return [...comments, `  ${mark}${JSON.stringify(flag)}: ${jsonOf(option, value)},`];
}

/** A number or a switch as such, everything else as the text that a command line has; "" for what has no default. */
function jsonOf({ kind, default: usual }: Option<unknown>, value: string | undefined): string {
  if (value !== undefined) {
    const parsed = kind.parse(value);
    const isPlain = typeof parsed === "boolean" || (typeof parsed === "number" && kind.format === undefined);
    return JSON.stringify(isPlain ? parsed : value);
  }
  if (usual === undefined) return '""';
  if (kind.format !== undefined) return JSON.stringify(kind.format(usual));
  return JSON.stringify(usual);
}

function wrap(text: string): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > COLUMNS) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}
