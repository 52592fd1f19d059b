import { childEnvironment } from "../../base/child-environment.ts";
import { environmentName, type OptionTable } from "../../config/option.ts";
import { OPTIONS } from "../../config/options.ts";
import { badLine, shellWords } from "./shell-words.ts";

/** What an old start line asks for, in the words of this program. */
export interface OldLine {
  /** Text by flag of `run`. */
  flags: Record<string, string>;
  /** Variables that drivers read; no secret is among them. */
  environment: Record<string, string>;
  /** What was left out and why, a sentence each. */
  notes: string[];
}

const ASSIGNMENT = /^([A-Za-z_]\w*)=(.*)$/s;
/** Programs that stood before the script, and how many values each of their flags takes is not asked: they end at it. */
const SCRIPT = /(?:^|\/)(?:run\.sh|autorun\.sh|neuron\.py|run\.py|validator\.py)$/;
/** Of run.sh itself. */
const OF_THE_SCRIPT = new Set(["script", "name"]);
/** Of Bittensor 5 and 6, without meaning here: accepted as argparse did, some with a value. */
const WITHOUT_MEANING: Readonly<Record<string, string>> = {
  config: "its YAML file is of another form; set its keys in the config file of the service",
  strict: "flags are always checked",
  no_version_checking: "no version is asked for",
  "logging.record_log": "the journal of systemd keeps the log; --log.file keeps another",
  "wallet.hotkeys": "one validator has one hotkey",
  "subtensor._mock": "use --mock",
  "axon.max_workers": "nothing listens",
  "axon.maximum_concurrent_rpcs": "nothing listens",
};
/** Would reach into the service in ways that nobody asked for. */
const NEVER = /^(?:LD_|DYLD_|BUN_|NODE_|XDG_|PATH$|HOME$|USER$|LOGNAME$|TMP|TEMP)/;
const SECRET = /KEY|TOKEN|SECRET|PASSW|^BT_PW_|CREDENTIAL/i;

/**
 * Translates a line that started openvalidators 1.2.0: `[VAR=x …] pm2 start run.sh --name N -- FLAGS`, the same with
 * neuron.py, or run.sh or python3 without PM2.
 * @throws Failure `service.bad-line`
 */
export function translateOldLine(line: string): OldLine {
  const words = shellWords(line);
  const found: OldLine = { flags: {}, environment: {}, notes: [] };
  while (words[0] === "env" || words[0] === "sudo" || ASSIGNMENT.test(words[0] ?? "")) {
    const [, name, value] = ASSIGNMENT.exec(words.shift()!) ?? [];
    if (name !== undefined) keepVariable(found, name, value!);
  }
  readFlags(found, flagWords(words));
  return found;
}

/** The words after the script, and after PM2's own ones. */
function flagWords(words: readonly string[]): readonly string[] {
  const program = words[0]?.split("/").at(-1) ?? "";
  const script = words.findIndex((word) => SCRIPT.test(word));
  if (program === "pm2" || (program === "npx" && words[1] === "pm2")) {
    if (!words.includes("start") || script < 0)
      throw badLine("the old line does not start run.sh or neuron.py with pm2");
    const own = words.indexOf("--");
    return own < 0 ? [] : words.slice(own + 1);
  }
  if (script < 0) throw badLine("the old line starts neither pm2, nor run.sh, nor neuron.py");
  return words.slice(script + 1);
}

function keepVariable({ environment, notes }: OldLine, name: string, value: string): void {
  const isOption = Object.entries(OPTIONS as OptionTable).some(
    ([flag, { env = [], secret }]) => !secret && [environmentName(flag), ...env].includes(name),
  );
  if (SECRET.test(name))
    notes.push(`${name} was left out: a unit is no place for a secret; give a file of it as a credential`);
  else if (NEVER.test(name) || !(isOption || name in childEnvironment({ [name]: value })))
    notes.push(`${name} was left out: no driver and no option reads it`);
  else environment[name] = value;
}

function readFlags({ flags, notes }: OldLine, words: readonly string[]): void {
  const table: OptionTable = OPTIONS;
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    if (word === "--") continue;
    if (!word.startsWith("--")) throw badLine(`the old line has the stray word "${word}"`);
    const equals = word.indexOf("=");
    const name = word.slice(2, equals < 0 ? undefined : equals);
    const next = words[at + 1];
    const following = next !== undefined && !next.startsWith("--") ? next : undefined;
    const value = equals >= 0 ? word.slice(equals + 1) : following;
    const option = table[name];
    // Python's switches take no word after them.
    const takesWord = equals < 0 && following !== undefined && option?.kind.isSwitch !== true;
    if (takesWord) at++;
    if (OF_THE_SCRIPT.has(name)) continue;
    if (option === undefined)
      notes.push(`--${name} was left out: ${WITHOUT_MEANING[name] ?? "this program has no such flag"}`);
    else if (option.secret) notes.push(`--${name} was left out: a command line is no place for a secret`);
    else if (option.kind.isSwitch) flags[name] = equals >= 0 ? value! : "true";
    else if (value === undefined) throw badLine(`--${name} of the old line needs a value`);
    // As argparse has it, the last one counts.
    else flags[name] = value;
  }
}
