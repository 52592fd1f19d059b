import { expect, test } from "bun:test";
import { join } from "node:path";
import { COMMANDS } from "../../src/cli/commands.ts";
import { Journal } from "../../src/events/journal.ts";
import { scratchFolders } from "../scratch.ts";
import { eventsOfRun } from "../telemetry/live/subnet.ts";
import { captured } from "./captured.ts";

const GOLDEN = join(import.meta.dir, "../golden/analysis/events.jsonl");
const scratch = scratchFolders("screen-width");

/** What miners of long texts and many columns gave. */
function journal(): string {
  const folder = scratch();
  const writer = Journal.open(folder, { budgetBytes: 1e9 });
  for (const event of eventsOfRun(6, 12)) writer.append(event);
  writer.close();
  return folder;
}

const SCREENS: Record<string, (at: string) => string[]> = {
  "explain UID": (at) => ["explain", "3", at],
  "explain step": (at) => ["explain", "step", "104", at],
  "explain of a journal with weights": () => ["explain", "1", GOLDEN],
  analyze: (at) => ["analyze", at],
  miners: (at) => ["miners", at],
  "miners --uid": (at) => ["miners", at, "--uid", "2"],
  "query --list": () => ["query", "--list"],
  "query of everything": (at) => ["query", "SELECT * FROM answers LIMIT 3", at],
  "models list": (at) => ["models", "list", "--models.dir", at],
  "models show of a profile": (at) => ["models", "show", "legacy", "--models.dir", at],
  "models show of a model": (at) => ["models", "show", "toxic-bert", "--models.dir", at],
  "models show of what is inside": () => ["models", "show", "all-minilm-l6-v2-embedded"],
  devices: () => ["devices"],
  help: () => ["--help"],
  "help of a group": () => ["models", "--help"],
  ...Object.fromEntries(
    COMMANDS.filter(({ hidden }) => !hidden).map(({ path }) => [
      `help of ${path.join(" ")}`,
      () => [...path, "--help"],
    ]),
  ),
};

for (const width of [60, 80, 100])
  test.each(Object.entries(SCREENS))(`%s keeps to a screen of ${width} characters`, async (_, words) => {
    const { exitCode, stdout } = await captured(words(journal()), {
      COLUMNS: String(width),
      HOME: scratch(),
    });
    expect(exitCode).toBe(0);
    expect(stdout.length).toBeGreaterThan(20);
    // A path and an address are one word, which nobody could copy in two.
    const tooWide = stdout.split("\n").filter((line) => Bun.stringWidth(line) > width && line.includes(" "));
    expect(tooWide).toEqual([]);
  });

const FAILURES: Record<string, (at: string) => string[]> = {
  "a mistyped flag": () => ["run", "--wallet.nme", "x"],
  "no key file": (at) => ["wallet", "show", "--wallet.path", at],
  "an encrypted key": (at) => ["wallet", "create", "--encrypt", "--wallet.path", at],
  "a question past its tables": (at) => ["query", "COPY steps TO '/nowhere/x.csv'", at],
  "another question": (at) => ["query", "SET threads = 1", at],
  "a word too few": () => ["wallet"],
};

for (const width of [60, 80, 100])
  test.each(Object.entries(FAILURES))(`%s is told on a screen of ${width} characters`, async (_, words) => {
    const { exitCode, stderr } = await captured(words(journal()), {
      COLUMNS: String(width),
      HOME: scratch(),
    });
    expect(exitCode).not.toBe(0);
    const [sentence = "", ...hint] = stderr.trimEnd().split(/\n {2}→ /);
    expect(sentence).toStartWith("error: ");
    expect(hint).toHaveLength(1);
    // A path stays whole, and so does a command.
    const rest = stderr.replaceAll(/`[^`]*`/g, "`…`").split("\n");
    expect(rest.filter((line) => Bun.stringWidth(line) > width && line.trim().includes(" ", 2))).toEqual([]);
  });

test("what does not go to a terminal is as wide as it is", async () => {
  const { stdout } = await captured(["explain", "step", "104", journal()]);
  expect(stdout).toContain("multiplies out");
  expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeGreaterThan(100);
});
