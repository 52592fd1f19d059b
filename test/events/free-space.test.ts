import { expect, test } from "bun:test";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Archive } from "../../src/events/archive.ts";
import { compressedName } from "../../src/events/segments.ts";
import { scratchFolders } from "../scratch.ts";

const folder = scratchFolders("free-space");
const SEGMENT_BYTES = 10e6;

/** Ten closed segments of 10 MB. */
function journal(freeBytes: () => number, keptFreeBytes = 200e6) {
  const directory = folder();
  for (let number = 1; number <= 10; number++)
    writeFileSync(join(directory, compressedName(number)), Buffer.alloc(SEGMENT_BYTES));
  const archive = new Archive(directory, { budgetBytes: 90e6, keptFreeBytes, freeBytes });
  return { archive, left: () => readdirSync(directory).sort() };
}

test("the oldest events give way while the disk has less free than is kept, and the newest stay", async () => {
  let free = 1e9;
  const { archive, left } = journal(() => free);
  archive.tend();
  expect(left()).toHaveLength(9);
  free = 170e6; // 30 MB too few
  archive.tend();
  await archive.settled();
  expect(left()).toHaveLength(6);
  expect(left()[0]).toBe(compressedName(5));
  free = 0;
  archive.tend();
  expect(left()).toHaveLength(3);
  archive.tend();
  expect(left()).toHaveLength(3);
});

test("without free space to keep only the budget counts, and a disk that tells nothing costs no event", () => {
  const unasked = journal(() => {
    throw new Error("not to be asked");
  }, 0);
  unasked.archive.tend();
  expect(unasked.left()).toHaveLength(9);
  const untold = journal(() => {
    throw new Error("the disk is away");
  });
  untold.archive.tend();
  expect(untold.left()).toHaveLength(10);
});
