import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Fields of every event of one run. */
export const BASE = { version: 2, genesis: "0x01", netuid: 7, hotkey: "V", run: "run-a" };

/** A step of three miners: one good answer, one that came too late, one poor. */
export function stepLine(sequence: number, changes: Record<string, unknown> = {}): object {
  return {
    ...BASE,
    kind: "step",
    time: new Date(Date.UTC(2026, 10, 1) + 1_000 * sequence + 500).toISOString(),
    block: 100 + sequence,
    sequence,
    step: sequence,
    name: "answer0",
    task: "answer",
    origin: "dataset",
    forward: "f",
    step_length: 1.5,
    stages: { choose_ms: 1, ask_ms: 900, judge_ms: 80, train_ms: null, save_ms: 2, parts: { dpo: 70 } },
    inference: { queue_ms: 3, compute_ms: 60 },
    prompt: "What is a tree?",
    base_prompt: "What is a tree?",
    uids: [4, 9, 2],
    hotkeys: ["A", "B", "C"],
    completions: ["a plant", "", "wood"],
    completion_times: [0.5, 10, 0.75],
    completion_status_codes: [200, 408, 200],
    completion_status_messages: ["OK", "late", "OK"],
    rewards: [0.75, 0, 0.25],
    gating_loss: 0.125,
    best: "a plant",
    nan_columns: ["dpo"],
    counted: true,
    cause: null,
    dpo: [-1.5, null, -3],
    dpo_normalized: [0.75, 0, 0.25],
    shadow_x: [0.5, null, 0.25],
    ...changes,
  };
}

export const WEIGHTS_LINE = {
  ...BASE,
  kind: "weights",
  time: "2026-11-01T00:01:00Z",
  block: 200,
  sequence: 8,
  state: "sent",
  path: "plain",
  uids: [4, 2],
  values: [65535, 21845],
  set_weights: [[4, 0.75]],
  reveal_round: null,
  extrinsic: "0xab",
  reason: null,
  error: null,
};

export const SCORES_LINE = {
  ...BASE,
  kind: "scores",
  time: "2026-11-01T00:01:01Z",
  block: 201,
  sequence: 9,
  hotkeys: ["A", "B"],
  moving_averaged_scores: [0.5, 0.25],
  asked: [3, 4],
};

/** Writes lines as the active segment of a journal. @returns the folder */
export function journalOf(folder: string, lines: readonly (object | string)[]): string {
  mkdirSync(folder, { recursive: true });
  const text = lines.map((line) => `${typeof line === "string" ? line : JSON.stringify(line)}\n`).join("");
  writeFileSync(join(folder, "events.jsonl"), text);
  return folder;
}
