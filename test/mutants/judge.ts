import { type Mutant, noticedBy } from "./mutant.ts";

export const JUDGE_MUTANTS: readonly Mutant[] = noticedBy(
  ["test/rewards/embedded-judge.test.ts"],
  [
    {
      name: "an aside that is left out counts as words left out",
      file: "src/rewards/masks/borrowed-runs.ts",
      text: "return asides[from - 1] || asides[at] ? words",
      replacement: "return asides.length > 0 ? words",
    },
    {
      name: "words missing inside of an aside are not missed",
      file: "src/rewards/masks/borrowed-runs.ts",
      text: "return asides[from - 1] || asides[at] ? words",
      replacement: "return asides.length === 0 ? words",
    },
    {
      name: "a run keeps the words that belong to the next one",
      file: "src/rewards/masks/borrowed-runs.ts",
      text: "return Math.max(most, count);",
      replacement: "return Math.min(most, count);",
    },
    {
      name: "the end of a sentence passes for a whole one",
      file: "src/rewards/masks/borrowing.ts",
      text: "if (runs.length > 0 && isTail(source, runs)) splices++;",
      replacement: "",
    },
    {
      name: "sentences that are quoted whole are judged by their order",
      file: "src/rewards/masks/order.ts",
      text: "!quotable.has(keyOf(sentence))",
      replacement: 'sentence !== ""',
    },
    {
      name: "a word that anybody can add is as new as one of the text",
      file: "src/rewards/fit/answer.ts",
      text: "(told.has(term) ? 1 : NEW.foreign)",
      replacement: "(told.has(term) ? 1 : 1)",
    },
    {
      name: "a sentence of a text that tells of many things is off its topic",
      file: "src/rewards/fit/summary.ts",
      text: "Math.max(cosine(vector, whole), nearEnough)",
      replacement: "Math.max(cosine(vector, whole), nearEnough - 2)",
    },
  ],
);
