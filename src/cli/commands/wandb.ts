import { join } from "node:path";
import { isFailure } from "../../base/error.ts";
import { lockFile } from "../../base/lock.ts";
import { loadConfiguration } from "../../config/load.ts";
import { WANDB_SYNC_OPTIONS } from "../../config/options.ts";
import { stateDirectory } from "../../config/paths.ts";
import { checkKey, syncSpools } from "../../telemetry/wandb/sync.ts";
import { LOCK_FILE } from "../../validator/state/upkeep.ts";
import { askPassword } from "../../wallet/unlock.ts";
import { wandbFailure } from "../../wandb/failure.ts";
import { netrcPath, saveKey, wandbUrl } from "../../wandb/key.ts";
import { type CommandContext, sourcesOf } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { ownTerminal } from "../open-signer.ts";

/** Asks for a key, or reads it from standard input, checks it, and keeps it. */
export async function login(context: CommandContext): Promise<number> {
  const { environment, signal } = context;
  const url = wandbUrl(environment);
  const path = netrcPath(environment);
  if (path === undefined)
    throw wandbFailure("wandb.no-home", {
      message: "this user has no home folder for a .netrc",
      hint: "set HOME or NETRC, or give the key as WANDB_API_KEY",
    });
  const terminal = ownTerminal();
  const key = (
    terminal === undefined
      ? await Bun.stdin.text()
      : new TextDecoder().decode(
          await askPassword("W&B key (https://wandb.ai/authorize shows it): ", terminal, signal),
        )
  ).trim();
  if (!/^[\x21-\x7e]{1,512}$/.test(key))
    throw wandbFailure("wandb.no-key", { message: "no W&B key was given, or one with blanks in it" });
  const entity = await checkKey(url, key, signal);
  saveKey(path, url, key);
  context.print(`The key belongs to ${entity} and is in ${path} now.\n`);
  return EXIT.ok;
}

/** Sends what waits on disk; a running validator that has a key does so by itself. */
export async function sync(context: CommandContext): Promise<number> {
  const { settings } = loadConfiguration(WANDB_SYNC_OPTIONS, sourcesOf(context));
  const directory = stateDirectory(settings);
  const unlock = lockIfAlone(join(directory, LOCK_FILE));
  try {
    const runs = await syncSpools({
      directory,
      environment: context.environment,
      weightsStepLength: settings.wandbWeightsStepLength,
      isAlone: unlock !== undefined,
      signal: context.signal,
      onRun: ({ id, rows, state, page }) =>
        context.print(
          state === "done" ? `${id}  ${rows} rows  ${page}\n` : `${id}  ${rows} rows  not whole: ${state}\n`,
        ),
    });
    if (runs.length === 0) context.print("Nothing waits.\n");
    return runs.every(({ state }) => state === "done") ? EXIT.ok : EXIT.tryLater;
  } finally {
    unlock?.();
  }
}

/** undefined while a validator works with this folder. */
function lockIfAlone(path: string): (() => void) | undefined {
  try {
    return lockFile(path);
  } catch (error) {
    if (isFailure(error, "state.locked")) return undefined;
    throw error;
  }
}
