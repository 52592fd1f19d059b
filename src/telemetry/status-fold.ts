import { printable } from "../base/text.ts";
import type { Event, EventOf } from "../events/schema.ts";
import { answeredIn, meanRewardIn } from "../events/step-figures.ts";
import { AlertBook } from "./alerts.ts";
import { AnswerRate } from "./answer-rate.ts";
import { Headway, MIN_SILENCE_MS, type Patience } from "./headway.ts";
import { MinerBook } from "./live/miner-book.ts";
import { nextBlockOf, restartOf } from "./restart-window.ts";
import type { LastStep, ModelStatus, Status } from "./status.ts";
import { UpdateFold } from "./update-fold.ts";

const PACE_WINDOW_MS = 600_000;
/** Default waits of a question and an answer, and the silence that systemd's unit allows. */
const PATIENCE: Patience = { askMs: 10_000, silenceMs: MIN_SILENCE_MS };
const MAX_TEXT = 300;

const NOTHING_YET = {
  version: null,
  commit: null,
  run: null,
  startedAt: null,
  uid: null,
  hotkey: null,
  netuid: null,
  permit: null,
  stakeTao: null,
  endpoint: null,
} as const;

type RunFacts = Pick<Status, keyof typeof NOTHING_YET>;

/**
 * The events of a run, folded into one picture of it. Pure: the same events and times give the same picture. Bounded:
 * what it keeps grows with the number of uids alone.
 */
