import { constants, setPriority, tmpdir } from "node:os";
import { join } from "node:path";
import { type Opened, openWarehouse } from "../analysis/open-warehouse.ts";
import type { WarehouseOptions } from "../analysis/warehouse.ts";
import { log } from "../base/log.ts";
import { cacheDirectory } from "../base/native.ts";
import { printable } from "../base/text.ts";
import { loadConfiguration } from "../config/load.ts";
import { JOURNAL_OPTIONS } from "../config/options.ts";
import { downloadDirectory } from "../config/paths.ts";
import { type CommandContext, sourcesOf } from "./command.ts";
import { refuseJournalFlags } from "./idle-flags.ts";
import { journalFolder } from "./journal-folder.ts";
import { type Outputs, refuseSources } from "./output-file.ts";

/**
 * The events that words name, or those of the validator of these settings, for a command that asks something of them.
 * Works at low priority, for a validator may run on the same machine.
 * @throws Failure `config.conflict`, `sources.*`, `journal.missing`, `query.stopped`, `output.is-source`
 */
export async function openEvents(
  context: CommandContext,
  words: readonly string[],
  { outputs, ...options }: Pick<WarehouseOptions, "keeps" | "only" | "writable"> & { outputs?: Outputs } = {},
): Promise<Opened> {
  const { environment, signal } = context;
  refuseJournalFlags(context, words);
  const { settings } = loadConfiguration(JOURNAL_OPTIONS, sourcesOf(context));
  setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
  const opened = await openWarehouse({
    words,
    own: () => journalFolder(undefined, settings),
    downloads: downloadDirectory(environment),
    // Not in the folder for temporary files where that is avoidable: it often is in memory.
    temporary: join(cacheDirectory(environment) ?? tmpdir(), "analysis"),
    signal,
    ...options,
  });
  try {
    if (outputs !== undefined) refuseSources(outputs, opened.reports);
  } catch (error) {
    opened.close();
    throw error;
  }
  for (const { path, kind, unreadable, note } of opened.reports)
    if (note !== undefined || unreadable > 0)
      log.warn("Not all of a file could be read as events", {
        path: printable(path),
        kind,
        unreadable,
        note,
      });
  const { unreadable, repeated } = opened.warehouse.reading;
  if (unreadable > 0) log.warn("Some lines are no events that this program can read", { lines: unreadable });
  if (repeated > 0) log.info("Events that are there more than once count once", { copies: repeated });
  return opened;
}
