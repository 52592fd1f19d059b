import { counted } from "../../base/text.ts";
import { shortColumns } from "../../events/column-kinds.ts";
import type { Insight } from "../insight/insight.ts";
import { STAGE_NAMES } from "../insight/stages.ts";
import { type Cell, cellText, type Section } from "./section.ts";

/** What the validator did with the scores, and how it ran. */
export function runningSections(insight: Insight): Section[] {
  return [weights(insight), routing(insight), stages(insight), runs(insight)];
}

function weights({ weights: told, scope }: Insight): Section {
  const { byState, submissions, last, points } = told;
  const states = Object.entries(byState).map(([state, n]) => `${state} ${n}`);
  const uids = last.slice(0, scope.top).map(({ uid }) => uid);
  return {
    id: "weights",
    title: "Weights against scores",
    words:
      submissions.length === 0
        ? `No weights were set in these sources${states.length === 0 ? "" : ` (${states.join(", ")})`}.`
        : `Events of weights: ${states.join(", ")}. Each submission is compared with the scores last told before it.`,
    charts: [
      {
        id: "weights",
        title: "Weights over time",
        form: "reward",
        kind: "lines",
        series: uids.map((uid) => ({
          name: `uid ${uid}`,
          points: points.filter(([, one]) => one === uid).map(([ms, , weight]) => [ms, weight]),
        })),
      },
    ],
    tables: [
      {
        title: "Last weights",
        columns: [
          { title: "uid", form: "uid" },
          { title: "weight", form: "reward" },
          { title: "score", form: "reward" },
          { title: "share of all scores", form: "reward" },
        ],
        rows: last.map(({ uid, weight, score, scoreShare }) => [uid, weight, score, scoreShare]),
      },
      {
        title: "Submissions, the newest first",
        columns: [
          { title: "time", form: "time" },
          { title: "block", form: "count" },
          { title: "state", form: "text" },
          { title: "path", form: "text" },
          { title: "uids", form: "count" },
          { title: "largest", form: "reward" },
          { title: "correlation with scores", form: "number" },
        ],
        rows: [...submissions]
          .reverse()
          .map((one) => [one.ms, one.block, one.state, one.path, one.uids, one.largest, one.correlation]),
      },
    ],
  };
}

function routing({ routing: told }: Insight): Section {
  const { loss, firstLoss, lastLoss, gains, choices } = told;
  const learnt =
    firstLoss === null || lastLoss === null
      ? "The router learnt nothing in these steps."
      : `The gating loss went from ${cellText(firstLoss, "number")} (first tenth of the steps) to ${cellText(lastLoss, "number")} (last tenth).`;
  return {
    id: "routing",
    title: "Router",
    words: `${learnt} The gain compares what the asked miners earned with an even draw of the miners asked in the same tenth of the time. The whole sample counts, drawn miners among it; a gain of less than twice its error is chance, and rows with explore 1 route nothing.`,
    charts: [
      {
        id: "gating-loss",
        title: "Gating loss",
        form: "number",
        kind: "lines",
        series: [{ name: "loss", points: loss }],
      },
    ],
    tables: [
      {
        title: "Gain over an even draw",
        columns: [
          { title: "explore", form: "number" },
          { title: "task", form: "text" },
          { title: "steps", form: "count" },
          { title: "asked earned", form: "reward" },
          { title: "even draw", form: "reward" },
          { title: "gain", form: "reward" },
          { title: "± error", form: "reward" },
        ],
        rows: gains.map((one) => [
          one.explore,
          one.task,
          one.steps,
          one.asked,
          one.even,
          one.gain,
          one.error,
        ]),
      },
      ...(choices.length === 0 ? [] : [choiceTable(choices)]),
    ],
  };
}

