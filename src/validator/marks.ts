import type { Question, Reply } from "../base/vocabulary.ts";
import { RATERS_SUFFIX, SHADOW_PREFIX } from "../events/schema.ts";
import { readMark, scoringPrompt } from "../prompts/scoring.ts";
import { canBeAsked, chooseMiners } from "./choose.ts";
import type { Judgement, Neuron } from "./ports.ts";
import type { Session } from "./session.ts";

/** Column of the marks that miners gave, and of the uids that gave them. */
const MARKS = `${SHADOW_PREFIX}miners`;
const RATERS = `${MARKS}${RATERS_SUFFIX}`;

/**
 * Shadow scoring by miners: some answers of a step, drawn at random, are each shown to one other miner, who is asked for
 * a mark behind a firewall prompt. The marks go to the events; nothing that counts reads them.
 * @returns two columns in step with the replies, null where nobody was asked or gave a mark; none where it is off.
 */
export async function askForMarks<N extends Neuron>(
  session: Session<N>,
  question: Question,
  replies: readonly Reply[],
): Promise<Judgement["columns"]> {
  const { settings, modules, state, random, signal } = session;
  const answered = [...replies.keys()].filter((row) => replies[row]!.completion?.trim());
  if (settings.shadowMiners === 0 || !settings.logRewards || answered.length === 0) return [];
  const raters = chooseMiners(state.subnet.neurons, {
    isCandidate: (neuron) => canBeAsked(session, neuron) && modules.miners.mayAsk(neuron.hotkey),
    sampleSize: settings.shadowMiners,
    excluded: new Set(),
    random,
  });
  const marks: (number | null)[] = replies.map(() => null);
  const uids: (number | null)[] = replies.map(() => null);
  const asked = raters.map(async (rater) => {
    // Nobody marks its own answer, and no answer is marked twice.
    const open = answered.filter((row) => uids[row] === null && replies[row]!.uid !== rater.uid);
    const row = open[Math.floor(random() * open.length)];
    if (row === undefined) return;
    uids[row] = rater.uid;
    const prompt = scoringPrompt(question.task, question.prompt, replies[row]!.completion!);
    const [reply] = await modules.miners.ask([rater], prompt, settings.answerTimeoutMs, signal);
    marks[row] = readMark(reply?.completion ?? "");
  });
  await Promise.all(asked);
  return [
    { name: MARKS, raw: marks },
    { name: RATERS, raw: uids },
  ];
}
