/**
 * Finds by which numbers the judge tells a question that asks something from words of the text in a frame, and prints them as
 * they stand in src/rewards/fit/asked.ts; the same each time.
 *
 *   bun models/judge/questions.ts
 *
 * What asks: the questions of people in questions.jsonl (written for this; the texts are summaries of packaged passages that
 * the word-order probe was trained on too), and sentences of such texts turned by their grammar. What does not: hollow-questions.ts.
 */
import { readFileSync } from "node:fs";
import { InferenceSupervisor } from "../../src/inference/supervisor.ts";
import { turned } from "../../src/localnet/miners/asking.ts";
import { answerWell } from "../../src/localnet/miners/good.ts";
import { pick, seededRandom } from "../../src/localnet/miners/random.ts";
import { EMBEDDED_MODEL } from "../../src/models/embedded.ts";
import { sourceSentences } from "../../src/prompts/sentences.ts";
import { drawBaseText } from "../../src/prompts/templates.ts";
import { ASKING, Forms, joinedOf, wordingOf } from "../../src/rewards/fit/asked.ts";
import { RunSource } from "../../src/rewards/masks/borrowed-runs.ts";
import { NAMING, QUOTING } from "./hollow-questions.ts";
import { fitLogistic } from "./logistic-regression.ts";

/** Texts without questions of people, and sentences of each. */
const OTHERS = 40;
const SENTENCES = 8;
/** Of each kind of hollow question, of every text. */
const TRIES = 2;
/** How often each counts, so that what asks weighs as much as what does not, and people more than grammar. */
const TIMES = { person: 6, turned: 4, hollow: 1 } as const;
const PENALTY = 1e-4;

interface Row {
  asks: boolean;
  times: number;
  question: string;
}

const read = (path: string): unknown[] =>
  readFileSync(new URL(path, import.meta.url), "utf8")
    .trim()
    .split("\n")
    .map((line): unknown => JSON.parse(line));
const random = seededRandom(1);
const people = read("questions.jsonl") as { text: string; questions: string[] }[];
const passages = (read("../../src/prompts/sample/passages.jsonl") as { text: string }[]).filter(
  (_, at) => at % 13 < 9,
);
const others = Array.from({ length: OTHERS }, () => {
  const text = drawBaseText(pick(passages, random).text, random);
  return { text: answerWell({ task: "augment", text, sentences: SENTENCES }, random), questions: [] };
});

const inference = await InferenceSupervisor.start({ device: "cpu", models: [EMBEDDED_MODEL] });
const vectorsOf = async (texts: string[]): Promise<Float32Array[]> =>
  (await inference.read(EMBEDDED_MODEL, texts)).map(({ vector }) => vector);
const rows: number[] = [];
const labels: number[] = [];
try {
  for (const { text, questions } of [...people, ...others]) {
    const sentences = sourceSentences(text);
    const known = { runs: new RunSource(sentences), forms: new Forms(sentences) };
    const source = (await vectorsOf(sentences)).map((vector, at) => ({ text: sentences[at]!, vector }));
    for (const { question, asks, times } of rowsOf(text, sentences, questions)) {
      const wording = wordingOf(known, known.runs.runsOf(question).flat());
      const [own] = wording.own === "" ? [] : await vectorsOf([wording.own]);
      for (let time = 0; time < times; time++) {
        rows.push(wording.block, joinedOf(wording, own, source));
        labels.push(asks ? 1 : 0);
      }
    }
  }
} finally {
  await inference.stop();
}
const { weights, bias } = fitLogistic(new Float32Array(rows), new Uint8Array(labels), 2, PENALTY);
const [block, own] = [...weights].map((weight) => Number(weight.toFixed(2)));
process.stdout.write(`${JSON.stringify({ ...ASKING, bias: Number(bias.toFixed(2)), block, own })}\n`);

function rowsOf(text: string, sentences: readonly string[], questions: readonly string[]): Row[] {
  const asking = questions.map((question): Row => ({ question, asks: true, times: TIMES.person }));
  const byGrammar = sentences
    .map((sentence) => turned(sentence, text))
    .filter((made) => made !== undefined)
    .map((made): Row => ({ question: `Why ${made}?`, asks: true, times: TIMES.turned }));
  const hollow = Array.from({ length: TRIES }, () => [...Object.values(NAMING), ...Object.values(QUOTING)])
    .flat()
    .map((make): Row => ({ question: make(sentences, random), asks: false, times: TIMES.hollow }));
  return [...asking, ...byGrammar, ...hollow];
}
