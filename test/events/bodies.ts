import { EVENT_VERSION, type Event, type EventBody, type StepBody } from "../../src/events/schema.ts";

export const IDENTITY = { genesis: "0x00", netuid: 1, hotkey: "h" };

/** The smallest event of version 2, told from others by its number. */
export function stopEvent(sequence: number, more: { run?: string; reason?: string } = {}): Event {
  const { run = "run", reason = "finished" } = more;
  return {
    ...IDENTITY,
    version: EVENT_VERSION,
    kind: "stop",
    time: "2026-01-01T00:00:00.000Z",
    block: sequence,
    run,
    sequence,
    reason,
    exit_code: 0,
    steps: sequence,
  };
}

/** A step of `count` miners that all answered. */
export function stepBodyOf(count: number, columns: Record<string, (number | null)[]> = {}): StepBody {
  const list = <T>(value: T): T[] => Array.from({ length: count }, () => value);
  return {
    kind: "step",
    step: 1,
    name: "augment",
    task: "augment",
    origin: "dataset",
    forward: "f",
    step_length: 1,
    stages: {
      choose_ms: 1,
      ask_ms: 900,
      judge_ms: 80,
      train_ms: null,
      save_ms: 1,
      parts: { relevance_filter: 70 },
    },
    inference: { queue_ms: 3, compute_ms: 60 },
    prompt: "p",
    base_prompt: "b",
    uids: Array.from({ length: count }, (_, uid) => uid),
    hotkeys: list("h"),
    completions: list("c"),
    completion_times: list(0.9),
    completion_status_codes: list(200),
    completion_status_messages: list("Success"),
    rewards: list(0.5),
    gating_loss: null,
    best: "c",
    nan_columns: [],
    counted: true,
    cause: null,
    ...columns,
  } as StepBody;
}

/** One body of every kind. */
export const BODIES: EventBody[] = [
  {
    kind: "run",
    program: "0.2.0",
    commit: null,
    target: "linux-x64",
    profile: "embedded",
    models: [{ id: "m", roles: ["relevance_filter"], dtype: "q8", device: "cpu", sha256: null }],
    settings: { "neuron.device": { value: { device: "auto", byRole: {} }, origin: "default" } },
    uid: 0,
    permit: true,
    stake_tao: 10_000.5,
    spec_version: 1020,
    endpoint: "wss://node.example",
    steps: 7,
    sets_weights: true,
    epoch_blocks: 360,
    last_weights_block: null,
  },
  { kind: "stop", reason: "signal", exit_code: 0, steps: 9 },
  {
    kind: "model",
    model: "m",
    state: "loaded",
    device: "webgpu",
    dtype: "fp16",
    ms: 12.5,
    bytes: 1e9,
    detail: null,
  },
  { kind: "chain", state: "clock", endpoint: "wss://node.example", detail: "ahead", value: 3600 },
  {
    kind: "forward",
    forward: "f",
    outcome: "skipped",
    reason: "outage",
    cause: "all 16 miners refused",
    steps: 0,
    seconds: 1.5,
    asked: 16,
    reached: 0,
  },
  stepBodyOf(2, { relevance_filter: [1, null], relevance_filter_normalized: [0.5, null] }),
  {
    kind: "weights",
    state: "sent",
    path: "timelocked",
    uids: [1, 2],
    values: [65535, 65535],
    set_weights: [
      [1, 0.5],
      [2, 0.5],
    ],
    reveal_round: 12,
    extrinsic: "0x01",
    reason: null,
    error: null,
    blocks_left: null,
  },
  { kind: "reveal", state: "revealed", committed: 90, reveal_round: 12, error: null },
  { kind: "scores", hotkeys: ["a", "b"], moving_averaged_scores: [0, 0.25], asked: [0, 3] },
  {
    kind: "metagraph",
    neurons: 5,
    replaced: [1],
    moved: [{ hotkey: "a", from: 30, to: 4 }],
    added: [5],
    removed: [30],
    serving: 4,
  },
  { kind: "miners", state: "outage", cause: "no route to host", asked: 16, reached: 0, since_ms: 1234 },
  { kind: "disk", state: "low", path: "/var", free_bytes: 1e8, detail: null },
  {
    kind: "gating",
    encoder: "m",
    file: "gating_linear_layer.safetensors",
    bytes: 1e6,
    sha256: "ab".repeat(32),
    rows: 256,
    hidden: 384,
    trained: 9,
  },
];
