import { beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { VIEWS } from "../../src/analysis/views/views.ts";
import { runCli } from "../../src/cli/cli.ts";
import type { Event } from "../../src/events/schema.ts";
import { scratchFolders } from "../scratch.ts";
import { eventsOfRun } from "../telemetry/live/subnet.ts";

const scratch = scratchFolders("hostile-text");

/** What a stranger may write to rule a terminal, to forge a line of it, to turn it around, or to run in a page. */
const EVIL = '\u001b]0;x\u0007\u009b2J\r\nFORGED\u202e\u2066<script>window.pwned=1</script>\u2028\u007f"|`';

/** Fields by which an event is told. */
const KEPT = ["kind", "time"];
/** Fields of which there are only so many words: another is no event to the live reader, and one to SQL. */
const WORDS = ["state", "path", "outcome", "origin", "reason", "task"];

/** A value in which every text and, of a step, every name of a column holds it. */
function hostile(value: unknown, kept: readonly string[], isStep = false): unknown {
  if (typeof value === "string") return `${value.slice(0, 12)}${EVIL}`;
  if (Array.isArray(value)) return value.map((one) => hostile(one, kept));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => [
      isStep && COLUMN.test(name) ? name.replace(/^(.*?)(_normalized|_reward_model|$)/, `$1${EVIL}$2`) : name,
      kept.includes(name) && typeof one === "string" ? one : hostile(one, kept),
    ]),
  );
}
const COLUMN = /_filter$|_model$|_normalized$/;

const STEP = String(eventsOfRun(6, 4).findLast(({ kind }) => kind === "step")?.["step" as never]);

/** The name of its folder is a stranger's too: it may have come in an archive. */
function journalOf(kept: readonly string[]): string {
  const folder = join(scratch(), `journal${EVIL.replaceAll("/", "")}`);
  mkdirSync(folder);
  const events: Event[] = eventsOfRun(6, 12);
  const model = {
    model: "m",
    state: "loaded",
    device: "cpu",
    dtype: "q8",
    ms: 1,
    bytes: 1,
    detail: "slow",
  } as const;
  const lines = [
    ...events,
    { ...events.at(-1)!, kind: "model", sequence: events.length, ...model } as Event,
  ].map((event) => `${JSON.stringify(hostile(event, kept, event.kind === "step"))}\n`);
  writeFileSync(join(folder, "events.jsonl"), lines.join(""));
  return folder;
}

let journal: string;
/** One that the live reader takes. */
let readable: string;
beforeAll(() => {
  journal = journalOf(KEPT);
  readable = journalOf([...KEPT, ...WORDS]);
});

/** What comes to a terminal or to a pipe. */
async function printed(words: readonly string[], isTerminal: boolean): Promise<string> {
  let text = "";
  const add = (more: string): void => {
    text += more;
  };
  const environment = { HOME: scratch(), OPENVALIDATOR_CACHE: scratch(), COLUMNS: "100" };
  const exitCode = await runCli(words, {
    environment,
    signal: new AbortController().signal,
    isTerminal,
    stdout: add,
    stderr: add,
  });
  expect({ words, exitCode, text }).toMatchObject({ exitCode: 0 });
  return text;
}

/** Nothing but letters, and no line that a stranger begins. */
function expectHarmless(text: string): void {
  expect(text.replaceAll(/\r?\n/g, "").match(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u)).toBeNull();
  expect(text).not.toMatch(/^\s*FORGED/m);
}

const SCREENS: Record<string, (at: string) => string[]> = {
  "explain UID": (at) => ["explain", "3", at],
  "explain step": (at) => ["explain", "step", STEP, at],
  "explain --json": (at) => ["explain", "3", at, "--json"],
  analyze: (at) => ["analyze", at],
  "analyze of one that the live reader takes": () => ["analyze", readable],
  "analyze --json": (at) => ["analyze", at, "--json"],
  shadow: (at) => ["shadow", at],
  miners: () => ["miners", readable],
  "miners --uid": () => ["miners", readable, "--uid", "3"],
  "miners --uid --json": () => ["miners", readable, "--uid", "3", "--json"],
  ...Object.fromEntries(
    VIEWS.flatMap(({ name }) =>
      ["table", "json", "jsonl", "markdown"].map((form) => [
        `query ${name} as ${form}`,
        (at: string) => ["query", `SELECT * FROM ${name} LIMIT 20`, at, "--format", form],
      ]),
    ),
  ),
  "query with a title of its own": (at) => ["query", `SELECT 1 AS "a${EVIL.replaceAll('"', "")}"`, at],
};

describe("a journal in which every text is hostile does nothing to a terminal or a pipe by", () => {
  for (const [name, words] of Object.entries(SCREENS))
    test(name, async () => {
      const text = await printed(words(journal), false);
      expectHarmless(text);
      // It is there to be seen.
      expect(text).toMatch(/\\u(?:001b|\{1b\})\]0;x/);
      expectHarmless(await printed(words(journal), true));
    });

  test("query as CSV on a terminal, which a pipe gets as it is", async () => {
    const words = ["query", "SELECT name, columns FROM answers LIMIT 3", journal, "--format", "csv"];
    const text = await printed(words, true);
    expect(text.replaceAll(/\r?\n/g, "").match(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u)).toBeNull();
    expect(await printed(words, false)).toContain("\u001b]0;x");
  });
});

test("a dataset's card and screen, a report and its charts hold it as text", async () => {
  const out = scratch();
  for (const format of ["dpo-pairs", "reward-model", "openai-chat"]) {
    const folder = join(out, format);
    expectHarmless(await printed(["dataset", journal, "--format", format, "--out", folder], false));
    const card = readFileSync(join(folder, "README.md"), "utf8");
    expectHarmless(card);
    // Its head is YAML, whose texts stand in quotes.
    expect(card.split("\n---\n")[1]).not.toMatch(/(?<!\\)<script/);
  }
  const report = join(out, "report.html");
  await printed(["analyze", journal, "--report", report, "--charts", join(out, "charts")], false);
  const charts = readdirSync(join(out, "charts")).map((name) =>
    readFileSync(join(out, "charts", name), "utf8"),
  );
  expect(charts.length).toBeGreaterThan(5);
  for (const svg of charts) {
    expectHarmless(svg);
    expect(svg).not.toContain("<script");
  }
  const page = readFileSync(report, "utf8");
  expectHarmless(page.replaceAll("\t", ""));
  expect(page.match(/<script/g)).toHaveLength(1);
}, 30_000);
