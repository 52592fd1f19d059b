import type { Event, EventBody, StepBody } from "../../../src/events/schema.ts";
import { EVENT_VERSION } from "../../../src/events/schema.ts";
import { IDENTITY } from "../../events/bodies.ts";

/** What a miner may write to break a page that shows it. */
export const HOSTILE =
  '<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>\u202e"\'`</td>&amp;';

const START = Date.parse("2026-01-01T12:00:00Z");
const MASKS = [
  "blacklist_filter",
  "task_validator_filter",
  "relevance_filter",
  "diversity_reward_model",
  "nsfw_filter",
];

/** Events of a validator that asked `miners` miners in `steps` steps; always the same. */
export function eventsOfRun(miners: number, steps: number): Event[] {
  const random = sequence(7);
  let made = 0;
  const stamp = (body: EventBody, at: number): Event =>
    ({
      ...IDENTITY,
      version: EVENT_VERSION,
      time: new Date(START + at * 6000).toISOString(),
      block: 1000 + at,
      run: "run",
      sequence: made++,
      ...body,
    }) as Event;
  const events: Event[] = [
    stamp(
      {
        kind: "run",
        program: "0.2.0",
        commit: "abc1234",
        target: "linux-x64",
        profile: "standard",
        models: [
          {
            id: "skywork-reward-v2-qwen3-0.6b",
            roles: ["rlhf_reward_model"],
            dtype: "q4",
            device: "webgpu",
            sha256: null,
          },
          {
            id: "all-mpnet-base-v2",
            roles: ["relevance_filter", "diversity_reward_model", "gating"],
            dtype: "fp16",
            device: "webgpu",
            sha256: null,
          },
          { id: "toxic-bert", roles: ["nsfw_filter"], dtype: "q8", device: "cpu", sha256: null },
        ],
        settings: {},
        uid: 3,
        permit: true,
        stake_tao: 12_345.6,
        spec_version: 1020,
        endpoint: "wss://node.example",
        steps: 100,
        sets_weights: true,
        epoch_blocks: 360,
        last_weights_block: null,
      },
      0,
    ),
    stamp(
      { kind: "chain", state: "connected", endpoint: "wss://node.example", detail: null, value: null },
      0,
    ),
  ];
  for (let step = 1; step <= steps; step++) events.push(stamp(stepOf(step, miners, random), step));
  const scores = Array.from({ length: miners }, (_, uid) => skill(uid) * 0.6);
  events.push(
    stamp(
      {
        kind: "scores",
        hotkeys: scores.map((_, uid) => hotkeyOf(uid)),
        moving_averaged_scores: scores,
        asked: scores.map(() => steps),
      },
      steps,
    ),
    stamp(
      {
        kind: "weights",
        state: "included",
        path: "timelocked",
        uids: [0, 1],
        values: [65535, 3000],
        set_weights: [],
        reveal_round: 5,
        extrinsic: "0x12",
        reason: null,
        error: null,
        blocks_left: null,
      },
      steps,
    ),
    stamp({ kind: "reveal", state: "pending", committed: 1000 + steps, reveal_round: 5, error: null }, steps),
  );
  return events;
}

/** The chain went away. */
export function chainLost(after: readonly Event[]): Event {
  const last = after.at(-1)!;
  return {
    ...last,
    ...IDENTITY,
    version: EVENT_VERSION,
    kind: "chain",
    sequence: last.sequence + 1,
    state: "lost",
    endpoint: "wss://node.example",
    detail: "the node closed the connection",
    value: null,
  } as Event;
}

export function hotkeyOf(uid: number): string {
  return `5${uid.toString(36).padStart(3, "x")}GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoH`;
}

function skill(uid: number): number {
  return ((uid * 37) % 100) / 100;
}

function stepOf(step: number, miners: number, random: () => number): StepBody {
  const uids = Array.from({ length: miners }, (_, uid) => uid);
  const isSilent = (uid: number): boolean => uid % 7 === 5;
  const factors = Object.fromEntries(
    MASKS.map((mask, m) => [
      mask,
      uids.map((uid) =>
        isSilent(uid)
          ? null
          : uid % 11 === m + 3
            ? 0
            : mask.startsWith("diversity")
              ? 0.6 + 0.4 * random()
              : 1,
      ),
    ]),
  );
  const normalized = uids.map((uid) =>
    isSilent(uid) ? null : Math.min(1, Math.max(0, skill(uid) + 0.2 * (random() - 0.5))),
  );
  const rewards = uids.map((uid) =>
    MASKS.reduce((product, mask) => product * (factors[mask]![uid] ?? 0), normalized[uid] ?? 0),
  );
  return {
    kind: "step",
    step: 100 + step,
    name: ["augment", "followup0", "answer0"][step % 3]!,
    task: (["augment", "followup", "answer"] as const)[step % 3]!,
    origin: "dataset",
    forward: `f${step}`,
    step_length: 6.2,
    stages: {
      choose_ms: 40,
      ask_ms: 4900,
      judge_ms: 1100,
      train_ms: 120,
      save_ms: 15,
      parts: { relevance_filter: 300 },
    },
    inference: { queue_ms: 120, compute_ms: 2100 },
    prompt: "Summarize the preceding context in 4 sentences.",
    base_prompt: "b",
    uids,
    hotkeys: uids.map(hotkeyOf),
    completions: uids.map((uid) =>
      isSilent(uid) ? "" : uid === 2 ? HOSTILE : `An answer of miner ${uid} to the question of step ${step}.`,
    ),
    completion_times: uids.map((uid) => (isSilent(uid) ? 12 : 0.5 + 4 * random())),
    completion_status_codes: uids.map((uid) => (isSilent(uid) ? 408 : 200)),
    completion_status_messages: uids.map((uid) =>
      isSilent(uid) ? "no answer in 12 s" : uid === 2 ? HOSTILE : "Success",
    ),
    rewards,
    gating_loss: 0.0123,
    best: "b",
    nan_columns: [],
    counted: true,
    cause: null,
    rlhf_reward_model: normalized.map((value) => (value === null ? null : value * 8 - 4)),
    rlhf_reward_model_normalized: normalized,
    ...factors,
    shadow_prompt_reward_model: normalized,
  } as StepBody;
}

/** Numbers from 0 to 1 that look random. */
function sequence(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state / 2 ** 31;
  };
}
