import { existsSync, readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { Failure } from "../base/error.ts";
import { expandPath, stateDirectory } from "../config/paths.ts";
import { ACTIVE_SEGMENT, closedSegments } from "../events/segments.ts";
import { isSpool } from "../wandb/spool-meta.ts";

export type JournalCode = "journal.missing" | "journal.several";

/** From a folder of logs to a journal: wallet, hotkey, subnet, name, events. */
const DEPTH = 5;
const HINT =
  "give the folder of a journal, or the --wallet.*, --netuid and --logging.logging_dir flags of the validator that wrote it";

/**
 * The folder of a journal: the one that is given or the only one below it, or that of the validator which the settings name.
 * @throws Failure `journal.missing`, `journal.several`
 */
export function journalFolder(
  given: string | undefined,
  settings: Parameters<typeof stateDirectory>[0],
): string {
  if (given !== undefined) return onlyJournal(expandPath(given));
  const folder = join(stateDirectory(settings), "events");
  if (existsSync(folder)) return folder;
  throw missing(folder);
}

function onlyJournal(given: string): string {
  const found = statSync(given, { throwIfNoEntry: false });
  if (found === undefined) throw missing(given);
  const [journal, ...others] = journalsOf(found.isDirectory() ? given : dirname(given), DEPTH);
  if (journal === undefined) throw missing(given);
  if (others.length === 0) return journal;
  throw new Failure<JournalCode>("journal.several", {
    message: `there are ${others.length + 1} event journals below ${given}, and miners of one are shown`,
    hint: `name one of them: ${[journal, ...others].slice(0, 4).join(", ")}`,
  });
}

function journalsOf(folder: string, depth: number): string[] {
  if (isSpool(folder)) return [];
  if (existsSync(join(folder, ACTIVE_SEGMENT)) || closedSegments(folder).length > 0) return [folder];
  if (depth === 0) return [];
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name }) => journalsOf(join(folder, name), depth - 1))
    .sort();
}

function missing(folder: string): Failure<JournalCode> {
  return new Failure("journal.missing", { message: `there is no event journal in ${folder}`, hint: HINT });
}
