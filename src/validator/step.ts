import { log } from "../base/log.ts";
import type { Uid } from "../base/units.ts";
import { EVENT_VERSION_1 as EVENT_VERSION, type StepEventV1 as StepEvent } from "../events/version-1.ts";
import { updateScores } from "../weights/scores.ts";
import { chooseMiners } from "./choose.ts";
import { askForMarks } from "./marks.ts";
import type { Judgement, Neuron, Question, Reply } from "./ports.ts";
import type { Session } from "./session.ts";

export interface StepPlan {
  sampleSize: number;
  timeoutMs: number;
  /** Uids asked in this forward pass; the step adds its own. */
  asked: Set<Uid>;
  forward: string;
}

export interface StepResult {
  /** Best completion; undefined when no miner gave a usable one. */
  best: string | undefined;
  question: Question;
}

/**
 * The journey of one question: choose miners → ask → score and mask (shadow scores beside) → moving scores → learn to route → journal.
 * @returns undefined when the run is stopping or no miner can be asked; nothing is recorded then.
 */
export async function step<N extends Neuron>(
  session: Session<N>,
  question: Question,
  plan: StepPlan,
): Promise<StepResult | undefined> {
  const { modules, settings, state } = session;
  const startedMs = performance.now();
  const scores = settings.explore < 1 ? await modules.router.scores(question.prompt) : undefined;
  if (session.signal.aborted) return undefined;
  const { neurons } = state.subnet;
  const chosen = chooseMiners(neurons, {
    ownUid: state.subnet.ownUid,
    vpermitTaoLimit: settings.vpermitTaoLimit,
    sampleSize: plan.sampleSize,
    excluded: plan.asked,
    random: session.random,
    explore: settings.explore,
    scores,
  });
  if (chosen.length === 0) {
    log.warn("No miner of this subnet can be asked", { netuid: settings.netuid, neurons: neurons.length });
    return undefined;
  }
  for (const neuron of chosen) plan.asked.add(neuron.uid);

  const replies = await modules.miners.ask(chosen, question.prompt, plan.timeoutMs, session.signal);
  if (session.signal.aborted) return undefined;
  const [judgement, marks] = await Promise.all([
    modules.judge.score(
      question,
      replies.map((reply) => reply.completion),
    ),
    askForMarks(session, question, replies),
  ]);
  if (session.signal.aborted) return undefined;

  // A uid that changed hands while the step ran must not earn its predecessor's reward.
  const outcomes = replies
    .map(({ uid, hotkey }, i) => ({ uid, hotkey, reward: judgement.rewards[i]! }))
    .filter(({ uid, hotkey }) => state.subnet.neurons[uid]?.hotkey === hotkey);
  const moved = updateScores(
    state,
    { uids: outcomes.map(({ uid }) => uid), rewards: outcomes.map(({ reward }) => reward) },
    settings.movingAverageAlpha,
  );
  state.scores = moved.scores;
  state.asked = moved.asked;
  const gatingLoss = await modules.router.train(question.prompt, outcomes);

  const best = bestCompletion(replies, judgement.rewards);
  const elapsedMs = performance.now() - startedMs;
  const columns = [...judgement.columns, ...marks];
  const { rewards } = judgement;
  const event = stepEventOf(session, question, plan, {
    replies,
    rewards,
    columns,
    gatingLoss,
    best,
    elapsedMs,
  });
  modules.events.append(event);
  session.onStep(event);
  return { best, question };
}

/** Highest reward among usable answers; the first of equals. */
function bestCompletion(replies: readonly Reply[], rewards: readonly number[]): string | undefined {
  let best: number | undefined;
  for (const [index, reply] of replies.entries()) {
    if (!reply.completion?.trim()) continue;
    if (best === undefined || rewards[index]! > rewards[best]!) best = index;
  }
  return best === undefined ? undefined : replies[best]!.completion!.trim();
}

/** What one step came to. */
interface StepRecord {
  replies: readonly Reply[];
  rewards: number[];
  columns: Judgement["columns"];
  gatingLoss: number | null;
  best: string | undefined;
  elapsedMs: number;
}

function stepEventOf<N extends Neuron>(
  session: Session<N>,
  question: Question,
  plan: StepPlan,
  { replies, rewards, columns, gatingLoss, best, elapsedMs }: StepRecord,
): StepEvent {
  const lists: Record<string, (number | null)[]> = {};
  for (const { name, raw, normalized } of session.settings.logRewards ? columns : []) {
    lists[name] = raw;
    if (normalized) lists[`${name}_normalized`] = normalized;
  }
  const fixed: StepEvent = {
    version: EVENT_VERSION,
    kind: "step",
    time: new Date().toISOString(),
    ...session.identity,
    block: session.modules.chain.head(),
    name: question.name,
    forward: plan.forward,
    step_length: elapsedMs / 1000,
    prompt: question.prompt,
    uids: replies.map((reply) => reply.uid),
    hotkeys: replies.map((reply) => reply.hotkey),
    completions: replies.map((reply) => reply.completion ?? ""),
    completion_times: replies.map((reply) => reply.elapsedMs / 1000),
    completion_status_codes: replies.map((reply) => reply.status),
    completion_status_messages: replies.map((reply) => reply.message),
    rewards,
    gating_loss: gatingLoss,
    best: best ?? "",
    nan_columns: Object.keys(lists).filter((name) => lists[name]!.includes(null)),
  };
  return Object.assign(fixed, lists);
}
