import { type Mutant, noticedBy } from "./mutant.ts";

export const JUDGE_MUTANTS: readonly Mutant[] = [
  ...noticedBy(
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
        name: "a sentence with another first word passes for the end of one",
        file: "src/rewards/masks/borrowed-runs.ts",
        text: "at > before && ",
        replacement: "",
      },
      {
        name: "a number after an aside that is left out counts as another one",
        file: "src/rewards/masks/borrowed-runs.ts",
        text: "other >= next && !asides[other]",
        replacement: "other === next",
      },
      {
        name: "a sentence behind words that take it back passes for a quotation",
        file: "src/rewards/masks/contradiction.ts",
        text: "isTakenBack(sentence, before)",
        replacement: "isTakenBack(sentence, 0)",
      },
      {
        name: "two denials take back a quotation",
        file: "src/rewards/masks/denial.ts",
        text: "denials.length % 2 === 1",
        replacement: "denials.length > 0",
      },
      {
        name: "a denial in another clause takes back a quotation",
        file: "src/rewards/masks/denial.ts",
        text: 'if (mark !== "") return false;',
        replacement: "",
      },
      {
        name: "a denial of anything takes back a quotation",
        file: "src/rewards/masks/denial.ts",
        text: "takes(at) || (HOLDS.test(words[at]!) && isNear(at))",
        replacement: "at > 0",
      },
      {
        name: "a number that the text has in words is another one",
        file: "src/rewards/masks/contradiction.ts",
        text: "!written.some(isSpelled) : !written.includes(spelled)",
        replacement: "true : true",
      },
      {
        name: "sentences that are quoted whole are judged by their order",
        file: "src/rewards/masks/order.ts",
        text: "!quotable.has(keyOf(sentence))",
        replacement: 'sentence !== ""',
      },
      {
        name: "the whole of a short text answers anything",
        file: "src/rewards/fit/answer.ts",
        text: "Math.max(REPEATED.count,",
        replacement: "Math.max(99,",
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
  ),
  ...noticedBy(
    ["test/rewards/own-words.test.ts"],
    [
      {
        name: "an answer in words of its own is measured as a quotation",
        file: "src/rewards/fit/answer.ts",
        text: "Math.max(quoted, best > 0",
        replacement: "Math.max(quoted, best > 9",
      },
      {
        name: "remarks about the question's own words say something",
        file: "src/rewards/fit/answer.ts",
        text: "(ofBoth - toThird * otherToThird)",
        replacement: "ofBoth",
      },
      {
        name: "a summary in words of its own is measured as a quotation",
        file: "src/rewards/fit/summary.ts",
        text: "REWORDED * ownWording(text, told)",
        replacement: "0 * ownWording(text, told)",
      },
    ],
  ),
  ...noticedBy(
    ["test/rewards/asking.test.ts"],
    [
      {
        name: "words of the text in a list count as words that stand apart",
        file: "src/rewards/fit/asked.ts",
        text: "const goesOn = LISTING.has(last)",
        replacement: "const goesOn = last === '' && LISTING.has(last)",
      },
      {
        name: "a frame that fits any text joins words",
        file: "src/rewards/fit/asked.ts",
        text: "all === 0 || (isEmpty",
        replacement: "all === 0 || (!isEmpty",
      },
      {
        name: "a question is paid for what it names",
        file: "src/rewards/fit/question.ts",
        text: "    askingOf(wording, own, source)",
        replacement: "    Math.max(1, askingOf(wording, own, source))",
      },
    ],
  ),
  ...noticedBy(
    ["test/localnet/asking.test.ts"],
    [
      {
        name: "a good miner's question holds its answer",
        file: "src/localnet/miners/asking.ts",
        text: "if (subject.length + rest.length > MOST_TAKEN",
        replacement: "if (subject.length + rest.length > 9 * MOST_TAKEN",
      },
    ],
  ),
  ...noticedBy(
    ["test/rewards/languages.test.ts"],
    [
      {
        name: "answers about a text in another language are measured as English ones",
        file: "src/rewards/models/task-fit.ts",
        text: "if (!reading.isEnglish) return",
        replacement: "if (reading.source.length === 0) return",
      },
      {
        name: "English answers are paid for a text in another language",
        file: "src/rewards/fit/unread.ts",
        text: "above(known, SAME_LANGUAGE.share",
        replacement: "above(known + 1, SAME_LANGUAGE.share",
      },
      {
        name: "a heap of the words of a text in another language is paid",
        file: "src/rewards/fit/unread.ts",
        text: "below(apart, APART.share",
        replacement: "below(apart - 1, APART.share",
      },
    ],
  ),
  ...noticedBy(
    ["test/prompts/sentences.test.ts"],
    [
      {
        name: "a heap of marks on a letter is put in order",
        file: "src/prompts/sentences.ts",
        text: '.replace(PILED_MARKS, "")',
        replacement: "",
      },
      {
        name: "letters of another type face hide words of the text",
        file: "src/prompts/sentences.ts",
        text: 'letter.normalize("NFKC")',
        replacement: "letter",
      },
      {
        name: "clauses begin within the thousands of a number",
        file: "src/rewards/masks/borrowed-runs.ts",
        text: "(?!(?<=\\p{N}\\p{M}*),\\p{N})",
        replacement: "",
      },
    ],
  ),
];
