import { childEnvironment } from "../../base/child-environment.ts";
import { path } from "../../config/kinds.ts";
import { environmentName, type OptionTable, option } from "../../config/option.ts";
import { JOURNAL_OPTIONS, LOG_OPTIONS } from "../../config/options.ts";
import { UPDATE_OPTIONS } from "../../config/update-options.ts";
import { CONFIG_FLAG, type CommandContext } from "../command.ts";

/** Of `self-update`. */
export const SELF_UPDATE_OPTIONS = { ...UPDATE_OPTIONS, ...JOURNAL_OPTIONS, ...LOG_OPTIONS };
/** Of the hidden command that a supervising parent starts; parent and worker may be of different releases. */
export const UPDATE_WORKER_OPTIONS = {
  ...SELF_UPDATE_OPTIONS,
  program: option(path, "", "service", "Executable of the installation, which need not be this one."),
};

const PROXIES = ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"].flatMap((name) => [name, name.toLowerCase()]);

/** Of the flags of `run`, those that a command with these options takes as well. */
export function flagsFor(options: OptionTable, flags: CommandContext["flags"]): Record<string, string> {
  const isKnown = ([flag]: [string, string]): boolean => flag === CONFIG_FLAG || Object.hasOwn(options, flag);
  return Object.fromEntries(Object.entries(flags).filter(isKnown));
}

/** Flags as a command line has them. */
export function writtenFlags(flags: CommandContext["flags"]): string[] {
  return Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`);
}

/** What a process that looks for releases reads, and none of the secrets of the validator. */
export function updaterEnvironment(environment: CommandContext["environment"]): Record<string, string> {
  const passed = childEnvironment(environment);
  const own = Object.entries(UPDATE_WORKER_OPTIONS as OptionTable).flatMap(([flag, { env = [] }]) => [
    environmentName(flag),
    ...env,
  ]);
  for (const name of ["OPENVALIDATOR_CONFIG", ...own, ...PROXIES]) {
    const value = environment[name];
    if (value !== undefined) passed[name] = value;
  }
  return passed;
}
