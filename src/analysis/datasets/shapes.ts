import type { DatasetFormat } from "../../config/dataset-options.ts";
import { jsonLine } from "../../events/line.ts";
import { identifier, literal } from "../views/view.ts";
import type { Value } from "../warehouse.ts";
import { miningCsv, miningJson, OPENAI } from "./old-shapes.ts";
import { datasetFailure, type Recipe } from "./recipe.ts";
import { each, type Feature, type Known, LINES, NUMBER, type Shape, TEXT } from "./shape.ts";

function jsonLines(
  example: string,
  features: readonly Feature[],
  exampleOf: (prompt: string, best: string) => unknown,
): Shape {
  return {
    extension: "jsonl",
    grain: "best-left",
    isInOrder: true,
    example,
    features: () => features,
    select: (_, { picked, kept, side }) =>
      `SELECT k.prompt, k.completion FROM ${picked} AS p JOIN ${kept} AS k ON k.id = p.id WHERE ${side} ORDER BY p.id`,
    text: {
      ...LINES,
      entries: each(([prompt, best]) => jsonLine(exampleOf(prompt as string, best as string))),
    },
  };
}

const ANSWER_FIELDS = [
  "run",
  "sequence",
  "time",
  "netuid",
  "name",
  "task",
  "prompt",
  "uid",
  "miner",
  "completion",
  "reward",
];

export const SHAPES: Readonly<Record<DatasetFormat, Shape>> = {
  "mining-json": miningJson(false),
  "mining-json-scored": miningJson(true),
  "mining-csv": miningCsv(false),
  "mining-csv-scored": miningCsv(true),
  openai: OPENAI,
  "openai-chat": jsonLines(
    "One line for each step: a user's message and the best answer to it (OpenAI's chat fine-tuning form).",
    [
      {
        name: "messages",
        list: [
          { name: "role", ...TEXT },
          { name: "content", ...TEXT },
        ],
      },
    ],
    (prompt, best) => ({
      messages: [
        { role: "user", content: prompt },
        { role: "assistant", content: best },
      ],
    }),
  ),
  sharegpt: jsonLines(
    "One line for each step: a conversation of prompt and best answer (ShareGPT's form).",
    [
      {
        name: "conversations",
        list: [
          { name: "from", ...TEXT },
          { name: "value", ...TEXT },
        ],
      },
    ],
    (prompt, best) => ({
      conversations: [
        { from: "human", value: prompt },
        { from: "gpt", value: best },
      ],
    }),
  ),
  "dpo-pairs": {
    extension: "jsonl",
    grain: "answers",
    isInOrder: true,
    example: "One line for each pair of answers to one prompt: the chosen one has the higher reward.",
    features: () => [
      ...["prompt", "chosen", "rejected"].map((name) => ({ name, ...TEXT })),
      ...["score_chosen", "score_rejected"].map((name) => ({ name, ...NUMBER })),
    ],
    select: (_, { picked, kept, side }) => `SELECT k.prompt, k.completion, r.completion, k.reward, r.reward
      FROM ${picked} AS p JOIN ${kept} AS k ON k.id = p.id JOIN ${kept} AS r ON r.id = p.rejected
      WHERE ${side} ORDER BY p.id, p.rejected`,
    text: {
      ...LINES,
      entries: each(([prompt, chosen, rejected, score_chosen, score_rejected]) =>
        jsonLine({ prompt, chosen, rejected, score_chosen, score_rejected }),
      ),
    },
  },
  "reward-model": {
    extension: "jsonl",
    grain: "answers",
    isInOrder: true,
    example:
      "One line for each step: its prompt, all answers with rewards and uids, and every column in step with them.",
    features: ({ columns }) => [
      { name: "prompt", ...TEXT },
      { name: "task", ...TEXT },
      { name: "completions", list: "string" },
      { name: "rewards", list: "float64" },
      { name: "uids", list: "int64" },
      ...(columns.length === 0
        ? []
        : [{ name: "columns", struct: columns.map((name) => ({ name, list: "float64" })) }]),
    ],
    select: (
      _,
      { picked, kept, side },
    ) => `SELECT k.run, k.sequence, k.prompt, k.task, k.completion, k.reward, k.uid, k.columns
      FROM ${picked} AS p JOIN ${kept} AS k ON k.id = p.id WHERE ${side} ORDER BY p.id`,
    text: { ...LINES, entries: wholeSteps },
  },
  parquet: {
    extension: "parquet",
    grain: "answers",
    isInOrder: true,
    example: "One row for each answer, with a column for each model, mask and penalty.",
    features: ({ columns }) => [
      ...ANSWER_FIELDS.map((name) => ({ name, dtype: PARQUET_TYPES[name] ?? "string" })),
      ...flatNames(columns).map(([, name]) => ({ name, ...NUMBER })),
    ],
    select: (_, { picked, kept, side }, { columns }) => {
      const flat = flatNames(columns).map(([name, as]) => `k.columns[${literal(name)}] AS ${identifier(as)}`);
      return `SELECT ${[...ANSWER_FIELDS.map((name) => `k.${name}`), ...flat].join(", ")}
        FROM ${picked} AS p JOIN ${kept} AS k ON k.id = p.id WHERE ${side} ORDER BY p.id`;
    },
  },
};

