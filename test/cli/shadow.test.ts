import { expect, test } from "bun:test";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCli } from "../../src/cli/cli.ts";
import { Journal } from "../../src/events/journal.ts";
import { anyEvent } from "../../src/events/schema.ts";

async function cli(...words: string[]) {
  let stdout = "";
  let stderr = "";
  const exitCode = await runCli(words, {
    environment: {},
    signal: new AbortController().signal,
    stdout: (text) => {
      stdout += text;
    },
    stderr: (text) => {
      stderr += text;
    },
  });
  return { exitCode, stdout, stderr };
}

function stepWith(columns: Record<string, (number | null)[]>) {
  return anyEvent.parse({
    version: 1,
    kind: "step",
    time: "2026-01-01T00:00:00Z",
    genesis: "0x",
    netuid: 1,
    hotkey: "5",
    block: 1,
    name: "answer2",
    forward: "f",
    step_length: 1,
    prompt: "p",
    uids: [1, 2, 3],
    hotkeys: ["a", "b", "c"],
    completions: ["x", "y", "z"],
    completion_times: [1, 1, 1],
    completion_status_codes: [200, 200, 200],
    completion_status_messages: ["", "", ""],
    rewards: [0.1, 0.2, 0.3],
    gating_loss: null,
    best: "z",
    nan_columns: [],
    ...columns,
  });
}

test("openvalidator shadow shows the agreement of the journal that the flags name, or of a folder", async () => {
  const logs = mkdtempSync(join(tmpdir(), "ov-shadow-"));
  const folder = join(logs, "w", "h", "netuid7", "core_prompting_validator", "events");
  const journal = Journal.open(folder, { budgetBytes: 1e9 });
  journal.append(stepWith({ shadow_prompt_reward_model: [0.5, 0.6, 0.7], shadow_miners: [0.9, 0.8, 0.1] }));
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
  expect(shown.stdout).toMatch(/shadow_miners +all +1 +3 +-1\.000 +0 %/);
  expect(shown.stdout).toMatch(/shadow_prompt_reward_model +all +1 +3 +1\.000 +100 %/);
  expect(shown.stdout).toMatch(/\n +answer +1 +3 +1\.000/);
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
  journal.append(stepWith({}));
  journal.close();
  expect((await cli("shadow", logs)).stdout).toContain("No shadow scores in");
});
