import { jsonText, printable } from "../../base/text.ts";
import type { Reply } from "../../base/vocabulary.ts";
import { loadConfiguration } from "../../config/load.ts";
import { LOCALNET_ASK_OPTIONS, LOCALNET_CONTROL_OPTIONS } from "../../config/localnet-options.ts";
import { askWithin } from "../../localnet/remote.ts";
import { type CommandContext, sourcesOf } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { screenWidth } from "../fit.ts";
import { fittedTable } from "../table.ts";

const MS = 1000;
/** Beside the time that an answer may take. */
const SPARE_MS = 5000;
const SHOWN_CHARACTERS = 160;

/**
 * Lets a running localnet ask its miners as its validator would, and shows what a run would make of each answer. Exit
 * code 1 when none of them answered.
 */
export async function askOnce(context: CommandContext): Promise<number> {
  const options = { ...LOCALNET_CONTROL_OPTIONS, ...LOCALNET_ASK_OPTIONS };
  const { endpoint, prompt, timeout } = loadConfiguration(options, sourcesOf(context)).settings;
  const params = [prompt, timeout, ...(context.words ?? [])];
  const patienceMs = timeout * MS + SPARE_MS;
  const replies = (await askWithin(patienceMs, endpoint, "localnet_ask", ...params)) as Reply[];
  context.print(
    context.flags.json === "true"
      ? `${jsonText(replies)}\n`
      : tableOf(replies, screenWidth(context.environment)),
  );
  return replies.some(({ completion }) => completion !== null) ? EXIT.ok : EXIT.unhealthy;
}

/** An answer that counts is shown, of any other why it does not. */
const tableOf = (replies: readonly Reply[], width: number | undefined): string =>
  fittedTable(
    ["UID", "STATUS", "SECONDS", "VERDICT", "ANSWER"],
    replies.map(({ uid, status, message, completion, elapsedMs }) => [
      uid,
      status,
      (elapsedMs / MS).toFixed(2),
      completion === null ? printable(message, SHOWN_CHARACTERS) : "answered",
      completion === null ? "" : printable(completion, SHOWN_CHARACTERS),
    ]),
    { width, spare: () => 0, right: new Set([2]) },
  ).text;
