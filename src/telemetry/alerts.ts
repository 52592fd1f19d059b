import { isClockWrong } from "../base/clock-skew.ts";
import { percent } from "../base/text.ts";
import { ALERTS, type Alert, type AlertName, type Status } from "./status.ts";

/** What the rules need and Status does not show. */
export interface AlertFacts {
  /** headway.ts */
  stall: "steps" | "blocks" | undefined;
  /** Since when the connection is as it is. */
  chainSinceMs: number | undefined;
  /** Block from which the next weights are waited for. */
  weightsFrom: number;
  /** Since when nothing is heard of releases though it should be, ISO 8601. */
  updatesQuietSince: string | undefined;
}

type Finding = Pick<Alert, "text" | "severity"> | undefined;
type Rule = (status: Status, facts: AlertFacts, nowMs: number) => Finding;

/** Weights may be late by half an epoch: a refused attempt is repeated within blocks. */
const OVERDUE_EPOCHS = 1.5;
/** Switching to another endpoint takes less. */
const ENDPOINT_PATIENCE_MS = 60_000;
/** Below this share of the usual rate. */
const COLLAPSED = 0.5;

/** What passes by itself, and is told when it does not (`update_stale`). */
const PASSING = new Set([
  "update.unreachable",
  "update.stale",
  "update.older",
  "update.no-release",
  "update.busy",
]);

const critical = (text: string): Finding => ({ text, severity: "critical" });
const warning = (text: string): Finding => ({ text, severity: "warning" });

/** THE rules, each pure: whether its alert is up, from the picture of now alone. */
export const RULES: Readonly<Record<AlertName, Rule>> = {
  weights_overdue({ chain, permit, weights: { epochBlocks, isEnabled, reason } }, { weightsFrom }) {
    if (!isEnabled || permit === false || epochBlocks === null || chain.head === null) return undefined;
    const blocks = chain.head - weightsFrom;
    if (blocks <= OVERDUE_EPOCHS * epochBlocks) return undefined;
    const why = reason === null ? "" : ` (${reason})`;
    return critical(`no weights were set for ${blocks} blocks, due every ${epochBlocks}${why}`);
  },
  reveal_missing({ reveal: { state, committed } }) {
    if (state !== "missing") return undefined;
    return critical(`the chain dropped the weights that were committed in block ${committed}`);
  },
  answer_rate_collapsed({ answerRate, usualAnswerRate }) {
    if (answerRate === null || usualAnswerRate === null || answerRate >= COLLAPSED * usualAnswerRate)
      return undefined;
    return warning(`${percent(answerRate)} of the asked miners answer, usually ${percent(usualAnswerRate)}`);
  },
  miners_unreachable({ minersOutage }) {
    if (minersOutage === null) return undefined;
    const { cause } = minersOutage;
    return critical(`no miner gives evidence, so scores stand still${cause === null ? "" : `: ${cause}`}`);
  },
  clock_off({ chain: { skewS } }) {
    if (skewS === null || !isClockWrong(skewS * 1000)) return undefined;
    const side = skewS > 0 ? "ahead of" : "behind";
    return critical(
      `this machine's clock is ${Math.abs(skewS).toFixed(0)} s ${side} the chain: miners refuse its requests`,
    );
  },
  endpoint_lost({ chain: { state }, endpoint }, { chainSinceMs, stall }, nowMs) {
    const isAway = state === "lost" || state === "lagging";
    if (isAway && nowMs - (chainSinceMs ?? nowMs) >= ENDPOINT_PATIENCE_MS)
      return critical(
        state === "lost"
          ? "there is no connection to the chain"
          : `the node ${endpoint ?? ""} is behind the chain`,
      );
    return stall === "blocks" ? critical("the chain shows no new blocks") : undefined;
  },
  disk_low({ disk: { state, freeBytes, detail } }) {
    if (state !== "low" && state !== "full") return undefined;
    const free = detail ?? (freeBytes === null ? "" : `${Math.floor(freeBytes / 1e6)} MB are free`);
    return state === "full" ? critical(`the disk is full: ${free}`) : warning(`the disk runs low: ${free}`);
  },
  journal_lost({ disk: { journal } }) {
    return journal === "lost" ? critical("the journal of events cannot be written") : undefined;
  },
  state_not_saved({ disk: { stateFile } }) {
    return stateFile === "full" ? critical("the scores cannot be saved") : undefined;
  },
  permit_missing({ permit }) {
    return permit === false
      ? critical("this hotkey holds no validator permit: no miner is asked, no weights are set")
      : undefined;
  },
  registration_lost({ uid, phase }) {
    return phase !== "starting" && uid === null
      ? critical("this hotkey is no longer registered on the subnet")
      : undefined;
  },
  model_lost({ models }) {
    const lost = models.filter(({ state }) => state === "lost").map(({ id }) => id);
    return lost.length === 0 ? undefined : warning(`models that were lost: ${lost.join(", ")}`);
  },
  steps_silent({ steps }, { stall }) {
    if (stall !== "steps") return undefined;
    return critical(`no forward pass was told of since ${steps.headwayAt}`);
  },
  run_failed({ end }) {
    if (end === null || end.exitCode === 0) return undefined;
    return critical(`the validator ended by ${end.reason}, exit code ${end.exitCode}`);
  },
  update_rolled_back({ update }) {
    if (update?.takenBack == null) return undefined;
    const { version, why } = update.takenBack;
    return warning(`release ${version} was taken back and is not tried again${because(why)}`);
  },
  update_failed({ update }) {
    if (update?.failure == null || PASSING.has(update.failure.code)) return undefined;
    const { code, why } = update.failure;
    if (code === "update.rollback-failed")
      return critical(`a release could not be taken back${because(why)}`);
    return warning(`a release cannot be taken (${code})${because(why)}`);
  },
  update_stale({ update }, { updatesQuietSince }) {
    if (updatesQuietSince === undefined) return undefined;
    const why = update?.failure?.why ?? null;
    return warning(`nothing was heard of releases since ${updatesQuietSince}${because(why)}`);
  },
};

function because(why: string | null): string {
  return why === null ? "" : `: ${why}`;
}

/** Remembers since when each alert is up. */
export class AlertBook {
  readonly #since = new Map<AlertName, number>();

  judge(status: Status, facts: AlertFacts, nowMs: number): Alert[] {
    const alerts: Alert[] = [];
    for (const name of ALERTS) {
      const finding = RULES[name](status, facts, nowMs);
      if (finding === undefined) {
        this.#since.delete(name);
        continue;
      }
      const sinceMs = this.#since.get(name) ?? nowMs;
      this.#since.set(name, sinceMs);
      alerts.push({ name, since: new Date(sinceMs).toISOString(), ...finding });
    }
    return alerts;
  }
}
