import type { EventOf } from "../events/schema.ts";
import type { UpdateStatus } from "./status.ts";
import { toldText } from "./told-text.ts";

/** A server that is away for less is nobody's business. */
const QUIET_MS = 24 * 3_600_000;
/** So many looks of the usual pace. */
const QUIET_LOOKS = 3;
const USUAL_INTERVAL_MS = 30 * 60_000;

/** The events `update` of a run, folded into how things stand with releases. Pure and bounded. */
export class UpdateFold {
  #status: UpdateStatus | null = null;
  /** When what became of a release was told of last. */
  #newsMs = 0;
  /** Looks on end that nobody answered. */
  #failures = 0;
  /** Of the last look without anybody who watched; undefined after one by a person. */
  #unattendedMs: number | undefined;
  #startedMs = Number.POSITIVE_INFINITY;
  #intervalMs = USUAL_INTERVAL_MS;

  noteRun({ settings }: EventOf<"run">, timeMs: number): void {
    this.#startedMs = timeMs;
    const minutes = settings["update.interval"]?.value;
    if (typeof minutes === "number") this.#intervalMs = minutes * 60_000;
  }

  note(event: EventOf<"update">): void {
    const { state, at, reason } = event;
    this.#status ??= { ...NOTHING };
    const status = this.#status;
    status.channel = event.channel ?? status.channel;
    status.rollbacks = event.rollbacks;
    status.onTrial = event.on_trial;
    status.answeredAt = event.answered_at ?? status.answeredAt;
    const isNews = state === "installed" || state === "confirmed" || state === "rolled-back";
    if (isNews || reason === "update.rollback-failed") this.#noteNews(status, event);
    else this.#noteLook(status, event);
    if (state !== "failed" && Date.parse(at) >= this.#newsMs) status.failure = null;
  }

  /** @param version that runs */
  snapshot(version: string | null): UpdateStatus | null {
    const status = this.#status;
    if (status === null) return null;
    const { available, onTrial } = status;
    if (available !== null && available !== version && available !== onTrial) return { ...status };
    return { ...status, available: null, urgency: null, waitsFor: null };
  }

  /** Since when no server answers, or nobody asks one though that was usual in this run; undefined while all is as it should be. */
  quietSince(nowMs: number): string | undefined {
    const status = this.#status;
    if (status?.lookedAt == null || this.#unattendedMs === undefined) return undefined;
    const patienceMs = Math.max(QUIET_MS, QUIET_LOOKS * this.#intervalMs);
    const isAsked = nowMs - this.#unattendedMs < patienceMs;
    // Of what was before this run, somebody may have turned it off.
    if (!isAsked) return this.#unattendedMs >= this.#startedMs ? status.lookedAt : undefined;
    const since = status.answeredAt ?? status.lookedAt;
    return this.#failures >= QUIET_LOOKS && nowMs - Date.parse(since) >= patienceMs ? since : undefined;
  }

  #noteNews(status: UpdateStatus, { state, at, from, to, reason, detail }: EventOf<"update">): void {
    this.#newsMs = Date.parse(at);
    const why = toldText(detail);
    if (state === "failed") status.failure = { code: reason ?? "update.rollback-failed", at, why };
    status.takenBack =
      state === "rolled-back" || state === "failed"
        ? { version: from ?? "", at, why }
        : state === "confirmed" || to !== status.takenBack?.version
          ? null
          : status.takenBack;
    if (status.available !== null && status.available === status.takenBack?.version) status.available = null;
  }

  #noteLook(
    status: UpdateStatus,
    { state, at, to, urgency, reason, detail, ...event }: EventOf<"update">,
  ): void {
    const atMs = Date.parse(at);
    this.#unattendedMs = event.unattended ? atMs : undefined;
    status.lookedAt = at;
    const isAway = state === "failed" && event.answered_at !== at;
    this.#failures = isAway ? this.#failures + 1 : 0;
    // What was found before a release was put in place, judged or taken back says nothing of now.
    if (atMs < this.#newsMs) return;
    const why = toldText(detail);
    if (state === "failed") {
      status.failure = { code: reason ?? "update.failed", at, why };
      return;
    }
    if (to !== status.takenBack?.version) status.takenBack = null;
    Object.assign(status, { available: to, urgency, waitsFor: state === "waiting" ? why : null });
  }
}

const NOTHING: UpdateStatus = {
  channel: null,
  available: null,
  urgency: null,
  waitsFor: null,
  onTrial: null,
  takenBack: null,
  failure: null,
  lookedAt: null,
  answeredAt: null,
  rollbacks: 0,
};
