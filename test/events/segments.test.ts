import { expect, test } from "bun:test";
import { renameSync } from "node:fs";
import { join } from "node:path";
import { Journal } from "../../src/events/journal.ts";
import { ACTIVE_SEGMENT, journalMark, plainName } from "../../src/events/segments.ts";
import { scratchFolders } from "../scratch.ts";
import { eventsOfRun } from "../telemetry/live/subnet.ts";

const folderOf = scratchFolders("segments");

test("the mark of a journal is another after each event and each rotation, and the same while nothing is written", () => {
  const folder = folderOf();
  const marks = [journalMark(folder)];
  const journal = Journal.open(folder, { budgetBytes: 1e9 });
  for (const event of eventsOfRun(4, 3)) {
    journal.append(event);
    marks.push(journalMark(folder));
  }
  journal.close();
  expect(new Set(marks).size).toBe(marks.length);
  expect(journalMark(folder)).toBe(marks.at(-1)!);
  renameSync(join(folder, ACTIVE_SEGMENT), join(folder, plainName(1)));
  expect(marks).not.toContain(journalMark(folder));
});
