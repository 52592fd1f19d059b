import { log } from "../../base/log.ts";
import { readRunEvents } from "../../events/run-reader.ts";
import { RowMaker } from "../../wandb/row.ts";
import type { RunSpool } from "../../wandb/spool.ts";

/** Rows after which the event loop gets its turn. */
const ROWS_AT_ONCE = 20;

/**
 * Appends the rows that a spool lacks, made from the journal: the SDK keeps half a minute in memory, a full disk refuses
 * rows, and a reader that is too slow never sees some.
 * @param end number after the last event to append; the last one of the process when left out
 * @returns whether the spool has all of them now, and how the process ended if that is among them
 * @throws the error of the file system
 */
export async function refill(
  spool: RunSpool,
  journal: string,
  weightsStepLength: number,
  end = Number.POSITIVE_INFINITY,
): Promise<{ isWhole: boolean; exitCode: number | undefined }> {
  let exitCode: number | undefined;
  if (spool.next >= end) return { isWhole: true, exitCode };
  const maker = new RowMaker(weightsStepLength);
  const before = spool.next;
  let rows = 0;
  for await (const event of readRunEvents(journal, {
    run: spool.meta.process,
    sequence: spool.next,
    since: spool.meta.startedAt,
  })) {
    if (event.sequence >= end) break;
    if (event.kind === "stop") exitCode = event.exit_code;
    const row = maker.row(event);
    if (event.sequence < spool.next) continue;
    spool.append(row);
    if (++rows % ROWS_AT_ONCE === 0) await new Promise<void>((resolve) => setImmediate(resolve));
  }
  if (rows > 0)
    log.debug("Rows for W&B were made from the journal", { run: spool.meta.id, first: before, rows });
  return { isWhole: end === Number.POSITIVE_INFINITY || spool.next >= end, exitCode };
}
