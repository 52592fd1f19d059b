import { counted, percent, printable } from "../base/text.ts";
import type { Status } from "../telemetry/status.ts";
import { labelled } from "./fit.ts";
import { bytesText } from "./progress.ts";

const MAX_LINE = 160;
/** Models named one by one; more are counted. */
const SHOWN_MODELS = 8;

/**
 * The status on one screen. Pure.
 * @param nowMs wall time, milliseconds since 1970
 * @param width characters of a line; undefined = any
 */
export function statusScreen(status: Status, nowMs: number, width?: number): string {
  const { healthy, alerts, reasons } = status;
  const health = healthy ? (alerts.length === 0 ? "healthy" : "healthy, with alerts") : "NOT HEALTHY";
  const rows: [string, string][] = [
    ["Health", health],
    ...alerts.map(({ severity, name, text, since }): [string, string] => [
      severity === "critical" ? "  ! alert" : "  alert",
      `${name}: ${text} (${ago(since, nowMs)})`,
    ]),
    ...reasons
      .filter((reason) => !alerts.some(({ text }) => text === reason))
      .map((reason): [string, string] => ["  because", reason]),
    ["Validator", validatorLine(status, nowMs)],
    ["Hotkey", `${status.hotkey ?? "-"}, ${permitText(status)}`],
    ["Chain", chainLine(status)],
    ["Steps", stepsLine(status, nowMs)],
    ["Answers", answersLine(status)],
    ["Weights", weightsLine(status)],
    ["Reveal", revealLine(status)],
    ...modelLines(status),
    ["Disk", diskLine(status)],
    ["Releases", releasesLine(status, nowMs)],
    ...telemetryLines(status),
  ];
  return labelled(
    rows.map(([name, text]) => [name, printable(text, MAX_LINE)]),
    width,
  );
}

function validatorLine({ version, uid, netuid, phase, startedAt }: Status, nowMs: number): string {
  const what = `openvalidator ${version ?? ""}, ${phase}`;
  if (startedAt === null) return what;
  return `${what} for ${span((nowMs - Date.parse(startedAt)) / 1000)}, uid ${uid ?? "-"} of subnet ${netuid}`;
}

function permitText({ permit, stakeTao }: Status): string {
  const held = permit === null ? "permit not known" : permit ? "validator permit" : "NO validator permit";
  return stakeTao === null ? held : `${held}, ${stakeTao.toFixed(1)} TAO`;
}

function chainLine({ chain, endpoint }: Status): string {
  const head = chain.head === null ? "no head yet" : `head ${chain.head}`;
  const age = chain.headAgeS === null ? "" : `, ${span(chain.headAgeS)} old`;
  const skew = chain.skewS === null ? "" : `, clock ${chain.skewS.toFixed(0)} s ahead`;
  const final = chain.notFinal === null ? "" : `, NOT FINAL since ${chain.notFinal} blocks or more`;
  return `${chain.state}, ${head}${age}${final}${skew}, ${endpoint ?? "-"}`;
}

function stepsLine({ steps, forwards }: Status, nowMs: number): string {
  const pace = `${steps.number ?? 0} (${steps.inRun} in this run), ${steps.perMinute.toFixed(1)} a minute`;
  const last =
    steps.last === null
      ? ", none yet in this run"
      : `, last ${steps.last.name} ${ago(steps.last.at, nowMs)} in ${steps.last.seconds.toFixed(1)} s`;
  const pass =
    forwards.outcome === null || forwards.outcome === "ended"
      ? ""
      : `, pass ${forwards.outcome}: ${forwards.cause ?? forwards.reason}`;
  return `${pace}${last}${pass}`;
}

function answersLine({ answerRate, usualAnswerRate, steps: { last } }: Status): string {
  if (answerRate === null || last === null) return "none yet";
  const usual = usualAnswerRate === null ? "" : `, usually ${percent(usualAnswerRate)}`;
  return `${percent(answerRate)}${usual}; last ${last.answered} of ${last.asked}, mean reward ${last.meanReward.toFixed(4)}`;
}

