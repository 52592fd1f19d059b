import { expect, test } from "bun:test";
import { join } from "node:path";
import { scratchFolders } from "../scratch.ts";
import { captured } from "./captured.ts";

const JOURNAL = join(import.meta.dir, "../golden/analysis/events.jsonl");
const scratch = scratchFolders("explain");

test("openvalidator explain UID tells the last answers of a miner, factor by factor, up to the recorded reward", async () => {
  const { exitCode, stdout, stderr } = await captured(["explain", "1", JOURNAL]);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  expect(stdout).toContain("step 6 answer0 at 2026-01-01T12:06:00.000Z: uid 1, hk1…, status 200");
  expect(stdout).toContain("This step did not count: the network was away.");
  expect(stdout).toContain("Masks and penalties left 50 % of it: diversity took 50 % of the reward");
  expect(stdout).toMatch(/1 +rlhf +model, 60 % +1\.0000 +0\.5000 +0\.6000 +0\.3000/);
  expect(stdout).toMatch(/3 +diversity +mask +0\.5000 +0\.5000 +0\.8333 +0\.2700/);
  expect(stdout).toContain("(0.6 × 0.5 + 0.4 × 0.6) × 0.5 × 1 = 0.27, as recorded.");
  expect(stdout).not.toContain("step 3 ");
});

test("openvalidator explain step N tells every answer of it, the best first", async () => {
  const { stdout } = await captured(["explain", "step", "2", JOURNAL]);
  expect(stdout).toStartWith("Step 2 followup0 at 2026-01-01T12:02:00.000Z, block 1010: 3 of 4 answered");
  const rows = stdout.split("\n").filter((line) => /^ +\d/.test(line));
  expect(rows.map((row) => row.trim().split(/ +/))).toEqual([
    ["1", "0", "200", "0.9000", "0.8000", "1.0000", "1.0000", "0.8600", "yes"],
    ["2", "1", "200", "0.5000", "0.6000", "0.5000", "1.0000", "0.2700", "yes"],
    ["3", "2", "200", "0.4000", "0.2000", "1.0000", "0.0000", "0.0000", "yes"],
    ["3", "3", "408", "–", "–", "–", "–", "0.0000", "yes"],
  ]);
  const { steps } = JSON.parse((await captured(["explain", "step", "2", JOURNAL, "--json"])).stdout);
  expect(steps).toHaveLength(1);
  expect(steps[0].answers[1]).toMatchObject({ uid: 1, place: 2, reward: 0.27, agrees: true });
});

test("openvalidator explain says so where rewards do not multiply out, or the profile is not known", async () => {
  const folder = scratch();
  const text = await Bun.file(JOURNAL).text();
  const other = join(folder, "other.jsonl");
  await Bun.write(
    other,
    text
      .replace('"reward.rlhf_weight":{"value":0.6', '"reward.rlhf_weight":{"value":0.7')
      .replace('"reward.dpo_weight":{"value":0.4', '"reward.dpo_weight":{"value":0.3'),
  );
  expect((await captured(["explain", "step", "1", other])).stdout).toMatch(/no, to 0\.\d{4}/);
  expect((await captured(["explain", "1", other])).stdout).toContain("but 0.27 is recorded");
  const unknown = join(folder, "unknown.jsonl");
  await Bun.write(unknown, text.replace('"value":"legacy"', '"value":"/nowhere/profile.json"'));
  expect((await captured(["explain", "1", unknown])).stdout).toContain(
    "the models' weights are not; from the reward the models together gave 0.54.",
  );
});

test.each([
  [["explain", "foo"], 64, 'not by "foo"'],
  [["explain", "step"], 64, "a step is told by its number"],
  [["explain", "99", JOURNAL], 78, "no step asked the miner 99"],
  [["explain", "step", "99", JOURNAL], 78, "there is no step 99"],
])("openvalidator %p ends with %p", async (words, exit, message) => {
  const { exitCode, stderr } = await captured(words);
  expect(exitCode).toBe(exit);
  expect(stderr).toContain(message);
});
