import type { Question } from "../base/vocabulary.ts";
import {
  answerPrompt,
  augmentPrompt,
  cleanQuestion,
  drawBaseText,
  drawSummarySentences,
  followupPrompt,
  growText,
} from "../prompts/templates.ts";
import type { Neuron, Outage } from "./ports.ts";
import type { Session } from "./session.ts";
import { type StepPlan, type StepResult, step } from "./step.ts";

/** How a forward pass ended. */
export interface ForwardEnd {
  outcome: "ended" | "skipped";
  /** null when every round was answered. */
  reason: Exclude<StepResult["outcome"], "answered"> | "no-permit" | null;
  outage?: Outage;
  steps: number;
  asked: number;
  reached: number;
}

/**
 * One forward pass, a chain of thought: a text is summarised, questions are asked about the summary, and each is
 * answered; the best completion of each step goes into the next prompt (openvalidators 1.2.0, forward.run_step).
 * Ends early when the run stops or when nobody gave a completion that is worth building on.
 */
export async function forward<N extends Neuron>(session: Session<N>, id: string): Promise<ForwardEnd> {
  const { modules, settings, signal, watch } = session;
  const end: ForwardEnd = { outcome: "ended", reason: null, steps: 0, asked: 0, reached: 0 };
  if (settings.setsWeights && watch.permit.state === "missing")
    return { ...end, outcome: "skipped", reason: "no-permit" };
  const raw = await modules.texts.next(signal);
  if (signal.aborted) return { ...end, outcome: "skipped", reason: "stopping" };
  modules.judge.beginForward(id);
  try {
    await chainOfThought(session, id, raw, end);
  } finally {
    modules.judge.endForward(id);
  }
  return end;
}

/** Asks for the summary, then round after round; keeps in `end` what became of it. */
async function chainOfThought<N extends Neuron>(
  session: Session<N>,
  forwardId: string,
  raw: string,
  end: ForwardEnd,
): Promise<void> {
  const { settings, random } = session;
  const asked: StepPlan["asked"] = new Set();
  const asFollowup = {
    asked,
    sampleSize: settings.followupSampleSize,
    timeoutMs: settings.followupTimeoutMs,
  };
  const asAnswer = { asked, sampleSize: settings.answerSampleSize, timeoutMs: settings.answerTimeoutMs };
  const bestOf = async (
    question: Omit<Question, "origin" | "forward">,
    plan: StepPlan,
  ): Promise<string | undefined> => {
    const result = await step(session, { ...question, origin: "dataset", forward: forwardId }, plan);
    return tally(end, result);
  };

  const baseText = drawBaseText(raw, random);
  const prompt = augmentPrompt(baseText, drawSummarySentences(random));
  const summary = await bestOf(
    { name: "augment", task: "augment", prompt, basePrompt: baseText },
    asFollowup,
  );
  if (summary === undefined) return;

  let text = summary;
  for (let round = 0; round < settings.followupSteps; round++) {
    const question = await bestOf(
      {
        name: `followup${round}`,
        task: "followup",
        prompt: followupPrompt(text, round),
        basePrompt: summary,
      },
      asFollowup,
    );
    if (question === undefined) return;
    const clean = cleanQuestion(question);
    const answer = await bestOf(
      { name: `answer${round}`, task: "answer", prompt: answerPrompt(text, clean), basePrompt: clean },
      asAnswer,
    );
    if (answer === undefined) return;
    text = growText(text, clean, answer);
  }
}

/** Counts one step in; gives its best completion, undefined where the pass ends. */
function tally(end: ForwardEnd, result: StepResult): string | undefined {
  if ("asked" in result) end.asked += result.asked;
  if ("reached" in result) {
    end.reached += result.reached;
    end.steps++;
  }
  if (result.outcome === "answered") return result.best;
  end.reason = result.outcome;
  if (result.outcome === "outage") end.outage = result.outage;
  // A pass that nobody answered is still one that was tried; the others gave no evidence of anybody.
  const wasTried = result.outcome === "nobody-answered" || result.outcome === "too-poor";
  end.outcome = wasTried ? "ended" : "skipped";
  return undefined;
}
