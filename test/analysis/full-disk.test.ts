import { expect, test } from "bun:test";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { captured } from "../cli/captured.ts";
import { smallDisks, whyNoSmallDisk } from "../events/small-disk.ts";
import { scratchFolders } from "../scratch.ts";
import { journalOf, stepLine } from "./lines.ts";

const smallDisk = smallDisks();

const scratch = scratchFolders("analysis-disk");
const noDisk = whyNoSmallDisk();

test.skipIf(noDisk !== undefined)("a full disk is told as one, and leaves nothing", async () => {
  const cache = smallDisk(64 << 10);
  writeFileSync(join(cache, "fill"), new Uint8Array(60_000));
  const journal = journalOf(scratch(), [stepLine(1)]);
  const { stderr, exitCode } = await captured(["analyze", journal], {
    HOME: scratch(),
    OPENVALIDATOR_CACHE: cache,
  });
  expect(stderr).toStartWith("error: there is no room on the disk: ");
  expect(exitCode).toBe(73);
  expect(readdirSync(join(cache, "analysis"))).toEqual([]);
});

test.skipIf(noDisk !== undefined)("a text of which the disk takes a part is no answer", async () => {
  const disk = smallDisk(64 << 10);
  const journal = journalOf(scratch(), [stepLine(1)]);
  const { exitCode } = await captured(
    ["query", "SELECT repeat('x', 300000)", journal, "--format", "csv", "--out", join(disk, "answer.csv")],
    { HOME: scratch(), OPENVALIDATOR_CACHE: scratch() },
  );
  expect(exitCode).toBe(73);
  expect(readdirSync(disk)).toEqual([]);
});
