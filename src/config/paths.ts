import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import type { Settings } from "./options.ts";

/** `~/x` below the home folder; a relative path below the working directory. */
export function expandPath(path: string): string {
  if (path === "~" || path.startsWith("~/")) return join(homedir(), path.slice(1));
  return isAbsolute(path) ? path : resolve(path);
}

/** `<logging_dir>/<wallet>/<hotkey>/netuid<N>/<neuron.name>`, as openvalidators 1.2.0 laid it out. */
export function stateDirectory(
  settings: Pick<Settings, "loggingDir" | "walletName" | "walletHotkey" | "netuid" | "neuronName">,
): string {
  return join(
    expandPath(settings.loggingDir),
    settings.walletName,
    settings.walletHotkey,
    `netuid${settings.netuid}`,
    settings.neuronName,
  );
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
