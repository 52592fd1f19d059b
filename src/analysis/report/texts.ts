import type { Insight } from "../insight/insight.ts";
import { cellText, type Section } from "./section.ts";

/** How much the answers differ, and which come again and again. */
export function textSections(insight: Insight): Section[] {
  return [diversity(insight), frequent(insight)];
}

function diversity({ diversity: told }: Insight): Section {
  const lowest = told[0];
  return {
    id: "diversity",
    title: "Diversity of answers",
    words:
      lowest === undefined
        ? "Nobody answered."
        : `Different texts among the answers of each miner, as written and by their letters alone. Fewer texts than prompts means the same answer to different questions, and "also others'" counts answers that another miner gave in the same step; ${
            lowest.distinctByLetters === 1
              ? "here nobody has fewer than answers"
              : `uid ${lowest.uid} has the fewest, ${cellText(lowest.distinctByLetters, "share")}`
          }.`,
    charts: [
      {
        id: "diversity",
        title: "Different texts by uid, the fewest first",
        form: "share",
        kind: "bars",
        axis: "uid",
        names: told.slice(0, 40).map(({ uid }) => String(uid)),
        values: told.slice(0, 40).map(({ distinctByLetters }) => distinctByLetters),
      },
    ],
    tables: [
      {
        title: "Texts by uid, the fewest first",
        columns: [
          { title: "uid", form: "uid" },
          { title: "answers", form: "count", spare: 1 },
          { title: "different", form: "share" },
          { title: "by letters", form: "share" },
          { title: "prompts", form: "share" },
          { title: "also others'", form: "share" },
          { title: "mean reward", form: "reward" },
          { title: "characters", form: "count", spare: 2 },
        ],
        rows: told.map((one) => [
          one.uid,
          one.answers,
          one.distinct,
          one.distinctByLetters,
          one.distinctPrompts,
          one.shared,
          one.meanReward,
          one.length,
        ]),
      },
    ],
  };
}

function frequent({ frequent: told }: Insight): Section {
  const { repeatedShare, texts, templates, copying } = told;
  return {
    id: "frequent",
    title: "Frequent answers",
    words:
      texts.length === 0
        ? "No answer was given twice."
        : `${cellText(repeatedShare, "share")} of the answers are not the only one with their letters. Below, the most frequent, near ones taken together, with what they earn: an attack shows as one text with many prompts and a reward. Repeated: one miner to many prompts; copied: several miners in one step; spread: several miners to many prompts.`,
    charts: [
      {
        id: "frequent",
        title: "Most frequent answers over time",
        form: "count",
        kind: "lines",
        series: texts.slice(0, 5).map(({ points }, index) => ({
          name: `text ${index + 1}`,
          points: points.map(([ms, answers]) => [ms, answers]),
        })),
      },
      {
        id: "frequent-rewards",
        title: "What they earned",
        form: "reward",
        kind: "lines",
        series: texts.slice(0, 5).map(({ points }, index) => ({
          name: `text ${index + 1}`,
          points: points.map(([ms, , reward]) => [ms, reward]),
        })),
      },
    ],
    tables: [
      {
        title: "Most frequent texts",
        columns: [
          { title: "text", form: "uid" },
          { title: "reads", form: "prose" },
          { title: "answers", form: "count" },
          { title: "uids", form: "count" },
          { title: "prompts", form: "count" },
          { title: "mean reward", form: "reward" },
          { title: "pattern", form: "text", spare: 1 },
          { title: "variants", form: "count", spare: 3 },
          { title: "best reward", form: "reward", spare: 4 },
          { title: "last", form: "time", spare: 5 },
          { title: "over time", form: "trend", spare: 2 },
        ],
        rows: texts.map((one, index) => [
          index + 1,
          one.text,
          one.answers,
          one.uids,
          one.prompts,
          one.meanReward,
          one.pattern,
          one.variants,
          one.bestReward,
          one.lastMs,
          one.points.map(([, answers]) => answers),
        ]),
      },
      {
        title: "Templates: different texts with one beginning",
        columns: [
          { title: "answers", form: "count" },
          { title: "texts", form: "count" },
          { title: "uids", form: "count" },
          { title: "mean reward", form: "reward" },
          { title: "begins", form: "prose" },
        ],
        rows: templates.map((one) => [one.answers, one.texts, one.uids, one.meanReward, one.opening]),
      },
      {
        title: "Same text in the same step, by who was slower",
        columns: [
          { title: "uid", form: "uid" },
          { title: "as uid", form: "uid" },
          { title: "steps", form: "count" },
          { title: "of its answers", form: "share" },
          { title: "mean reward", form: "reward" },
        ],
        rows: copying.map((one) => [one.uid, one.original, one.steps, one.share, one.meanReward]),
      },
    ],
  };
}
