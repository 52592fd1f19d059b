import { readFileSync } from "node:fs";
import type { Question } from "../../src/base/vocabulary.ts";
import { InferenceSupervisor } from "../../src/inference/supervisor.ts";
import { EMBEDDED_MODEL } from "../../src/models/embedded.ts";
import { answerPrompt, augmentPrompt, followupPrompt } from "../../src/prompts/templates.ts";
import { createPipeline } from "../../src/rewards/assemble.ts";
import { chosenProfile } from "../../src/rewards/profiles.ts";
import { areaUnderCurve } from "./incentive/measures.ts";
import { type BenchRow, median } from "./row.ts";

/** A text with summaries and answers that have none of its sentences; `set`: whether bounds of the judge were drawn from it. */
interface Written {
  set: string;
  text: string;
  summaries: string[];
  answers: { question: string; answer: string }[];
}

/** A good answer that earns less is one that the judge rejects. */
const REJECTED = 0.07;
const SUMMARY_SENTENCES = 5;

const linesOf = (path: string): string[] =>
  readFileSync(new URL(path, import.meta.url), "utf8")
    .trim()
    .split("\n");

function writtenTexts(): Written[] {
  const paths: Readonly<Record<string, string>> = {
    passages: "../../src/prompts/sample/passages.jsonl",
    handbook: "incentive/handbook.jsonl",
    jargon: "incentive/jargon.jsonl",
    factbook: "incentive/factbook.jsonl",
  };
  return linesOf("incentive/own-words.jsonl").map((line) => {
    const { from, line: at, ...written } = JSON.parse(line);
    return from === undefined ? written : { ...written, text: JSON.parse(linesOf(paths[from]!)[at]!).text };
  });
}

/** Texts of the bench's kind with questions that people would ask about them. */
const QUESTIONS = {
  "chosen by": "../../models/judge/questions.jsonl",
  others: "incentive/questions.jsonl",
} as const;

/** What people's own words earn in the embedded profile, beside those about another text or to another question. */
export async function benchOwnWords(): Promise<BenchRow[]> {
  const inference = await InferenceSupervisor.start({ device: "cpu", models: [EMBEDDED_MODEL] });
  try {
    const judge = createPipeline(chosenProfile("embedded"), {
      models: inference,
      masks: { diversity: false },
    });
    const rewardsOf = async (
      asked: Pick<Question, "task" | "prompt" | "basePrompt">,
      texts: string[],
    ): Promise<number[]> => {
      const question: Question = { name: asked.task, origin: "dataset", forward: asked.prompt, ...asked };
      return (await judge.score(question, texts)).rewards;
    };
    const earned = new Map<string, number[]>();
    const note = (set: string, kind: string, rewards: readonly number[]): void => {
      const key = `${set}: ${kind}`;
      earned.set(key, [...(earned.get(key) ?? []), ...rewards]);
    };
    const texts = writtenTexts();
    for (const { set, text, summaries, answers } of texts) {
      const elsewhere = texts.filter((other) => other.set === set && other.text !== text);
      const given = {
        task: "augment",
        prompt: augmentPrompt(text, SUMMARY_SENTENCES),
        basePrompt: text,
      } as const;
      const foreign = elsewhere.flatMap((other) => other.summaries);
      const all = await rewardsOf(given, [...summaries, ...foreign]);
      note(set, "summaries", all.slice(0, summaries.length));
      note(set, "summaries of another text", all.slice(summaries.length));
      for (const { question, answer } of answers) {
        const asked = { task: "answer", prompt: answerPrompt(text, question), basePrompt: question } as const;
        const others = answers.filter((one) => one.answer !== answer).map((one) => one.answer);
        const [right, ...wrong] = await rewardsOf(asked, [answer, ...others]);
        note(set, "answers", [right!]);
        note(set, "answers to another question", wrong);
      }
    }
    for (const [set, path] of Object.entries(QUESTIONS)) {
      const asking = linesOf(path).map((line): { text: string; questions: string[] } => JSON.parse(line));
      for (const { text, questions } of asking) {
        const given = { task: "followup", prompt: followupPrompt(text, 0), basePrompt: text } as const;
        const foreign = asking.filter((other) => other.text !== text).flatMap((other) => other.questions);
        const all = await rewardsOf(given, [...questions, ...foreign]);
        note(set, "questions", all.slice(0, questions.length));
        note(set, "questions about another text", all.slice(questions.length));
      }
    }
    const rows = [...earned].flatMap(([name, rewards]): BenchRow[] => [
      { name: `${name}, median (${rewards.length})`, value: median(rewards), unit: "" },
      {
        name: `${name}, below ${REJECTED}`,
        value: (100 * rewards.filter((reward) => reward < REJECTED).length) / rewards.length,
        unit: "%",
      },
    ]);
    const sets = [...new Set(texts.map(({ set }) => set))];
    const curves = sets.map(
      (set): BenchRow => ({
        name: `${set}: AUC of answers against those to another question`,
        value: areaUnderCurve(
          earned.get(`${set}: answers`)!,
          earned.get(`${set}: answers to another question`)!,
        ),
        unit: "",
      }),
    );
    return [...rows, ...curves].map((row) => ({ ...row, name: `own words, ${row.name}` }));
  } finally {
    await inference.stop();
  }
}
