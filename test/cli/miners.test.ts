import { expect, test } from "bun:test";
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runCli } from "../../src/cli/cli.ts";
import { Journal } from "../../src/events/journal.ts";
import { scratchFolders } from "../scratch.ts";
import { eventsOfRun, hotkeyOf } from "../telemetry/live/subnet.ts";
import { captured } from "./captured.ts";

const folderOf = scratchFolders("miners");

function journalOf(...args: Parameters<typeof eventsOfRun>): string {
  const folder = folderOf();
  const journal = Journal.open(folder, { budgetBytes: 1e9 });
  for (const event of eventsOfRun(...args)) journal.append(event);
  journal.close();
  return folder;
}

test("openvalidator miners shows every miner of a journal, best score first", async () => {
  const { exitCode, stdout, stderr } = await captured(["miners", journalOf(16, 20)]);
  expect([exitCode, stderr]).toEqual([0, ""]);
  expect(stdout).toMatch(/^uid +hotkey +score +reward +seconds +answers +status +rlhf +blacklist/);
  expect(stdout.split("\n")[2]).toStartWith("  8  ");
  // Numbers stand below each other by their ends.
  const [head = "", , ...rows] = stdout.split("\n\n")[0]!.split("\n");
  const end = head.indexOf("answers") + "answers".length;
  expect(rows.map((row) => /^\d+\/\d+$/.test(row.slice(0, end).split(" ").at(-1)!))).not.toContain(false);
  expect(stdout).toMatch(/\n +5 +5xx5Grwv… +0\.5100 +0\.0000 +12\.00 +0\/20 +408 +- +-/);
});

test("openvalidator miners --uid says why a miner has its score, in words", async () => {
  const { stdout } = await captured(["miners", journalOf(16, 20), "--uid", "3"]);
  expect(stdout).toStartWith(`Miner 3, hotkey ${hotkeyOf(3)}\nIts score is 0.066, a moving average`);
  expect(stdout).toContain(
    "It earned 0: blacklist took everything: it holds a phrase that is listed as spam.",
  );
  expect(stdout).toMatch(/ {2}✗ +blacklist +mask +0\.0000 +took everything/);
  const silent = await captured(["miners", journalOf(16, 20), "--uid", "5"]);
  expect(silent.stdout).toContain("it gave no answer to 20 of these 20 questions");
});

test("openvalidator miners leaves nothing in the terminal's hands of what a miner wrote", async () => {
  const { stdout } = await captured(["miners", journalOf(4, 3), "--uid", "2"]);
  expect(stdout).toContain("<script>window.pwned=1</script>\\u{202e}");
  expect(stdout.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Cf}]/u);
});

test("openvalidator miners --json gives the same as data", async () => {
  const folder = journalOf(16, 20);
  const all = JSON.parse((await captured(["miners", folder, "--json"])).stdout);
  expect(all.miners).toHaveLength(16);
  expect(all.miners[0]).toMatchObject({
    uid: 8,
    hotkey: hotkeyOf(8),
    asked: 20,
    answered: 20,
    lastStatus: 200,
  });
  const one = JSON.parse((await captured(["miners", folder, "--json", "--uid", "3"])).stdout);
  expect(one.answers[0].columns.find(({ isCost }: { isCost: boolean }) => isCost)).toBeDefined();
});

test("openvalidator miners says so where nothing is known", async () => {
  expect((await captured(["miners", journalOf(0, 0)])).stdout).toBe("No miner was asked yet.\n");
  expect((await captured(["miners", journalOf(2, 1), "--uid", "9"])).stdout).toContain("It was not asked");
  const none = await captured(["miners", "--logging.logging_dir", folderOf()]);
  expect(none.exitCode).toBe(78);
  expect(none.stderr).toContain("there is no event journal in");
});

test("openvalidator miners finds the journal in a folder of logs, and asks which one where there are several", async () => {
  const logs = folderOf();
  const below = (name: string) => join(logs, name, "validator/netuid1/core_prompting_validator");
  expect((await captured(["miners", logs])).stderr).toContain("there is no event journal in");
  mkdirSync(below("first"), { recursive: true });
  cpSync(journalOf(4, 3), join(below("first"), "events"), { recursive: true });
  const one = await captured(["miners", logs, "--json"]);
  expect([one.exitCode, JSON.parse(one.stdout).miners.length]).toEqual([0, 4]);
  const file = await captured(["miners", join(below("first"), "events/events.jsonl"), "--json"]);
  expect([file.exitCode, JSON.parse(file.stdout).miners.length]).toEqual([0, 4]);
  cpSync(below("first"), below("second"), { recursive: true });
  const two = await captured(["miners", logs]);
  expect(two.exitCode).toBe(78);
  expect(two.stderr).toContain(`there are 2 event journals below ${logs}`);
});

test("openvalidator miners takes no spool of W&B for a journal, which keeps system metrics under the same name", async () => {
  const state = folderOf();
  const spool = join(state, "wandb/run-20260101000000-abcd1234");
  mkdirSync(spool, { recursive: true });
  writeFileSync(join(spool, "meta.json"), "{}\n");
  writeFileSync(join(spool, "events.jsonl"), '{"system.cpu":1}\n');
  expect((await captured(["miners", state])).stderr).toContain("there is no event journal in");
  expect((await captured(["miners", join(spool, "events.jsonl")])).stderr).toContain(
    "there is no event journal in",
  );
  cpSync(journalOf(4, 3), join(state, "events"), { recursive: true });
  const { exitCode, stdout } = await captured(["miners", state, "--json"]);
  expect([exitCode, JSON.parse(stdout).miners.length]).toEqual([0, 4]);
});

test("openvalidator miners --watch shows it again until the signal, and ends as if all were well", async () => {
  const folder = journalOf(4, 3);
  const stop = new AbortController();
  const printed: string[] = [];
  const exitCode = await runCli(["miners", folder, "--watch", "--json"], {
    environment: {},
    signal: stop.signal,
    stdout: (text) => {
      printed.push(text);
      stop.abort();
    },
    stderr: (text) => void printed.push(text),
  });
  expect(exitCode).toBe(0);
  expect(printed.map((line) => JSON.parse(line).miners.length)).toEqual([4]);
});
