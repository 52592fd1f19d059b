import { expect, test } from "bun:test";
import { Journal } from "../../src/events/journal.ts";
import { readRunEvents } from "../../src/events/run-reader.ts";
import { scratchFolders } from "../scratch.ts";
import { stopEvent } from "./bodies.ts";

const folder = scratchFolders("run-reader");

test("gives a run from an event on, however the journal was rotated and whatever stands around it", async () => {
  const directory = folder();
  const journal = Journal.open(directory, { budgetBytes: 1e9, segmentBytes: 2_000 });
  for (const run of ["before", "wanted", "after"])
    for (let sequence = 0; sequence < 40; sequence++) {
      const minute = { before: "00", wanted: "01", after: "02" }[run];
      journal.append({ ...stopEvent(sequence, { run }), time: `2026-01-01T00:${minute}:00.000Z` });
    }
  await journal.settled();
  for (const from of [0, 1, 17, 39]) {
    const found: number[] = [];
    const wanted = { run: "wanted", sequence: from, since: "2026-01-01T00:01:00.000Z" };
    for await (const event of readRunEvents(directory, wanted)) found.push(event.sequence);
    expect(found).toEqual(Array.from({ length: found.length }, (_, at) => found[0]! + at));
    expect(found[0]).toBeLessThanOrEqual(from);
    expect(found.at(-1)).toBe(39);
  }
  await journal.close();
});
