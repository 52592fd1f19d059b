import { join } from "node:path";
import { isFailure, messageOf } from "../../base/error.ts";
import { lockHolder } from "../../base/lock.ts";
import { jsonText, wordLines } from "../../base/text.ts";
import { loadConfiguration } from "../../config/load.ts";
import { JOURNAL_OPTIONS } from "../../config/options.ts";
import { LOCK_FILE, stateDirectory } from "../../config/paths.ts";
import { readStatus } from "../../telemetry/status-socket.ts";
import { type CommandContext, sourcesOf } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { screenWidth } from "../fit.ts";
import { statusScreen } from "../status-screen.ts";
import { printWatched } from "../watching.ts";

/**
 * Shows on one screen how the validator of these settings is. Exit code 0 healthy, 1 not, 69 none runs, 75 it runs and
 * gives no answer.
 */
export async function status(context: CommandContext): Promise<number> {
  const directory = stateDirectory(loadConfiguration(JOURNAL_OPTIONS, sourcesOf(context)).settings);
  const width = screenWidth(context.environment);
  const { exit } = await printWatched(context, () => look(directory, context.flags.json === "true", width));
  return context.flags.watch === "true" ? EXIT.ok : exit;
}

async function look(
  directory: string,
  asJson: boolean,
  width: number | undefined,
): Promise<{ text: string; exit: number }> {
  try {
    const found = await readStatus(directory);
    return {
      text: asJson ? `${jsonText(found)}\n` : statusScreen(found, Date.now(), width),
      exit: found.healthy ? EXIT.ok : EXIT.unhealthy,
    };
  } catch (error) {
    if (!isFailure(error)) throw error;
    const holder = lockHolder(join(directory, LOCK_FILE));
    const reason =
      holder === undefined
        ? `no validator runs in ${directory}`
        : `a validator runs (${holder}), but ${messageOf(error)}`;
    const text = asJson
      ? jsonText({ healthy: false, reasons: [reason] })
      : wordLines(`NOT HEALTHY  ${reason}`, width ?? Number.POSITIVE_INFINITY).join("\n");
    return { text: `${text}\n`, exit: holder === undefined ? EXIT.unavailable : EXIT.tryLater };
  }
}