function choiceTable(choices: Insight["routing"]["choices"]): Section["tables"][number] {
  return {
    title: "Those that the router chose, beside those that were drawn in the same steps",
    columns: [
      { title: "task", form: "text" },
      { title: "steps", form: "count" },
      { title: "routed earned", form: "reward" },
      { title: "drawn earned", form: "reward" },
      { title: "gain", form: "reward" },
      { title: "± error", form: "reward" },
    ],
    rows: choices.map((one) => [one.task, one.steps, one.routed, one.drawn, one.gain, one.error]),
  };
}

function stages({ stages: told }: Insight): Section {
  const longest = [...told.stages]
    .filter(({ share }) => share !== null)
    .sort((a, b) => b.share! - a.share!)[0];
  const figures = (one: { mean: number; p50: number; p90: number }): Cell[] => [one.mean, one.p50, one.p90];
  const partName = shortColumns(told.parts.map(({ name }) => name));
  return {
    id: "stages",
    title: "Where the time goes",
    words:
      longest === undefined
        ? "These sources do not tell how long the stages of a step took."
        : `The stages of a step one after another; ${longest.name} takes ${cellText(longest.share, "share")} of it. Parts of judging run side by side, and may add up to more.`,
    charts: [
      {
        id: "stages",
        title: "Stages of a step over time",
        form: "ms",
        kind: "lines",
        isStacked: true,
        series: STAGE_NAMES.map((name, at) => ({
          name,
          points: told.points.map(({ ms, values }) => [ms, values[at] ?? null] as const),
        })).filter(({ points }) => points.some(([, value]) => value !== null)),
      },
    ],
    tables: [
      {
        title: "Stages",
        columns: [
          { title: "stage", form: "text" },
          { title: "steps", form: "count", spare: 1 },
          { title: "mean", form: "ms" },
          { title: "median", form: "ms", isQuantile: true },
          { title: "90 %", form: "ms", isQuantile: true },
          { title: "of the step", form: "share" },
        ],
        rows: told.stages.map((one) => [one.name, one.steps, ...figures(one), one.share]),
      },
      {
        title: "Parts of judging",
        columns: [
          { title: "part", form: "text" },
          { title: "steps", form: "count", spare: 1 },
          { title: "mean", form: "ms" },
          { title: "median", form: "ms", isQuantile: true },
          { title: "90 %", form: "ms", isQuantile: true },
        ],
        rows: told.parts.map((one) => [partName(one.name), one.steps, ...figures(one)]),
      },
    ],
  };
}

function runs({ runs: { count, runs: told, settings } }: Insight): Section {
  const more = count > told.length ? ` The newest ${told.length} are shown; --top shows more.` : "";
  return {
    id: "runs",
    title: "Runs side by side",
    words: `${counted(count, "run")}, the newest first.${more}`,
    charts: [],
    tables: [
      {
        title: "Runs",
        columns: [
          { title: "run", form: "key" },
          { title: "program", form: "text", spare: 4 },
          { title: "profile", form: "text", spare: 1 },
          { title: "from", form: "time", spare: 2 },
          { title: "steps", form: "count" },
          { title: "an hour", form: "number" },
          { title: "success", form: "share" },
          { title: "mean reward", form: "reward" },
          { title: "best reward", form: "reward", spare: 5 },
          { title: "median step", form: "seconds", spare: 3, isQuantile: true },
          { title: "gating loss", form: "number", spare: 6 },
        ],
        rows: told.map((one) => [
          one.run.slice(0, 8),
          one.program,
          one.profile,
          one.startedMs,
          one.steps,
          one.stepsPerHour,
          one.success,
          one.meanReward,
          one.bestReward,
          one.stepSeconds,
          one.gatingLoss,
        ]),
      },
      {
        title: "Settings in which they differ",
        columns: [
          { title: "setting", form: "text" },
          ...told.map(({ run }, at) => ({ title: run.slice(0, 8), form: "text" as const, spare: at })),
        ],
        rows: settings.map(({ flag, values }) => [flag, ...values]),
      },
    ],
  };
}
