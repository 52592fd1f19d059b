import { describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { captured } from "../../cli/captured.ts";
import { scratchFolders } from "../../scratch.ts";
import { journalOf, stepLine } from "../lines.ts";

const scratch = scratchFolders("dataset-filters");

/** The folder of a dataset of these steps, and how many rows were left out for which reason. */
async function dataset(lines: object[], ...flags: string[]) {
  const out = join(scratch(), "out");
  const journal = journalOf(join(scratch(), "events"), lines);
  const shown = await captured(["dataset", journal, "--out", out, "--json", ...flags], {
    XDG_CACHE_HOME: scratch(),
  });
  expect({ exitCode: shown.exitCode, stderr: shown.stderr }).toEqual({ exitCode: 0, stderr: "" });
  return {
    out,
    leftOut: JSON.parse(shown.stdout).leftOut,
    text: (name: string) => readFileSync(join(out, name), "utf8"),
  };
}

const answer = (completion: string, changes: object = {}) => ({
  uids: [4],
  hotkeys: ["A"],
  completions: [completion],
  completion_times: [1],
  completion_status_codes: [200],
  completion_status_messages: [""],
  rewards: [0.5],
  best: completion,
  dpo: [1],
  dpo_normalized: [1],
  shadow_x: [1],
  ...changes,
});

describe("a filter", () => {
  test("leaves the best of those that it lets through, where a dataset has the best answer of each step", async () => {
    const lines = [stepLine(0), stepLine(1), stepLine(2, { rewards: [0.75, 0, Number.NaN] })];
    const { leftOut, text } = await dataset(
      lines,
      ...["--format", "sharegpt", "--dedupe", "off", "--uids", "2,9"],
    );
    expect(leftOut).toEqual({});
    expect(text("train.jsonl").match(/"gpt","value":"wood"/g)).toHaveLength(3);
  });

  test("of a column takes neither NaN nor a column that is not there, and the bound itself", async () => {
    const lines = [
      stepLine(0, answer("no number", { dpo: [null] })),
      stepLine(1, answer("bound", { dpo: [0.25] })),
      stepLine(2, answer("below", { dpo: [0.2] })),
      stepLine(3, { ...answer("none"), dpo: undefined }),
    ];
    const { leftOut, text } = await dataset(lines, "--format", "openai-chat", "--min", "dpo=0.25");
    expect(leftOut).toEqual({ minimum: 3 });
    expect(text("train.jsonl")).toContain('"bound"');
  });

  test("of length counts prompt and answer, four bytes of UTF-8 a token", async () => {
    const lines = [
      stepLine(0, { prompt: "abcd", ...answer("é234567") }), // 4 + 8 bytes
      stepLine(1, { prompt: "abcd", ...answer("é2345678") }),
    ];
    const { leftOut, text } = await dataset(lines, "--format", "openai", "--max-tokens", "3");
    expect(leftOut).toEqual({ long: 1 });
    expect(text("train.jsonl")).toBe('{"prompt": "abcd", "completion": "\\u00e9234567"}');
  });

  test("of steps, uids and rewards tells the first reason alone", async () => {
    const lines = [
      stepLine(0, answer("other step", { name: "augment", task: "augment", counted: false })),
      stepLine(1, answer("did not count", { counted: false, uids: [9] })),
      stepLine(2, answer("other uid", { uids: [9], rewards: [0.1] })),
      stepLine(3, answer("", { completion_status_codes: [408] })),
      stepLine(4, answer("poor", { rewards: [0.1] })),
      stepLine(5, answer("on the list")),
      stepLine(6, answer("on the list, with more")),
    ];
    const phrases = join(scratch(), "phrases");
    writeFileSync(phrases, "on the list\n");
    const flags = [
      "--names",
      "answer",
      "--counted",
      "--uids",
      "4",
      "--min-reward",
      "0.5",
      "--blacklist_path",
      phrases,
    ];
    const { leftOut, text } = await dataset(lines, "--format", "openai-chat", ...flags);
    expect(leftOut).toEqual({ name: 1, uncounted: 1, uid: 1, empty: 1, reward: 1, phrase: 1 });
    expect(text("train.jsonl")).toContain("on the list, with more");
  });
});

test("a cell that a spreadsheet computes gets a mark, which can be taken away again", async () => {
  const texts = [
    "=1+1",
    "+49",
    "-5",
    "@x",
    "\tx",
    "'=x",
    "''-x",
    "x=1",
    "'x",
    " =1",
    "＝1",
    "＋1",
    "－1",
    "＠x",
  ];
  const lines = texts.flatMap((text, at) => [
    stepLine(2 * at, {
      name: "followup0",
      task: "followup",
      forward: `${at}`,
      prompt: `q${at}`,
      ...answer(text),
    }),
    stepLine(2 * at + 1, { forward: `${at}`, prompt: `a${at}`, ...answer("fine") }),
  ]);
  const { text } = await dataset(lines, "--format", "mining-csv");
  const cells = text("train.csv")
    .trimEnd()
    .split("\n")
    .slice(1)
    .map((line) => line.split(",")[2]!);
  expect(cells).toEqual([
    "'=1+1",
    "'+49",
    "'-5",
    "'@x",
    "'\tx",
    "''=x",
    "'''-x",
    "x=1",
    "'x",
    " =1",
    "'＝1",
    "'＋1",
    "'－1",
    "'＠x",
  ]);
  expect(cells.map((cell) => cell.replace(/^'(?='*[=+\-@\t\r\n＝＋－＠])/, ""))).toEqual(texts);
  const raw = await dataset(lines, "--format", "mining-csv", "--csv-raw");
  expect(raw.text("train.csv")).toContain("0,q0,=1+1,a0,fine\n");
});

test("what is no number is NULL in Parquet", async () => {
  const { out } = await dataset(
    [stepLine(0, answer("x", { dpo: [null] })), stepLine(1, answer("y"))],
    "--format",
    "parquet",
  );
  const connection = await (await DuckDBInstance.create(":memory:")).connect();
  const rows = await connection.runAndReadAll(`SELECT dpo, shadow_x FROM '${join(out, "train.parquet")}'`);
  expect(rows.getRowObjectsJS()).toEqual([
    { dpo: null, shadow_x: 1 },
    { dpo: 1, shadow_x: 1 },
  ]);
  connection.disconnectSync();
});