const PARQUET_TYPES: Readonly<Record<string, string>> = {
  sequence: "int64",
  time: "timestamp[us]",
  netuid: "int32",
  uid: "int32",
  reward: "float64",
};

/** Names of Parquet columns, in which neither case nor the fields of our own may meet. */
function flatNames(columns: readonly string[]): [name: string, as: string][] {
  const taken = new Set(ANSWER_FIELDS);
  return columns.map((name) => {
    let as = name;
    while (taken.has(as.toLowerCase())) as = `${as}_`;
    taken.add(as.toLowerCase());
    return [name, as];
  });
}

/** Puts the answers of a step, which come one after another, into one line. */
async function* wholeSteps(
  rows: AsyncIterable<Value[]>,
  _: Recipe,
  { columns }: Known,
): AsyncGenerator<string> {
  let step: StepLine | undefined;
  for await (const [run, sequence, prompt, task, completion, reward, uid, pairs] of rows) {
    const key = `${run}:${sequence}`;
    if (step?.key !== key) {
      if (step !== undefined) yield lineOfStep(step);
      const lists = Object.fromEntries(columns.map((name): [string, (number | null)[]] => [name, []]));
      step = { key, prompt, task, completions: [], rewards: [], uids: [], columns: lists };
    }
    step.completions.push(completion!);
    step.rewards.push(reward!);
    step.uids.push(uid!);
    const numbers = new Map(
      (pairs as { key: string; value: number }[]).map(({ key: name, value }) => [name, value]),
    );
    for (const name of columns) step.columns[name]!.push(numbers.get(name) ?? null);
  }
  if (step !== undefined) yield lineOfStep(step);
}

interface StepLine {
  key: string;
  prompt: Value | undefined;
  task: Value | undefined;
  completions: Value[];
  rewards: Value[];
  uids: Value[];
  columns: Record<string, (number | null)[]>;
}

function lineOfStep({ key, columns, ...step }: StepLine): string {
  return jsonLine(Object.keys(columns).length === 0 ? step : { ...step, columns });
}

/** @throws Failure `dataset.conflict` for settings that do not go with the format */
export function checkRecipe({ format, validation, csvRaw }: Recipe): void {
  const isCsv = SHAPES[format].extension === "csv";
  if (isCsv && validation > 0)
    throw datasetFailure(
      "dataset.conflict",
      `--validation does not go with ${format}, whose rows hold two prompts each`,
      "use mining-json or openai for a validation split",
    );
  if (csvRaw && !isCsv)
    throw datasetFailure("dataset.conflict", `--csv-raw has no effect on ${format}`, "leave it out");
}
