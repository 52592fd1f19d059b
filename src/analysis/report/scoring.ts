import { shortColumns } from "../../events/column-kinds.ts";
import type { ScorerAgreement } from "../insight/agreement.ts";
import type { Insight } from "../insight/insight.ts";
import { type Chart, cellText, type Section } from "./section.ts";

/** How the answers were judged. */
export function scoringSections(insight: Insight): Section[] {
  const titleOf = titlesOf(insight);
  return [
    distributions(insight, titleOf),
    correlation(insight, titleOf),
    masks(insight, titleOf),
    agreement(insight.agreement),
  ];
}

type TitleOf = (name: string) => string;

/** How columns are called in all of the sections. */
function titlesOf({ correlation: { names }, distributions: told, masks: hits }: Insight): TitleOf {
  const modelOf = (name: string): string => name.replace(/_normalized$/, "");
  const short = shortColumns([...names, ...[...told, ...hits].map(({ name }) => modelOf(name))]);
  return (name) => (name.endsWith("_normalized") ? `${short(modelOf(name))} (normalised)` : short(name));
}

function distributions({ distributions: told }: Insight, titleOf: TitleOf): Section {
  return {
    id: "distributions",
    title: "Rewards and models",
    words: `How rewards and the numbers of the models lie, over the answered calls of counted steps.`,
    charts: told
      .filter(({ name }) => name === "reward" || name.endsWith("_normalized"))
      .map(({ name, bins, from, to }): Chart => {
        const width = (to - from) / bins.length;
        return {
          id: `distribution-${name.replaceAll(/[^a-z0-9]+/gi, "-")}`,
          title: `Answers by ${titleOf(name)}`,
          form: "count",
          kind: "bars",
          axis: `${titleOf(name)}, from`,
          names: bins.map((_, at) => (from + at * width).toFixed(2)),
          values: bins,
        };
      }),
    tables: [
      {
        title: "Distributions",
        columns: [
          { title: "number", form: "text" },
          { title: "answers", form: "count", spare: 2 },
          { title: "mean", form: "number" },
          { title: "deviation", form: "number", spare: 3 },
          { title: "least", form: "number", spare: 1 },
          { title: "10 %", form: "number", isQuantile: true },
          { title: "median", form: "number", isQuantile: true },
          { title: "90 %", form: "number", isQuantile: true },
          { title: "most", form: "number", spare: 1 },
          { title: "shape", form: "trend" },
        ],
        rows: told.map((one) => [
          titleOf(one.name),
          one.answers,
          one.mean,
          one.deviation,
          one.min,
          one.p10,
          one.p50,
          one.p90,
          one.max,
          one.bins,
        ]),
      },
    ],
  };
}

function correlation({ correlation: { names, matrix } }: Insight, titleOf: TitleOf): Section {
  const titles = names.map(titleOf);
  const pairs = names
    .flatMap((_, x) =>
      names.slice(x + 1).map((_other, at) => ({ x, y: x + 1 + at, value: matrix[x]![x + 1 + at]! })),
    )
    .filter(({ value }) => value !== null)
    .sort((a, b) => Math.abs(b.value) - Math.abs(a.value));
  const strongest = pairs[0];
  return {
    id: "correlation",
    title: "What goes together",
    words:
      strongest === undefined
        ? "Nothing varies enough to correlate."
        : `Pearson's correlation between reward, models, masks, length and time, over answers. The strongest: ${titles[strongest.x]} and ${titles[strongest.y]}, ${strongest.value.toFixed(2)}. Two models that always agree judge once.`,
    charts: [
      {
        id: "correlation",
        title: "Correlation",
        form: "number",
        kind: "matrix",
        names: titles,
        values: matrix,
      },
    ],
    tables: [
      {
        title: "Pairs, the strongest first",
        columns: [
          { title: "of", form: "text" },
          { title: "and", form: "text" },
          { title: "correlation", form: "number" },
        ],
        rows: pairs.map(({ x, y, value }) => [titles[x]!, titles[y]!, Number(value.toFixed(4))]),
      },
    ],
  };
}

function masks({ masks: told }: Insight, titleOf: TitleOf): Section {
  const costly = told[0];
  const tasks = [...new Set(told.flatMap(({ byTask }) => Object.keys(byTask)))].sort();
  return {
    id: "masks",
    title: "Masks and penalties",
    words:
      costly === undefined
        ? "No mask or penalty judged an answer."
        : `How often each lowered a reward by a thousandth or more, the most costly first: ${titleOf(costly.name)} left ${cellText(costly.factor, "share")} on average.`,
    charts: [
      {
        id: "masks",
        title: "Share of answers hit over time",
        form: "share",
        kind: "lines",
        series: told.map(({ name, points }) => ({ name: titleOf(name), points })),
      },
    ],
    tables: [
      {
        title: "Hits",
        columns: [
          { title: "mask", form: "text" },
          { title: "is", form: "text", spare: 4 },
          { title: "answers", form: "count", spare: 3 },
          { title: "hit", form: "share" },
          { title: "took all", form: "share" },
          { title: "mean factor", form: "reward" },
          ...tasks.map((task) => ({ title: `hit in ${task}`, form: "share" as const, spare: 5 })),
          { title: "over time", form: "trend", spare: 2 },
          { title: "most often uid", form: "key", spare: 1 },
        ],
        rows: told.map((one) => [
          titleOf(one.name),
          one.kind,
          one.answers,
          one.hit,
          one.zeroed,
          one.factor,
          ...tasks.map((task) => one.byTask[task] ?? null),
          one.points.map(([, value]) => value),
          one.mostHit.map(([uid, share]) => `${uid} (${cellText(share, "share")})`).join(", "),
        ]),
      },
    ],
  };
}

/** What is told of shadow scores. */
export function agreement(told: readonly ScorerAgreement[]): Section {
  return {
    id: "shadow",
    title: "Shadow scores",
    words:
      told.length === 0
        ? "No shadow scores are in these sources: use a profile with shadow scorers, or --shadow.miners."
        : "How well each shadow scorer ranks the answers of a step as the rewards do: 1 alike, 0 not at all, −1 the other way round.",
    charts: [],
    tables: [
      {
        title: "Agreement",
        columns: [
          { title: "shadow scores", form: "text" },
          { title: "task", form: "text" },
          { title: "steps", form: "count" },
          { title: "answers", form: "count" },
          { title: "rank correlation with the reward", form: "reward" },
          { title: "same best", form: "share" },
        ],
        rows: told.flatMap(({ name, all, byTask }) =>
          [["all", all] as const, ...Object.entries(byTask)].map(([task, one]) => [
            name,
            task,
            one.steps,
            one.answers,
            one.rankCorrelation,
            one.sameBest,
          ]),
        ),
      },
    ],
  };
}
