import {
  answerPrompt,
  augmentPrompt,
  cleanQuestion,
  drawBaseText,
  drawSummarySentences,
  followupPrompt,
  growText,
} from "../prompts/templates.ts";
import type { Neuron } from "./ports.ts";
import type { Session } from "./session.ts";
import { type StepPlan, type StepResult, step } from "./step.ts";

/**
 * One forward pass, a chain of thought: a text is summarised, questions are asked about the summary, and each is
 * answered; the best reply of each step goes into the next prompt (openvalidators 1.2.0, forward.run_step).
 * Ends early when the run stops or when nobody gave a usable reply, for then there is nothing to build on.
 */
export async function forward<N extends Neuron>(session: Session<N>): Promise<void> {
  const { settings, modules, random } = session;
  const raw = await modules.texts.next(session.signal);
  if (session.signal.aborted) return;
  modules.judge.beginForward();

  const common = { asked: new Set<never>() as StepPlan["asked"], forward: crypto.randomUUID() };
  const asFollowup = {
    ...common,
    sampleSize: settings.followupSampleSize,
    timeoutMs: settings.followupTimeoutMs,
  };
  const asAnswer = { ...common, sampleSize: settings.answerSampleSize, timeoutMs: settings.answerTimeoutMs };

  const baseText = drawBaseText(raw, random);
  const summary = await bestOf(
    step(
      session,
      {
        name: "augment",
        task: "augment",
        prompt: augmentPrompt(baseText, drawSummarySentences(random)),
        basePrompt: baseText,
      },
      asFollowup,
    ),
  );
  if (summary === undefined) return;

  let text = summary;
  for (let round = 0; round < settings.followupSteps; round++) {
    const question = await bestOf(
      step(
        session,
        {
          name: `followup${round}`,
          task: "followup",
          prompt: followupPrompt(text, round),
          basePrompt: summary,
        },
        asFollowup,
      ),
    );
    if (question === undefined) return;
    const asked = cleanQuestion(question);
    const answer = await bestOf(
      step(
        session,
        { name: `answer${round}`, task: "answer", prompt: answerPrompt(text, asked), basePrompt: asked },
        asAnswer,
      ),
    );
    if (answer === undefined) return;
    text = growText(text, asked, answer);
  }
}

async function bestOf(result: Promise<StepResult | undefined>): Promise<string | undefined> {
  return (await result)?.best;
}
