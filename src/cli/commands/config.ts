import { Failure } from "../../base/error.ts";
import type { ConfigCode } from "../../config/kinds.ts";
import { describeOrigin, loadConfiguration } from "../../config/load.ts";
import { nameOf, type Option } from "../../config/option.ts";
import { OPTIONS } from "../../config/options.ts";
import { configFile, expandPath } from "../../config/paths.ts";
import { shownText } from "../../config/shown-text.ts";
import { configTemplate } from "../../config/template.ts";
import { type CommandContext, sourcesOf } from "../command.ts";
import { createFile } from "../create-file.ts";
import { EXIT } from "../exit-codes.ts";

/**
 * Prints what `run` would use, each value with its origin. A secret is shown as set or not set, never as text, and an
 * endpoint without the password or the key in it.
 */
export async function showConfig(context: CommandContext): Promise<number> {
  const { flags, print } = context;
  const { settings, origins } = loadConfiguration(OPTIONS, sourcesOf(context));
  const rows = (Object.entries(OPTIONS) as [keyof typeof OPTIONS, Option<unknown>][]).map(
    ([flag, option]) => ({
      flag,
      value: shownValue(flag, option, settings[nameOf(flag)]),
      origin: describeOrigin(origins[nameOf(flag)]),
    }),
  );
  if (flags.json === "true") {
    const values = rows.map(({ flag, value, origin }) => [flag, { value: value ?? null, origin }]);
    print(`${JSON.stringify(Object.fromEntries(values), null, 2)}\n`);
    return EXIT.ok;
  }
  const width = Math.max(...rows.map((row) => row.flag.length)) + 2;
  for (const { flag, value, origin } of rows) {
    const shown = value === undefined || value === "" ? "(not set)" : String(value);
    print(`${flag.padEnd(width)}${shown.padEnd(34)} ${origin}\n`);
  }
  return EXIT.ok;
}

/** Writes a config file in which every setting is explained and none is set. */
export async function initConfig({ words, environment, print }: CommandContext): Promise<number> {
  const path = words![0] === undefined ? configFile(environment) : expandPath(words![0]);
  if (!createFile(path, configTemplate(OPTIONS), 0o600))
    throw new Failure<ConfigCode>("config.exists", {
      message: `${path} is there already`,
      hint: "give another file, or move that one aside; it is never overwritten",
    });
  print(`${path}\nUse it with --config, or with OPENVALIDATOR_CONFIG=${path}\n`);
  return EXIT.ok;
}

function shownValue(flag: string, option: Option<unknown>, value: unknown): unknown {
  if (value === undefined) return undefined;
  if (option.secret) return "[secret]";
  const written = option.kind.format?.(value) ?? value;
  return typeof written === "string" ? shownText(flag, written) : written;
}
