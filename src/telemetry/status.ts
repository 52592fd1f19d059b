/** What a validator is and does, as JSON: the one picture that `status`, the live page, metrics and alarms share. */
export interface Status {
  /** Of openvalidator; null before the run is told of. So are the other facts of a run. */
  version: string | null;
  commit: string | null;
  /** UUID of the process run. */
  run: string | null;
  /** ISO 8601. */
  startedAt: string | null;
  /** ISO 8601, when this picture was taken. */
  at: string;
  /** starting: models load, the chain is being read · running · stopping: the last event was told. */
  phase: "starting" | "running" | "stopping";
  /** Why the run ended and with which exit code; null before its end. */
  end: { reason: string; exitCode: number } | null;
  uid: number | null;
  /** SS58. */
  hotkey: string | null;
  netuid: number | null;
  permit: boolean | null;
  /** At the start of the run. */
  stakeTao: number | null;
  /** With user, password and keys left out. */
  endpoint: string | null;
  chain: {
    state: "unknown" | "connected" | "lagging" | "lost";
    head: number | null;
    /** Since the head was seen to move; events show the head, so at least as old as the last of them. */
    headAgeS: number | null;
    /** How far this machine's clock is ahead of the chain's; null while it was never found wrong. */
    skewS: number | null;
    /** Blocks that the last final one was behind when they stopped to become final; null while they do. */
    notFinal: number | null;
    /** Of the chain's runtime. */
    specVersion: number | null;
  };
  steps: {
    /** Since the state was made. */
    number: number | null;
    /** In this run. */
    inRun: number;
    /** Of this run, those that counted as evidence. */
    counted: number;
    /** Over the last ten minutes, or since the start. */
    perMinute: number;
    last: LastStep | null;
    /** ISO 8601: the last sign that the passes get on. */
    headwayAt: string | null;
  };
  /** The last forward pass. */
  forwards: { outcome: string | null; reason: string | null; cause: string | null };
  /** Share of calls answered with 200 in the last 20 counted steps, 0..1; null before the first. */
  answerRate: number | null;
  /** The same over up to 200 counted steps before those; null while there are fewer than 20. */
  usualAnswerRate: number | null;
  minersOutage: { since: string; cause: string | null } | null;
  weights: {
    /** null before the first news. */
    state: "due" | "waiting" | "sent" | "included" | "refused" | null;
    /** Block of the last weights on chain. */
    lastBlock: number | null;
    path: string | null;
    /** What they wait for, or why they were refused. */
    reason: string | null;
    /** Until the next attempt, where that is known. */
    blocksLeft: number | null;
    /** When the next ones are due. */
    nextBlock: number | null;
    /** Blocks between two submissions; null when they are not known. */
    epochBlocks: number | null;
    /** Miners that were not asked between the last weights and those before; null where it is not known. */
    unasked: number | null;
    /** false = this validator never sets weights. */
    isEnabled: boolean;
    included: number;
    refused: number;
  };
  reveal: {
    state: "none" | "pending" | "revealed" | "missing" | "unknown";
    /** Block of the commit. */
    committed: number | null;
    revealRound: number | null;
  };
  /** Whether the validator may be stopped now without missing anything, and if not why: for whoever updates it. */
  restart: { isSafe: boolean; why: string | null };
  /** What another process does about releases of this program; null while nothing was told of it. */
  update: UpdateStatus | null;
  models: ModelStatus[];
  disk: {
    state: "unknown" | "ok" | "low" | "full";
    freeBytes: number | null;
    /** One sentence on `state`, for people. */
    detail: string | null;
    journal: "ok" | "lost";
    stateFile: "ok" | "full";
  };
  miners: MinerStatus[];
  /** Of the last step, milliseconds, by `choose_ms`, `ask_ms`, `judge_ms`, `train_ms`, `save_ms`. */
  stages: Record<string, number | null> | null;
  /** Of the last step, milliseconds. */
  inference: { queueMs: number; computeMs: number } | null;
  gatingLoss: number | null;
  /** What the parts of telemetry say of themselves, `wandbBacklog` for one. */
  telemetry: Record<string, number | string | boolean | null>;
  alerts: Alert[];
  /** It runs, and nothing critical is wrong. */
  healthy: boolean;
  /** Why it is not healthy, one sentence each. */
  reasons: string[];
}

export interface LastStep {
  name: string;
  seconds: number;
  asked: number;
  answered: number;
  /** Of all asked, 0..1. */
  meanReward: number;
  /** ISO 8601. */
  at: string;
  counted: boolean;
}

export interface UpdateStatus {
  channel: string | null;
  /** Newer release that is known of and not in place. */
  available: string | null;
  urgency: "low" | "medium" | "high" | null;
  /** Why it is not taken, or not yet, one sentence; null when it may be, or there is none. */
  waitsFor: string | null;
  /** Release that is in place and has not shown yet that it is well. */
  onTrial: string | null;
  /** Release that was not well and was taken back; null after the next one. */
  takenBack: { version: string; at: string; why: string | null } | null;
  /** What went wrong with the last look or release; null when nothing did. */
  failure: { code: string; at: string; why: string | null } | null;
  /** ISO 8601, the last look for a release; null before the first. */
  lookedAt: string | null;
  /** ISO 8601, the last one that a server answered. */
  answeredAt: string | null;
  /** Releases that were taken back on this machine, as far as its record goes back. */
  rollbacks: number;
}

export interface ModelStatus {
  id: string;
  roles: string[];
  device: string | null;
  dtype: string | null;
  state: "loaded" | "tried" | "shed" | "moved" | "restarted" | "lost" | "left-out";
}

export interface MinerStatus {
  uid: number;
  hotkey: string;
  /** Moving score at the last checkpoint, 0..1. */
  score: number | null;
  /** Since it registered, at the last checkpoint. */
  askedInAll: number | null;
  /** In this run. */
  asked: number;
  /** Of those, with 200. */
  answered: number;
  /** Mean of those of the last 20 calls that counted, 0..1. */
  reward: number | null;
  /** Those rewards, oldest first. */
  rewards: number[];
  /** Mean of the last 20 calls, seconds, failed ones included. */
  latency: number | null;
  /** HTTP-like. */
  lastStatus: number | null;
  /** A stranger's text: printable, at most 200 characters. */
  lastMessage: string;
  /** Raw numbers of models, masks and penalties for the last answer, by column of the step. */
  columns: Record<string, number | null>;
  /** A stranger's text: printable, at most 300 characters and the mark of a cut. */
  lastCompletion: string;
}

/** Everything that an operator is called for. Names are labels of metrics and of alarms: they stay. */
export const ALERTS = [
  "weights_overdue",
  "reveal_missing",
  "answer_rate_collapsed",
  "miners_unreachable",
  "clock_off",
  "endpoint_lost",
  "disk_low",
  "journal_lost",
  "state_not_saved",
  "permit_missing",
  "registration_lost",
  "model_lost",
  "steps_silent",
  "run_failed",
  "update_rolled_back",
  "update_failed",
  "update_stale",
] as const;
export type AlertName = (typeof ALERTS)[number];

export interface Alert {
  name: AlertName;
  /** ISO 8601, since when it is known. */
  since: string;
  /** One sentence, what is wrong and what it means. */
  text: string;
  /** critical: the validator loses its stake's reward, or soon will · warning: it will not mend itself, and has time. */
  severity: "warning" | "critical";
}