function weightsLine({ weights, chain }: Status): string {
  if (!weights.isEnabled) return "never set (--neuron.disable_set_weights)";
  const last = !weights.lastBlock ? "never set" : `last in block ${weights.lastBlock}`;
  const left = weights.nextBlock === null || chain.head === null ? undefined : weights.nextBlock - chain.head;
  const next =
    weights.nextBlock === null
      ? ""
      : `, next in block ${weights.nextBlock}${left !== undefined && left > 0 ? ` (${left} to go)` : " (due)"}`;
  const state = weights.state === null ? "" : `, ${weights.state}`;
  const unasked = weights.unasked ? `, ${weights.unasked} miners not asked before the last` : "";
  return `${last}${next}${unasked}${state}${weights.reason === null ? "" : `: ${weights.reason}`}`;
}

function revealLine({ reveal }: Status): string {
  return reveal.state === "none" ? "none" : `${reveal.state}, committed in block ${reveal.committed}`;
}

function modelLines({ models }: Status): [string, string][] {
  const shown = models
    .slice(0, SHOWN_MODELS)
    .map(({ id, state, device, dtype }): [string, string] => [
      "Model",
      `${id}: ${state}, ${device ?? "-"} ${dtype ?? ""}`.trimEnd(),
    ]);
  if (models.length > SHOWN_MODELS) shown.push(["Model", `and ${models.length - SHOWN_MODELS} more`]);
  return shown;
}

function diskLine({ disk }: Status): string {
  const free = disk.freeBytes === null ? "" : `, ${(disk.freeBytes / 1e9).toFixed(1)} GB free`;
  const state = disk.state === "unknown" ? "ok" : disk.state;
  return `${state}${free}${disk.detail === null ? "" : `, ${disk.detail}`}${disk.journal === "lost" ? ", journal NOT written" : ""}`;
}

function releasesLine({ update }: Status, nowMs: number): string {
  if (update === null) return "nothing is told of any";
  const { available, urgency, waitsFor, onTrial, takenBack, failure, answeredAt } = update;
  const parts = [
    onTrial !== null && `${onTrial} is on trial`,
    takenBack !== null && `${takenBack.version} was taken back`,
    available !== null && `${available} is there (urgency ${urgency ?? "not told"})`,
    available !== null && waitsFor,
    failure !== null && `${failure.code}: ${failure.why ?? ""}`,
    answeredAt === null ? "no look was answered yet" : `looked ${ago(answeredAt, nowMs)}`,
  ].filter((part) => part !== false && part !== null);
  return (available ?? onTrial ?? failure) === null ? ["up to date", ...parts].join(", ") : parts.join(", ");
}

/** What W&B has of the run; whatever else a part says, a newer validator's for one, stands as it was said. */
function telemetryLines({ telemetry }: Status): [string, string][] {
  const { wandbMode, wandbPage, wandbState, wandbBacklog, wandbBacklogBytes, ...more } = telemetry;
  const rows = Number(wandbBacklog ?? 0);
  const waiting = `${counted(rows, "row")}${rows === 0 ? "" : ` (${bytesText(Number(wandbBacklogBytes ?? 0))})`}`;
  const wandb = [
    wandbMode,
    wandbState,
    wandbPage,
    wandbMode === "offline"
      ? `${waiting} kept for openvalidator wandb sync`
      : `${rows === 0 ? "no row" : waiting} waiting`,
  ].filter((fact) => fact !== undefined && fact !== null);
  const facts = Object.entries(more).map(([name, value]) => `${name} ${value ?? "-"}`);
  return [
    ...(wandbMode === undefined ? [] : [["W&B", wandb.join(", ")] satisfies [string, string]]),
    ...(facts.length === 0 ? [] : [["Telemetry", facts.join(", ")] satisfies [string, string]]),
  ];
}

function ago(time: string, nowMs: number): string {
  return `${span((nowMs - Date.parse(time)) / 1000)} ago`;
}

/** 7 s, 12 min, 3.4 h, 5.0 d */
function span(seconds: number): string {
  const whole = Math.max(0, seconds);
  if (whole < 120) return `${whole.toFixed(0)} s`;
  if (whole < 7_200) return `${(whole / 60).toFixed(0)} min`;
  return whole < 172_800 ? `${(whole / 3_600).toFixed(1)} h` : `${(whole / 86_400).toFixed(1)} d`;
}
