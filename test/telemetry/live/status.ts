import type { StepEvent } from "../../../src/events/schema.ts";
import { columnsOf } from "../../../src/events/schema.ts";
import { eventsOfRun, hotkeyOf } from "./subnet.ts";

/** What `/api/status` says of the run of subnet.ts. */
export function statusOf(miners: number, isLost: boolean) {
  const now = Date.now();
  const step = eventsOfRun(miners, 60).findLast(({ kind }) => kind === "step") as StepEvent;
  const columns = Object.entries(columnsOf(step));
  return {
    version: "0.2.0",
    commit: "abc1234",
    run: "run",
    startedAt: new Date(now - 7.3e6).toISOString(),
    at: new Date(now).toISOString(),
    phase: "running",
    uid: 3,
    hotkey: hotkeyOf(3),
    netuid: 1,
    permit: true,
    stakeTao: 12_345.6,
    endpoint: "wss://entrypoint-finney.opentensor.ai:443",
    chain: {
      state: isLost ? "lost" : "connected",
      head: 4_512_345,
      headAgeS: isLost ? 324 : 4.2,
      skewS: 0.1,
      specVersion: 1020,
      runtimeVersion: null,
    },
    steps: {
      number: 160,
      perMinute: 6.2,
      last: {
        name: "answer0",
        seconds: 6.2,
        asked: miners,
        answered: Math.round(miners * 0.86),
        meanReward: 0.312,
        at: new Date(now).toISOString(),
      },
    },
    forwards: { outcome: "ended", reason: null, cause: null },
    answerRate: 0.86,
    usualAnswerRate: 0.9,
    minersOutage: null,
    weights: {
      state: "included",
      lastBlock: 4_512_100,
      path: "timelocked",
      reason: null,
      blocksLeft: 115,
      nextBlock: 4_512_460,
      epochBlocks: 360,
      isEnabled: true,
      included: 3,
      refused: 0,
    },
    reveal: { state: "pending", committed: 4_512_100, revealRound: 5 },
    models: [
      {
        id: "skywork-reward-v2-qwen3-0.6b",
        roles: ["rlhf_reward_model"],
        device: "webgpu",
        dtype: "q4",
        state: "loaded",
      },
      {
        id: "all-mpnet-base-v2",
        roles: ["relevance_filter", "diversity_reward_model", "gating"],
        device: "webgpu",
        dtype: "fp16",
        state: "loaded",
      },
      {
        id: "toxic-bert",
        roles: ["nsfw_filter"],
        device: "cpu",
        dtype: "q8",
        state: isLost ? "lost" : "loaded",
      },
    ],
    disk: { state: "ok", freeBytes: 812e9, journal: "ok", stateFile: "ok" },
    miners: step.uids.map((uid, row) => ({
      uid,
      hotkey: hotkeyOf(uid),
      score: step.rewards[row]! * 0.9,
      asked: 160,
      answered: uid % 7 === 5 ? 0 : 158,
      reward: step.rewards[row]!,
      latency: step.completion_times[row]!,
      lastStatus: step.completion_status_codes[row]!,
      lastMessage: step.completion_status_messages[row]!,
      columns: Object.fromEntries(columns.map(([name, values]) => [name, values[row] ?? null])),
      lastCompletion: step.completions[row]!,
    })),
    stages: step.stages,
    inference: { queueMs: 120, computeMs: 2100 },
    gatingLoss: 0.0123,
    telemetry: { wandbBacklog: 0 },
    alerts: isLost
      ? [
          {
            name: "endpoint_lost",
            since: new Date(now - 320e3).toISOString(),
            text: "The chain has not been reached for 5 minutes; weights cannot be set.",
            severity: "critical",
          },
        ]
      : [],
    healthy: !isLost,
    reasons: isLost ? ["the chain is not reached"] : [],
  };
}
