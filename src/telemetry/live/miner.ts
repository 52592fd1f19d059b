import type { Answer } from "./answers.ts";
import { type ColumnVerdict, explainAnswer, explainScore } from "./why.ts";

/** An answer with its reasons, as page and command show it; see `Answer` and `Why`. */
export interface ToldAnswer {
  time: string;
  block: number;
  step: number | null;
  name: string;
  prompt: string;
  status: number;
  message: string;
  seconds: number;
  reward: number;
  place: number;
  asked: number;
  completion: string;
  summary: string;
  columns: ColumnVerdict[];
}

/** "Why this score" for one miner. */
export interface ToldMiner {
  uid: number;
  /** null for one that was not asked. */
  hotkey: string | null;
  /** Moving average of its rewards, 0..1; null where it is not known. */
  score: number | null;
  summary: string;
  /** Newest first. */
  answers: ToldAnswer[];
}

export function tellMiner(uid: number, score: number | null, answers: readonly Answer[]): ToldMiner {
  return {
    uid,
    hotkey: answers[0]?.hotkey ?? null,
    score,
    summary: explainScore(score, answers),
    answers: answers.map(tellAnswer),
  };
}

function tellAnswer(answer: Answer): ToldAnswer {
  const { step, status, message, seconds, reward, place, completion } = answer;
  const { summary, columns } = explainAnswer(answer);
  const { time, block, name, prompt, asked } = step;
  return {
    time,
    block,
    step: step.step,
    name,
    prompt,
    status,
    message,
    seconds,
    reward,
    place,
    asked,
    completion,
    summary,
    columns,
  };
}
