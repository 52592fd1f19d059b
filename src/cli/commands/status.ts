import { join } from "node:path";
import { sleep } from "../../base/deadline.ts";
import { isFailure, messageOf } from "../../base/error.ts";
import { lockHolder } from "../../base/lock.ts";
import { canRedraw } from "../../base/terminal.ts";
import { loadConfiguration } from "../../config/load.ts";
import { JOURNAL_OPTIONS } from "../../config/options.ts";
import { stateDirectory } from "../../config/paths.ts";
import { readStatus } from "../../telemetry/status-socket.ts";
import { LOCK_FILE } from "../../validator/state/upkeep.ts";
import { type CommandContext, sourcesOf } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { statusScreen } from "../status-screen.ts";

const WATCH_MS = 2_000;

/**
 * Shows on one screen how the validator of these settings is. Exit code 0 healthy, 1 not, 69 none runs, 75 it runs and
 * gives no answer.
 */
export async function status(context: CommandContext): Promise<number> {
  const directory = stateDirectory(loadConfiguration(JOURNAL_OPTIONS, sourcesOf(context)).settings);
  const isWatching = context.flags.watch === "true";
  let exit: number;
  do {
    const shown = await look(directory, context.flags.json === "true");
    exit = shown.exit;
    const clear = isWatching && canRedraw(process.stdout) ? "\u001b[H\u001b[2J" : "";
    context.print(clear + shown.text);
  } while (isWatching && (await isTimeForMore(context.signal)));
  return isWatching ? EXIT.ok : exit;
}

async function look(directory: string, asJson: boolean): Promise<{ text: string; exit: number }> {
  try {
    const found = await readStatus(directory);
    return {
      text: asJson ? `${JSON.stringify(found)}\n` : statusScreen(found, Date.now()),
      exit: found.healthy ? EXIT.ok : EXIT.unhealthy,
    };
  } catch (error) {
    if (!isFailure(error)) throw error;
    const holder = lockHolder(join(directory, LOCK_FILE));
    const reason =
      holder === undefined
        ? `no validator runs in ${directory}`
        : `a validator runs (${holder}), but ${messageOf(error)}`;
    const text = asJson ? JSON.stringify({ healthy: false, reasons: [reason] }) : `NOT HEALTHY  ${reason}`;
    return { text: `${text}\n`, exit: holder === undefined ? EXIT.unavailable : EXIT.tryLater };
  }
}

async function isTimeForMore(signal: AbortSignal): Promise<boolean> {
  await sleep(WATCH_MS, signal);
  return !signal.aborted;
}