export class StatusFold {
  readonly miners = new MinerBook();
  readonly #answers = new AnswerRate();
  readonly #models = new Map<string, ModelStatus>();
  readonly #alerts = new AlertBook();
  readonly #update = new UpdateFold();
  readonly #patience: Patience;
  #headway: Headway | undefined;
  #phase: Status["phase"] = "starting";
  #end: Status["end"] = null;
  #facts: RunFacts = { ...NOTHING_YET };
  #startedMs: number | undefined;
  #chain: Omit<Status["chain"], "headAgeS"> & { headMs: number | undefined; sinceMs: number | undefined } = {
    state: "unknown",
    head: null,
    headMs: undefined,
    sinceMs: undefined,
    skewS: null,
    notFinal: null,
    specVersion: null,
  };
  #stepNumber: number | null = null;
  #stepsInRun = 0;
  #counted = 0;
  #stepTimes: number[] = [];
  #lastStep: LastStep | null = null;
  #headwayAt: string | null = null;
  #forwards: Status["forwards"] = { outcome: null, reason: null, cause: null };
  #outage: Status["minersOutage"] = null;
  #weights: Omit<Status["weights"], "nextBlock"> = {
    state: null,
    lastBlock: null,
    path: null,
    reason: null,
    blocksLeft: null,
    epochBlocks: null,
    unasked: null,
    isEnabled: true,
    included: 0,
    refused: 0,
  };
  #weightsAtBlock = 0;
  #scheduled: number | null = null;
  /** By mechanism of the subnet, the block of its last weights. */
  #lastWeights = new Map<number, number>();
  /** From which weights are waited for: the start, or when the permit came back. */
  #weightsFrom = 0;
  #reveal: Status["reveal"] = { state: "none", committed: null, revealRound: null };
  #disk: Status["disk"] = { state: "unknown", freeBytes: null, detail: null, journal: "ok", stateFile: "ok" };
  #stages: Status["stages"] = null;
  #inference: Status["inference"] = null;
  #gatingLoss: number | null = null;
  readonly #telemetry: Status["telemetry"] = {};

  constructor(patience: Patience = PATIENCE) {
    this.#patience = patience;
  }

  apply(event: Event): void {
    const timeMs = Date.parse(event.time);
    this.#headway?.note(event, timeMs);
    if (event.block > (this.#chain.head ?? 0)) {
      this.#chain.head = event.block;
      this.#chain.headMs = timeMs;
    }
    if (event.kind === "step" || event.kind === "forward" || event.kind === "run")
      this.#headwayAt = event.time;
    switch (event.kind) {
      case "run":
        this.#noteRun(event, timeMs);
        this.#update.noteRun(event, timeMs);
        return;
      case "stop":
        this.#phase = "stopping";
        this.#end = { reason: event.reason, exitCode: event.exit_code };
        return;
      case "model":
        this.#noteModel(event);
        return;
      case "chain":
        this.#noteChain(event, timeMs);
        return;
      case "forward":
        this.#forwards = { outcome: event.outcome, reason: event.reason, cause: cut(event.cause) };
        return;
      case "step":
        this.miners.apply(event);
        this.#noteStep(event, timeMs);
        return;
      case "weights":
        this.#noteWeights(event);
        return;
      case "reveal":
        this.#noteReveal(event);
        return;
      case "scores":
      case "metagraph":
        this.miners.apply(event);
        return;
      case "miners":
        this.#outage = event.state === "outage" ? { since: event.time, cause: cut(event.cause) } : null;
        return;
      case "disk":
        this.#noteDisk(event);
        return;
      case "update":
        this.#update.note(event);
        return;
    }
  }

  /** What a part of telemetry says of itself; the name is its key in `telemetry`. */
  noteTelemetry(name: string, value: number | string | boolean | null): void {
    this.#telemetry[name] = value;
  }

  /** @param nowMs wall time, milliseconds since 1970 */
  snapshot(nowMs: number): Status {
    const { headMs, sinceMs, ...chain } = this.#chain;
    const status: Status = {
      ...this.#facts,
      at: new Date(nowMs).toISOString(),
      phase: this.#phase,
      end: this.#end,
      chain: { ...chain, headAgeS: headMs === undefined ? null : Math.max(0, (nowMs - headMs) / 1000) },
      steps: {
        number: this.#stepNumber,
        inRun: this.#stepsInRun,
        counted: this.#counted,
        perMinute: this.#pace(nowMs),
        last: this.#lastStep,
        headwayAt: this.#headwayAt,
      },
      forwards: { ...this.#forwards },
      answerRate: this.#answers.recent,
      usualAnswerRate: this.#answers.usual,
      minersOutage: this.#outage,
      weights: { ...this.#weights, nextBlock: this.#nextBlock() },
      reveal: { ...this.#reveal },
      restart: restartOf(this.#weights, { head: this.#chain.head, next: this.#nextBlock() }),
      update: this.#update.snapshot(this.#facts.version),
      models: [...this.#models.values()].map((model) => ({ ...model, roles: [...model.roles] })),
      disk: { ...this.#disk },
      miners: this.miners.rows,
      stages: this.#stages,
      inference: this.#inference,
      gatingLoss: this.#gatingLoss,
      telemetry: { ...this.#telemetry },
      alerts: [],
      healthy: false,
      reasons: [],
    };
    const stall = this.#phase === "running" ? this.#headway?.stall(nowMs) : undefined;
    status.alerts = this.#alerts.judge(
      status,
      {
        stall,
        chainSinceMs: sinceMs,
        weightsFrom: Math.max(this.#weightsFrom, this.#weights.lastBlock ?? 0),
        updatesQuietSince: this.#update.quietSince(nowMs),
      },
      nowMs,
    );
    const critical = status.alerts.filter(({ severity }) => severity === "critical").map(({ text }) => text);
    status.reasons = this.#phase === "running" ? critical : [`the validator is ${this.#phase}`, ...critical];
    status.healthy = status.reasons.length === 0;
    return status;
  }

  #noteRun(event: EventOf<"run">, timeMs: number): void {
    this.#phase = "running";
    this.#startedMs = timeMs;
    this.#facts = {
      version: event.program,
      commit: event.commit,
      run: event.run,
      startedAt: event.time,
      uid: event.uid,
      hotkey: event.hotkey,
      netuid: event.netuid,
      permit: event.permit,
      stakeTao: event.stake_tao,
      endpoint: event.endpoint,
    };
    this.#chain.specVersion = event.spec_version;
    if (this.#chain.state === "unknown") this.#chain.state = "connected";
    this.#stepNumber = event.steps;
    this.#weights.epochBlocks = event.epoch_blocks;
    this.#weights.lastBlock = event.last_weights_block;
    this.#scheduled = event.next_weights_block ?? null;
    this.#lastWeights = new Map(
      event.mechanisms?.map(({ mecid, last_weights_block: block }) => [mecid, block]),
    );
    this.#weights.isEnabled = event.sets_weights;
    this.#weightsFrom = event.block;
    this.#headway = new Headway(this.#patience, timeMs);
    this.#headway.note(event, timeMs);
    for (const { id, roles, dtype, device } of event.models)
      this.#models.set(id, {
        id,
        roles: [...roles],
        dtype,
        device,
        state: this.#models.get(id)?.state ?? "loaded",
      });
  }

  #noteModel({ model, state, device, dtype }: EventOf<"model">): void {
    const known = this.#models.get(model);
    this.#models.set(model, {
      id: model,
      roles: known?.roles ?? [],
      device: device ?? known?.device ?? null,
      dtype: dtype ?? known?.dtype ?? null,
      state,
    });
  }

  #noteChain({ state, endpoint, value, block }: EventOf<"chain">, timeMs: number): void {
    const turn = (to: Status["chain"]["state"]): void => {
      if (this.#chain.state !== to) this.#chain.sinceMs = timeMs;
      this.#chain.state = to;
    };
    if (state === "lost" || state === "lagging") turn(state);
    else if (state === "connected" || state === "switched" || state === "caught-up") {
      turn("connected");
      this.#facts.endpoint = endpoint ?? this.#facts.endpoint;
    } else if (state === "upgraded") this.#chain.specVersion = value;
    else if (state === "clock") this.#chain.skewS = value;
    else if (state === "finality") this.#chain.notFinal = value === 0 ? null : value;
    else if (state === "registration") this.#facts.uid = value;
    else if (state === "permit") {
      this.#facts.permit = value === 1;
      if (value === 1) this.#weightsFrom = block;
    }
  }

  #noteStep(step: EventOf<"step">, timeMs: number): void {
    const answered = answeredIn(step);
    const asked = step.uids.length;
    this.#stepNumber = step.step;
    this.#stepsInRun++;
    this.#stepTimes.push(timeMs);
    while (this.#stepTimes[0]! < timeMs - PACE_WINDOW_MS) this.#stepTimes.shift();
    if (step.counted) {
      this.#counted++;
      this.#answers.add(answered, asked);
    }
    this.#lastStep = {
      name: step.name,
      seconds: step.step_length,
      asked,
      answered,
      meanReward: meanRewardIn(step),
      at: step.time,
      counted: step.counted,
    };
    const { parts: _, ...stages } = step.stages;
    this.#stages = stages;
    this.#inference = step.inference && {
      queueMs: step.inference.queue_ms,
      computeMs: step.inference.compute_ms,
    };
    this.#gatingLoss = step.gating_loss ?? this.#gatingLoss;
  }

  #noteWeights(event: EventOf<"weights">): void {
    const weights = this.#weights;
    weights.state = event.state;
    weights.path = event.path ?? weights.path;
    weights.reason = cut(event.error ?? event.reason);
    weights.blocksLeft = event.blocks_left;
    this.#weightsAtBlock = event.block;
    if (event.state === "refused") weights.refused++;
    if (event.state !== "included") return;
    weights.included++;
    this.#scheduled = event.blocks_left === null ? null : event.block + event.blocks_left;
    weights.unasked = event.unasked ?? weights.unasked;
    this.#lastWeights.set(event.mecid ?? 0, event.block);
    // What waits longest, where there are several mechanisms.
    weights.lastBlock = Math.min(...this.#lastWeights.values());
  }

  #noteReveal({ state, committed, reveal_round: revealRound }: EventOf<"reveal">): void {
    // News of an older commit do not hide those of a newer one, unless they are bad.
    if (state !== "missing" && committed < (this.#reveal.committed ?? 0)) return;
    this.#reveal = { state, committed, revealRound };
  }

  #noteDisk({ state, free_bytes: freeBytes, detail }: EventOf<"disk">): void {
    if (freeBytes !== null) this.#disk.freeBytes = freeBytes;
    if (state === "ok" || state === "low" || state === "full") {
      this.#disk.state = state;
      this.#disk.detail = cut(detail);
    } else if (state === "journal-lost" || state === "journal-back")
      this.#disk.journal = state === "journal-lost" ? "lost" : "ok";
    else this.#disk.stateFile = state === "state-full" ? "full" : "ok";
  }

  #nextBlock(): number | null {
    return nextBlockOf(this.#weights, this.#weightsAtBlock, this.#scheduled);
  }

  #pace(nowMs: number): number {
    if (this.#startedMs === undefined) return 0;
    const windowMs = Math.min(PACE_WINDOW_MS, Math.max(60_000, nowMs - this.#startedMs));
    const recent = this.#stepTimes.filter((timeMs) => timeMs > nowMs - windowMs).length;
    return (recent * 60_000) / windowMs;
  }
}

function cut(text: string | null): string | null {
  return text === null ? null : printable(text, MAX_TEXT);
}
