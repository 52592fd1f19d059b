import type { Uid } from "../base/units.ts";
import type { Outcome, Question, Reply } from "../base/vocabulary.ts";
import { decayScores, updateScores } from "../weights/scores.ts";
import { canBeAsked, chooseForStep, sampledShare } from "./choose.ts";
import { askForMarks } from "./marks.ts";
import { findOutage, reachedBy } from "./outage.ts";
import type { Neuron, Outage } from "./ports.ts";
import type { Session } from "./session.ts";
import { recordStep, type StepRecord } from "./step-event.ts";
import { Stopwatch } from "./stopwatch.ts";

/** Blocks without a step that still count as time in which evidence was gathered: five minutes on the public chain. */
const MAX_BLOCKS_A_STEP = 25;

export interface StepPlan {
  sampleSize: number;
  timeoutMs: number;
  /** Uids asked in this forward pass; the step adds its own. */
  asked: Set<Uid>;
}

export type StepResult =
  /** The best completion is what the next prompt builds on. */
  | { outcome: "answered"; best: string; asked: number; reached: number }
  /** Nobody gave a usable completion, or none that earned enough to build on. */
  | { outcome: "nobody-answered" | "too-poor"; asked: number; reached: number }
  | { outcome: "outage"; outage: Outage; asked: number }
  | { outcome: "no-miner" | "stopping" };

/**
 * The journey of one question: choose miners → ask → score and mask (shadow scores beside) → moving scores → learn to
 * route → state → journal. A step in which nobody could give evidence is told, and changes nothing.
 */
export async function step<N extends Neuron>(
  session: Session<N>,
  question: Question,
  plan: StepPlan,
): Promise<StepResult> {
  const { modules, signal } = session;
  const watch = new Stopwatch(modules.time);
  const { miners: chosen, routed } = await watch.lap("choose", chooseForStep(session, question, plan));
  if (signal.aborted) return { outcome: "stopping" };
  if (chosen.length === 0) return { outcome: "no-miner" };

  const replies = await watch.lap("ask", modules.miners.ask(chosen, question.prompt, plan.timeoutMs, signal));
  if (signal.aborted) return { outcome: "stopping" };
  const outage = await findOutage(session, chosen, replies);
  if (signal.aborted) return { outcome: "stopping" };
  if (outage !== undefined) {
    recordStep(session, question, watch, { ...uncounted(replies, outage), routed });
    return { outcome: "outage", outage, asked: replies.length };
  }

  const completions = replies.map(({ completion }) => completion);
  const taken = replies.map(({ elapsedMs }) => elapsedMs / plan.timeoutMs);
  const [judgement, marks] = await watch.lap(
    "judge",
    Promise.all([
      modules.judge.score(question, completions, { signal, taken }),
      askForMarks(session, question, replies),
    ]),
  );
  if (signal.aborted) return { outcome: "stopping" };

  const outcomes = outcomesOf(session, replies, judgement.rewards);
  const gatingLoss = await watch.lap("train", modules.router.train(question.prompt, outcomes));
  // From here on nothing waits: scores, state and event belong together.
  credit(session, outcomesOf(session, replies, judgement.rewards), plan.sampleSize);
  const best = bestCompletion(replies, judgement.rewards);
  recordStep(session, question, watch, { replies, routed, judgement, marks, gatingLoss, best });
  const reached = reachedBy(replies).length;
  const told = { asked: replies.length, reached };
  if (best === undefined) return { outcome: "nobody-answered", ...told };
  if (Math.max(...judgement.rewards) < session.settings.minBestReward)
    return { outcome: "too-poor", ...told };
  return { outcome: "answered", best, ...told };
}

/** A uid that changed hands while the step ran must not earn its predecessor's reward. */
function outcomesOf<N extends Neuron>(
  { state }: Session<N>,
  replies: readonly Reply[],
  rewards: readonly number[],
): Outcome[] {
  return replies
    .map(({ uid, hotkey }, row) => ({ uid, hotkey, reward: rewards[row]! }))
    .filter(({ uid, hotkey }) => state.subnet.neurons[uid]?.hotkey === hotkey);
}

/** Moving scores of who was asked; those who cannot be asked fade as fast as if they were, and failed. */
function credit<N extends Neuron>(
  session: Session<N>,
  outcomes: readonly Outcome[],
  sampleSize: number,
): void {
  const { state, settings, modules } = session;
  const alpha = settings.movingAverageAlpha;
  const rewarded = { uids: outcomes.map(({ uid }) => uid), rewards: outcomes.map(({ reward }) => reward) };
  const { scores, asked } = updateScores(state, rewarded, alpha);
  const head = modules.chain.head();
  state.turns.note(
    outcomes.map(({ hotkey }) => hotkey),
    head,
  );
  const absent = state.subnet.neurons.filter((neuron) => !canBeAsked(session, neuron)).map(({ uid }) => uid);
  state.scores = decayScores(scores, absent, alpha, sampledShare(session, sampleSize));
  state.asked = asked;
  state.steps++;
  const passed = Math.min(MAX_BLOCKS_A_STEP, Math.max(0, head - state.countedAt));
  state.evidence = { countedSteps: state.evidence.countedSteps + 1, blocks: state.evidence.blocks + passed };
  state.countedAt = head;
}

/** Highest reward among usable completions; the first of equals. */
function bestCompletion(replies: readonly Reply[], rewards: readonly number[]): string | undefined {
  let best: number | undefined;
  for (const [row, reply] of replies.entries()) {
    if (!reply.completion?.trim()) continue;
    if (best === undefined || rewards[row]! > rewards[best]!) best = row;
  }
  return best === undefined ? undefined : replies[best]!.completion!.trim();
}

function uncounted(replies: readonly Reply[], outage: Outage): Omit<StepRecord, "routed"> {
  const judgement = { rewards: replies.map(() => 0), columns: [], timings: {} };
  return { replies, judgement, marks: [], gatingLoss: null, best: undefined, outage };
}
