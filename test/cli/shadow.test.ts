import { expect, test } from "bun:test";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Journal } from "../../src/events/journal.ts";
import { stepEventOf } from "../events/step-event.ts";
import { captured } from "./captured.ts";

const cli = (...words: string[]) => captured(words);

test("openvalidator shadow shows the agreement of the journal that the flags name, or of a folder", async () => {
  const logs = mkdtempSync(join(tmpdir(), "ov-shadow-"));
  const folder = join(logs, "w", "h", "netuid7", "core_prompting_validator", "events");
  const journal = Journal.open(folder, { budgetBytes: 1e9 });
  journal.append(
    stepEventOf("answer2", [0.1, 0.2, 0.3], {
      shadow_prompt_reward_model: [0.5, 0.6, 0.7],
      shadow_miners: [0.9, 0.8, 0.1],
    }),
  );
  journal.close();
  const flags = [
    "--logging.logging_dir",
    logs,
    "--wallet.name",
    "w",
    "--wallet.hotkey",
    "h",
    "--netuid",
    "7",
  ];
  const shown = await cli("shadow", ...flags);
  expect(shown).toMatchObject({ exitCode: 0, stderr: "" });
  expect(shown.stdout).toMatch(/shadow_miners +all +1 +3 +-1\.0000 +0 %/);
  expect(shown.stdout).toMatch(/shadow_prompt_reward_model +all +1 +3 +1\.0000 +100 %/);
  expect(shown.stdout).toMatch(/shadow_prompt_reward_model +answer +1 +3 +1\.0000/);
  expect((await cli("shadow", folder)).stdout).toBe(shown.stdout);
  const { scorers } = JSON.parse((await cli("shadow", folder, "--json")).stdout);
  expect(scorers[0]).toMatchObject({ name: "shadow_miners", all: { rankCorrelation: -1, sameBest: 0 } });
});

test("openvalidator shadow says so where there is no journal, or none with shadow scores", async () => {
  const logs = mkdtempSync(join(tmpdir(), "ov-shadow-"));
  const none = await cli("shadow", "--logging.logging_dir", logs);
  expect(none.exitCode).toBe(78);
  expect(none.stderr).toContain("there is no event journal in");
  const journal = Journal.open(logs, { budgetBytes: 1e9 });
  journal.append(stepEventOf("answer2", [0.1, 0.2, 0.3], {}));
  journal.close();
  expect((await cli("shadow", logs)).stdout).toContain("No shadow scores are in");
});
