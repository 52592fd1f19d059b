import { log } from "../base/log.ts";
import type { Uid } from "../base/units.ts";
import type { Question, Reply } from "../base/vocabulary.ts";
import { ANSWERED, meanRewardIn } from "../events/step-figures.ts";
import { commitOf } from "./commit.ts";
import type { Judgement, Neuron, Outage } from "./ports.ts";
import type { Session } from "./session.ts";
import type { Stopwatch } from "./stopwatch.ts";

/** What one step came to. */
export interface StepRecord {
  replies: readonly Reply[];
  /** Uids of those that the router chose; the others were drawn. */
  routed: ReadonlySet<Uid>;
  judgement: Judgement;
  /** Columns of the marks that miners gave each other. */
  marks: Judgement["columns"];
  gatingLoss: number | null;
  best: string | undefined;
  /** Present when the step changed nothing. */
  outage?: Outage;
}

/** Saves the state, then tells the step: an event never runs ahead of the scores that it explains. */
export function recordStep<N extends Neuron>(
  session: Session<N>,
  question: Question,
  watch: Stopwatch,
  record: StepRecord,
): void {
  const { modules, state, settings, recorder } = session;
  const { replies, judgement, outage } = record;
  const savingMs = modules.time.nowMs();
  if (outage === undefined) recorder.saveStep(commitOf(session));
  const saveMs = modules.time.nowMs() - savingMs;

  const lists: Record<string, (number | null)[]> = {};
  for (const { name, raw, normalized } of settings.logRewards
    ? [...judgement.columns, ...record.marks]
    : []) {
    lists[name] = raw;
    if (normalized) lists[`${name}_normalized`] = normalized;
  }
  const { laps } = watch;
  const stepSeconds = watch.elapsedMs / 1000;
  modules.feed.emit({
    ...lists,
    kind: "step",
    step: state.steps,
    name: question.name,
    task: question.task,
    origin: question.origin,
    forward: question.forward,
    step_length: stepSeconds,
    prompt: question.prompt,
    base_prompt: question.basePrompt,
    uids: replies.map(({ uid }) => uid),
    hotkeys: replies.map(({ hotkey }) => hotkey),
    completions: replies.map(({ completion }) => completion ?? ""),
    completion_times: replies.map(({ elapsedMs }) => elapsedMs / 1000),
    completion_status_codes: replies.map(({ status }) => status),
    completion_status_messages: replies.map(({ message }) => message),
    rewards: judgement.rewards,
    routed: replies.map(({ uid }) => (record.routed.has(uid) ? 1 : 0)),
    gating_loss: record.gatingLoss,
    best: record.best ?? "",
    counted: outage === undefined,
    cause: outage?.text ?? null,
    stages: {
      choose_ms: laps.choose ?? 0,
      ask_ms: laps.ask ?? 0,
      judge_ms: laps.judge ?? 0,
      train_ms: laps.train ?? 0,
      save_ms: saveMs,
      parts: judgement.timings,
    },
    inference: {
      queue_ms: judgement.inference?.queueMs ?? 0,
      compute_ms: judgement.inference?.computeMs ?? 0,
    },
    nan_columns: Object.keys(lists).filter((name) => lists[name]!.includes(null)),
  });
  if (outage === undefined) logStep(session, question, record, stepSeconds);
}

function logStep<N extends Neuron>(
  { state, modules }: Session<N>,
  { name }: Question,
  { replies, judgement: { rewards } }: StepRecord,
  seconds: number,
): void {
  log.info("Step", {
    step: state.steps,
    name,
    block: modules.chain.head(),
    asked: replies.length,
    answered: replies.filter(({ status }) => status === ANSWERED).length,
    meanReward: Number(meanRewardIn({ rewards }).toFixed(4)),
    seconds: Number(seconds.toFixed(2)),
  });
}
