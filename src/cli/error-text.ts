import { Failure, messageOf } from "../base/error.ts";
import { printable, wordLines } from "../base/text.ts";
import { refusedBySystem } from "./exit-codes.ts";
import { clauseOf } from "./hint-form.ts";

/** Of a sentence; several paths, each as long as a system takes it, are no more. */
const MAX_CHARACTERS = 16_384;

/**
 * What an operator reads: one sentence and the next step. Never a stack: frames of a compiled program tell nobody
 * anything.
 * @param width characters of a line of the terminal; undefined = any
 */
export function describeError(error: unknown, width = Number.POSITIVE_INFINITY): string {
  const sentence = shown(messageOf(error));
  const known = error instanceof Failure ? error : refusedBySystem(error);
  if (known !== undefined)
    return paragraphs(
      `error: ${sentence}`,
      known.hint === undefined ? undefined : clauseOf(shown(known.hint)),
      width,
    );
  return paragraphs(`error: unexpected: ${sentence}`, OUR_FAULT, width);
}

const OUR_FAULT = "this is a fault of openvalidator; please report it with what --logging.debug shows";
const ARROW = "  → ";

function paragraphs(sentence: string, hint: string | undefined, width: number): string {
  const step = hint === undefined ? [] : wordLines(hint, width - ARROW.length);
  return [
    ...wordLines(sentence, width),
    ...step.map((line, at) => `${at === 0 ? ARROW : " ".repeat(ARROW.length)}${line}`),
    "",
  ].join("\n");
}

/** An error may repeat what a stranger wrote: the text of a miner, a name in a file, an answer of a server. */
function shown(text: string): string {
  return printable(text.replace(/\s*\n\s*/g, " "), MAX_CHARACTERS);
}

/** Codes of waits that a signal ended. */
const INTERRUPTED = new Set(["deadline.aborted", "wallet.cancelled", "query.stopped"]);

/** True for an error that says only that the signal came: its reason, or a wait that it ended. */
export function isInterruption(error: unknown, signal: AbortSignal): boolean {
  if (!signal.aborted) return false;
  for (let at: unknown = error; at instanceof Error; at = at.cause)
    if (
      at === signal.reason ||
      at.name === "AbortError" ||
      (at instanceof Failure && INTERRUPTED.has(at.code))
    )
      return true;
  return false;
}
