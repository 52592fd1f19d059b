import { sleep } from "../base/deadline.ts";
import { canRedraw } from "../base/terminal.ts";
import type { CommandContext } from "./command.ts";

const WATCH_MS = 2_000;

/**
 * Prints what `show` gives; with --watch again and again in place, until the signal.
 * @returns what the last `show` gave beside its text
 */
export async function printWatched<T extends { text: string }>(
  { flags, print, signal }: Pick<CommandContext, "flags" | "print" | "signal">,
  show: () => Promise<T>,
): Promise<T> {
  const isWatching = flags.watch === "true";
  // Home and clear below: without a flicker, and what was above stays in the terminal.
  const clear = isWatching && canRedraw(process.stdout) ? "\u001b[H\u001b[2J" : "";
  let shown: T;
  do {
    shown = await show();
    print(clear + shown.text);
    if (isWatching) await sleep(WATCH_MS, signal);
  } while (isWatching && !signal.aborted);
  return shown;
}
