import { expect, test } from "bun:test";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import type { Section } from "../../src/analysis/report/section.ts";
import { analysisScreen } from "../../src/cli/analysis-screen.ts";
import { scratchFolders } from "../scratch.ts";
import { HOSTILE } from "../telemetry/live/subnet.ts";
import { captured } from "./captured.ts";

const scratch = scratchFolders("analyze");

const JOURNAL = join(import.meta.dir, "../golden/analysis/events.jsonl");

test("openvalidator analyze tells what a journal comes to, and leaves no file", async () => {
  const { exitCode, stdout, stderr } = await captured(["analyze", JOURNAL, "--top", "2"]);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  expect(stdout).toStartWith("10 events from 1 file\n");
  expect(stdout).toContain(
    "6 steps in 5.0 minutes, 72.0 an hour: 18 of 24 calls were answered (75 %), mean reward 0.3305. 1 did not count",
  );
  expect(stdout).toMatch(/\n {2}0 +hk0… +6 +100 % +0\.8600 +100 % +1\.00 s +0\.4000 +0\.7500\n/);
  expect(stdout).toContain("… 2 more\n");
  expect(stdout).not.toContain("\u001b");
});

test("openvalidator analyze counts each event once, and tells its copies beside", async () => {
  const copy = join(scratch(), "events.jsonl");
  copyFileSync(JOURNAL, copy);
  const { stdout } = await captured(["analyze", JOURNAL, copy]);
  expect(stdout).toStartWith("10 events from 2 files; 10 copies of them left out\n");
});

test("openvalidator analyze prints JSON, of one miner and task", async () => {
  const { stdout } = await captured(["analyze", JOURNAL, "--json", "--uid", "1", "--name", "augment"]);
  const told = JSON.parse(stdout);
  expect(told).toMatchObject({
    scope: { uid: 1, name: "augment", top: 10 },
    reading: { events: 10, unreadable: 0 },
  });
  expect(told.leaderboard).toMatchObject([{ uid: 1, asked: 2 }]);
});

test("openvalidator analyze says so where there is nothing to read", async () => {
  expect((await captured(["analyze", "/nowhere/at/all"])).exitCode).toBe(78);
});

test.each([
  [["--since", "2030-01-01"], "since 2030-01-01T00:00:00.000Z"],
  [["--name", "nosuch"], 'named "nosuch"'],
  [["--uid", "999", "--name", "answer"], 'named "answer", that asked the miner 999'],
])("openvalidator analyze %p tells that no step is left, and which there are", async (flags, filters) => {
  const { exitCode, stderr } = await captured(["analyze", JOURNAL, ...flags]);
  expect(exitCode).toBe(69);
  expect(stderr).toStartWith(`error: none of 6 steps is one ${filters}\n  → tasks there are `);
});

test("no line is wider than the terminal, whatever miners write, and what they write is escaped", () => {
  const wide = "漢字".repeat(80);
  const section: Section = {
    id: "x",
    title: "Title",
    words: `A sentence of some length that has to be wrapped where the terminal ends, ${HOSTILE}\u001b[2J.`,
    charts: [
      {
        id: "c",
        title: "Over time",
        form: "reward",
        kind: "lines",
        series: [{ name: `${HOSTILE}\u001b[31m`, points: Array.from({ length: 48 }, (_, at) => [at, at]) }],
      },
    ],
    tables: [
      {
        title: "T",
        columns: [
          { title: "uid", form: "uid" },
          { title: "spare", form: "count", spare: 1 },
          { title: "text", form: "text" },
          { title: `more ${HOSTILE}\u001b[31m`, form: "text", spare: 2 },
        ],
        rows: [
          [1, 1e9, `${HOSTILE}\u001b[31m`, wide],
          [200, 2, "short", "e\u0301\r\nx"],
        ],
      },
    ],
  };
  for (const width of [40, 60, 100]) {
    const shown = analysisScreen([section], { width, hasColour: false, top: 10 });
    for (const line of shown.split("\n")) expect(Bun.stringWidth(line)).toBeLessThanOrEqual(width);
    expect(shown).not.toContain("\u001b");
    expect(shown).not.toContain("\u202e");
    expect(shown).not.toContain("\r");
  }
  const coloured = analysisScreen([section], { width: 60, hasColour: true, top: 10 });
  expect(coloured).toContain("\u001b[1mTitle\u001b[0m");
});
