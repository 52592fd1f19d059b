import { EVENTS } from "./events.ts";
import { type DerivedView, type View, WHERE_FROM } from "./view.ts";

/** Column that stands in the folders of Parquet, as Hive does it, and not in the files; readers put it back. */
export const PARTITIONED_BY = "netuid";

/** Of a step, also on each of its answers. */
const QUESTION = {
  netuid: EVENTS.columns.netuid,
  block: EVENTS.columns.block,
  step: { type: "BIGINT", doc: "Running number since the state was made" },
  forward: { type: "VARCHAR", doc: "Same for all steps of one forward pass" },
  name: { type: "VARCHAR", doc: "augment, followup0, answer0, …" },
  task: { type: "VARCHAR", doc: "augment, followup, answer" },
  origin: { type: "VARCHAR", doc: "dataset or organic" },
  prompt: { type: "VARCHAR", doc: "What the miners were sent" },
  base_prompt: { type: "VARCHAR", doc: "Text that masks compare completions with" },
  counted: { type: "BOOLEAN", doc: "false = an outage of the validator's own: nothing learned from it" },
} as const;

export const STAGES_TYPE =
  "STRUCT(choose_ms DOUBLE, ask_ms DOUBLE, judge_ms DOUBLE, train_ms DOUBLE, save_ms DOUBLE, parts MAP(VARCHAR, DOUBLE))";
export const INFERENCE_TYPE = "STRUCT(queue_ms DOUBLE, compute_ms DOUBLE)";

export const STEPS = {
  name: "steps",
  doc: "One row for each question to a sample of miners; lists run in step with uids",
  columns: {
    ...WHERE_FROM,
    source: EVENTS.columns.source,
    hotkey: EVENTS.columns.hotkey,
    ...QUESTION,
    step_length_s: { type: "DOUBLE", unit: "s", doc: "Wall time" },
    best: { type: "VARCHAR", doc: "Best completion; empty when nobody answered" },
    gating_loss: { type: "DOUBLE", doc: "Loss of the router" },
    cause: { type: "VARCHAR", doc: "Why it did not count" },
    answers: { type: "INTEGER", doc: "Miners asked" },
    answered: { type: "INTEGER", doc: "Of those, with status 200" },
    mean_reward: { type: "DOUBLE", unit: "0..1", doc: "Of all asked" },
    best_reward: { type: "DOUBLE", unit: "0..1", doc: "Highest" },
    stages: { type: STAGES_TYPE, unit: "ms", doc: "Parts of the step" },
    inference: { type: INFERENCE_TYPE, unit: "ms", doc: "What the inference process did for it" },
    uids: { type: "INTEGER[]", doc: "Miners asked" },
    hotkeys: { type: "VARCHAR[]", doc: "Theirs, SS58" },
    completions: { type: "VARCHAR[]", doc: "Text of strangers; empty for a miner that gave none" },
    completion_times_s: { type: "DOUBLE[]", unit: "s", doc: "Wall time of the call" },
    status_codes: { type: "INTEGER[]", doc: "HTTP-like: 200 is an answer" },
    status_messages: { type: "VARCHAR[]", doc: "Text of strangers" },
    rewards: { type: "DOUBLE[]", unit: "0..1", doc: "What counts" },
    routed: {
      type: "INTEGER[]",
      doc: "1 for a miner that the router chose, 0 for one that was drawn; NULL where the step does not tell",
    },
    columns: {
      type: "MAP(VARCHAR, DOUBLE[])",
      doc: "Raw and normalised numbers of models, masks and penalties by name; NaN where there is none",
    },
  },
} as const satisfies View;

export const ANSWERS: DerivedView = {
  name: "answers",
  doc: "One row for each miner asked in a step",
  columns: {
    ...WHERE_FROM,
    source: EVENTS.columns.source,
    ...QUESTION,
    position: { type: "BIGINT", doc: "In the lists of the step, from 1" },
    uid: { type: "INTEGER", doc: "Miner" },
    miner: { type: "VARCHAR", doc: "Its hotkey, SS58" },
    completion: { type: "VARCHAR", doc: "Text of a stranger" },
    time_s: { type: "DOUBLE", unit: "s", doc: "Wall time of the call" },
    status_code: { type: "INTEGER", doc: "HTTP-like: 200 is an answer" },
    status_message: { type: "VARCHAR", doc: "Text of a stranger" },
    reward: { type: "DOUBLE", unit: "0..1", doc: "What counts" },
    routed: {
      type: "BOOLEAN",
      doc: "Whether the router chose it, not chance; NULL where the step does not tell",
    },
    is_best: { type: "BOOLEAN", doc: "Whether it has the highest reward of the step and an answer" },
    columns: { type: "MAP(VARCHAR, DOUBLE)", doc: "Numbers of models, masks and penalties by name" },
  },
  sql: `
    SELECT run, sequence, time, source, netuid, block, step, forward, name, task, origin, prompt, base_prompt, counted,
      position, uids[position] AS uid, hotkeys[position] AS miner, completions[position] AS completion,
      completion_times_s[position] AS time_s, status_codes[position] AS status_code,
      status_messages[position] AS status_message, rewards[position] AS reward, routed[position] = 1 AS routed,
      coalesce(completions[position], '') <> '' AND rewards[position] = best_reward AS is_best,
      map_from_entries(list_transform(map_entries(columns), lambda e: {'key': e.key, 'value': e.value[position]})) AS columns
    FROM (SELECT *, unnest(range(1, len(uids) + 1)) AS position FROM steps)`,
};

export const REWARDS: DerivedView = {
  name: "rewards",
  doc: "One row for each number that a model, mask or penalty gave an answer",
  columns: {
    ...WHERE_FROM,
    step: QUESTION.step,
    name: QUESTION.name,
    task: QUESTION.task,
    uid: { type: "INTEGER", doc: "Miner" },
    miner: { type: "VARCHAR", doc: "Its hotkey, SS58" },
    column_name: { type: "VARCHAR", doc: "Name of the column of the event" },
    value: { type: "DOUBLE", doc: "NaN where it gave none" },
    is_shadow: { type: "BOOLEAN", doc: "Whether it is recorded alone, and earns nothing" },
    is_normalized: { type: "BOOLEAN", doc: "Whether it is 0..1 after normalisation" },
  },
  sql: `
    SELECT run, sequence, time, step, name, task, uids[position] AS uid, hotkeys[position] AS miner,
      entry.key AS column_name, entry.value[position] AS value,
      starts_with(entry.key, 'shadow_') AS is_shadow, ends_with(entry.key, '_normalized') AS is_normalized
    FROM (
      SELECT *, unnest(range(1, len(uids) + 1)) AS position
      FROM (SELECT * EXCLUDE (columns), unnest(map_entries(columns)) AS entry FROM steps)
    )`,
};
