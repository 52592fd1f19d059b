import { existsSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "../base/error.ts";
import { expandPath, stateDirectory } from "../config/paths.ts";

export type JournalCode = "journal.missing";

/**
 * The folder of a journal: the one that is given, or that of the validator which the settings name.
 * @throws Failure `journal.missing`
 */
export function journalFolder(
  given: string | undefined,
  settings: Parameters<typeof stateDirectory>[0],
): string {
  const folder = given === undefined ? join(stateDirectory(settings), "events") : expandPath(given);
  if (existsSync(folder)) return folder;
  throw new Failure<JournalCode>("journal.missing", {
    message: `there is no event journal in ${folder}`,
    hint: "give the folder of a journal, or the --wallet.*, --netuid and --logging.logging_dir flags of the validator that wrote it",
  });
}
