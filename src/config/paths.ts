import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import { Failure } from "../base/error.ts";
import type { ConfigCode } from "./kinds.ts";
import type { Settings } from "./options.ts";

/**
 * `~/x` below the home folder; a relative path below the working directory.
 * @throws Failure `config.no-home`, `config.no-directory` where the one that is needed does not exist
 */
export function expandPath(path: string): string {
  if (path === "~" || path.startsWith("~/")) return join(homeFolder(path), path.slice(1));
  if (isAbsolute(path)) return path;
  try {
    return resolve(path);
  } catch (cause) {
    throw new Failure<ConfigCode>("config.no-directory", {
      message: `${path} lies in the working directory, and that was deleted`,
      hint: "change into a folder that exists, or give whole paths",
      cause,
    });
  }
}

function homeFolder(path: string): string {
  try {
    return homedir();
  } catch (cause) {
    throw new Failure<ConfigCode>("config.no-home", {
      message: `${path} lies in the home folder, and this user has none`,
      hint: "set HOME to a folder of this user, or give whole paths",
      cause,
    });
  }
}

/** `<logging_dir>/<wallet>/<hotkey>/netuid<N>/<neuron.name>`, as openvalidators 1.2.0 laid it out. */
export function stateDirectory(
  settings: Pick<Settings, "loggingLoggingDir" | "walletName" | "walletHotkey" | "netuid" | "neuronName">,
): string {
  return join(
    expandPath(settings.loggingLoggingDir),
    settings.walletName,
    settings.walletHotkey,
    `netuid${settings.netuid}`,
    settings.neuronName,
  );
}

/** In a validator's folder; whoever holds it works with the state. */
export const LOCK_FILE = "lock";

/** Where `wandb download` keeps runs, as entity/project/run, below the XDG data folder. */
export function downloadDirectory(environment: Readonly<Record<string, string | undefined>>): string {
  return join(expandPath(environment.XDG_DATA_HOME || "~/.local/share"), "openvalidator/wandb");
}

/** Where models lie: --models.dir, else the XDG data folder. */
export function modelDirectory(
  given: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): string {
  return given === undefined
    ? join(expandPath(environment.XDG_DATA_HOME || "~/.local/share"), "openvalidator/models")
    : expandPath(given);
}

/** Where `config init` and the service of a user keep the settings of `run`, below the XDG config folder. */
export function configFile(environment: Readonly<Record<string, string | undefined>>): string {
  return join(expandPath(environment.XDG_CONFIG_HOME || "~/.config"), CONFIG_NAME);
}

/** JSON with comments, so that editors do not object to them. */
export const CONFIG_NAME = "openvalidator/openvalidator.jsonc";
