import type { Event, EventOf } from "../events/schema.ts";
import { AlertBook } from "./alerts.ts";
import { Headway, MIN_SILENCE_MS, type Patience } from "./headway.ts";
import { MinerBook } from "./live/miner-book.ts";
import { restartOf } from "./restart-window.ts";
import type { ModelStatus, Status } from "./status.ts";
import { StepFold } from "./step-fold.ts";
import { toldText } from "./told-text.ts";
import { UpdateFold } from "./update-fold.ts";
import { WeightsFold } from "./weights-fold.ts";

/** Default waits of a question and an answer, and the silence that systemd's unit allows. */
const PATIENCE: Patience = { askMs: 10_000, silenceMs: MIN_SILENCE_MS };

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
  readonly #steps = new StepFold();
  readonly #weights = new WeightsFold();
  readonly #models = new Map<string, ModelStatus>();
  readonly #alerts = new AlertBook();
  readonly #update = new UpdateFold();
  readonly #patience: Patience;
  #headway: Headway | undefined;
  #phase: Status["phase"] = "starting";
  #end: Status["end"] = null;
  #facts: RunFacts = { ...NOTHING_YET };
  #chain: Omit<Status["chain"], "headAgeS"> & { headMs: number | undefined; sinceMs: number | undefined } = {
    state: "unknown",
    head: null,
    headMs: undefined,
    sinceMs: undefined,
    skewS: null,
    notFinal: null,
    specVersion: null,
  };
  #headwayAt: string | null = null;
  #forwards: Status["forwards"] = { outcome: null, reason: null, cause: null };
  #outage: Status["minersOutage"] = null;
  #disk: Status["disk"] = { state: "unknown", freeBytes: null, detail: null, journal: "ok", stateFile: "ok" };
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
        this.#steps.noteRun(event, timeMs);
        this.#weights.noteRun(event);
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
        this.#forwards = { outcome: event.outcome, reason: event.reason, cause: toldText(event.cause) };
        return;
      case "step":
        this.miners.apply(event);
        this.#steps.note(event, timeMs);
        return;
      case "weights":
        this.#weights.note(event);
        return;
      case "reveal":
        this.#weights.noteReveal(event);
        return;
      case "scores":
      case "metagraph":
        this.miners.apply(event);
        return;
      case "miners":
        this.#outage = event.state === "outage" ? { since: event.time, cause: toldText(event.cause) } : null;
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
    const weights = this.#weights.snapshot();
    const status: Status = {
      ...this.#facts,
      at: new Date(nowMs).toISOString(),
      phase: this.#phase,
      end: this.#end,
      chain: { ...chain, headAgeS: headMs === undefined ? null : Math.max(0, (nowMs - headMs) / 1000) },
      steps: { ...this.#steps.snapshot(nowMs), headwayAt: this.#headwayAt },
      forwards: { ...this.#forwards },
      answerRate: this.#steps.answers.recent,
      usualAnswerRate: this.#steps.answers.usual,
      minersOutage: this.#outage,
      weights,
      reveal: this.#weights.reveal,
      restart: restartOf(weights, { head: this.#chain.head, next: weights.nextBlock }),
      update: this.#update.snapshot(this.#facts.version),
      models: [...this.#models.values()].map((model) => ({ ...model, roles: [...model.roles] })),
      disk: { ...this.#disk },
      miners: this.miners.rows,
      ...this.#steps.measured,
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
        weightsFrom: this.#weights.from,
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
      if (value === 1) this.#weights.waitFrom(block);
    }
  }

  #noteDisk({ state, free_bytes: freeBytes, detail }: EventOf<"disk">): void {
    if (freeBytes !== null) this.#disk.freeBytes = freeBytes;
    if (state === "ok" || state === "low" || state === "full") {
      this.#disk.state = state;
      this.#disk.detail = toldText(detail);
    } else if (state === "journal-lost" || state === "journal-back")
      this.#disk.journal = state === "journal-lost" ? "lost" : "ok";
    else this.#disk.stateFile = state === "state-full" ? "full" : "ok";
  }
}
