import { ANALYZE_OPTIONS, EXPORT_OPTIONS, QUERY_OPTIONS } from "../config/analysis-options.ts";
import { DATASET_OPTIONS, OLD_DATASET_OPTIONS } from "../config/dataset-options.ts";
import { JOURNAL_OPTIONS, LOG_OPTIONS } from "../config/options.ts";
import type { Command } from "./command.ts";

/** Commands that ask something of events which are recorded, in the order of the help screen. */
export const ANALYSIS_COMMANDS: readonly Command[] = [
  {
    path: ["analyze"],
    summary: "Tell what recorded events come to: rewards, miners, answers, models, weights.",
    table: { ...ANALYZE_OPTIONS, ...JOURNAL_OPTIONS, ...LOG_OPTIONS },
    switches: { json: "Print JSON." },
    words: { hint: "[SOURCES…]", min: 0, max: 1000 },
    examples: [
      "openvalidator analyze --wallet.name my-wallet --wallet.hotkey my-hotkey --netuid 1",
      "openvalidator analyze journal-a journal-b --since 7d --name answer",
    ],
    load: async () => (await import("./commands/analyze.ts")).analyze,
  },
  {
    path: ["explain"],
    summary: "Tell factor by factor why answers of a miner or a step earned what they did.",
    table: { ...JOURNAL_OPTIONS, ...LOG_OPTIONS },
    switches: { json: "Print JSON." },
    words: { hint: "UID|step N [SOURCE…]", min: 1, max: 1_000 },
    examples: [
      "openvalidator explain 7 --wallet.name my-wallet --wallet.hotkey my-hotkey --netuid 1",
      "openvalidator explain step 1200 ./events",
    ],
    load: async () => (await import("./commands/explain.ts")).explain,
  },
  {
    path: ["shadow"],
    summary: "Show how well shadow scores agree with the rewards: a part of analyze.",
    table: { ...JOURNAL_OPTIONS, ...LOG_OPTIONS },
    switches: { json: "Print JSON." },
    words: { hint: "[SOURCES…]", min: 0, max: 1000 },
    examples: ["openvalidator shadow --wallet.name my-wallet --wallet.hotkey my-hotkey --netuid 1"],
    load: async () => (await import("./commands/shadow.ts")).shadow,
  },
  {
    path: ["query"],
    summary: "Answer a question in SQL about events of validators.",
    table: { ...QUERY_OPTIONS, ...JOURNAL_OPTIONS, ...LOG_OPTIONS },
    switches: {
      list: "List the views and columns that can be asked.",
      json: "Print JSON, as --format json does.",
    },
    words: { hint: "[SQL [SOURCE…]]", min: 0, max: 1_000 },
    examples: [
      'openvalidator query "SELECT uid, avg(reward) FROM answers GROUP BY uid ORDER BY 2 DESC" ./events',
      "openvalidator query --list",
    ],
    load: async () => (await import("./commands/query.ts")).query,
  },
  {
    path: ["events", "export"],
    summary: "Write events as Parquet (adding to it), CSV, JSON lines or DuckDB.",
    table: { ...EXPORT_OPTIONS, ...JOURNAL_OPTIONS, ...LOG_OPTIONS },
    switches: { spark: "Print the lines of PySpark that load the folder." },
    words: { hint: "[SOURCE…]", min: 0, max: 1_000 },
    examples: ["openvalidator events export --out ./events-parquet ./events"],
    load: async () => (await import("./commands/events.ts")).exportEvents,
  },
  {
    path: ["dataset"],
    summary: "Make training data of events: for SFT, DPO, reward models, or as 1.2.0 did.",
    table: { ...DATASET_OPTIONS, ...OLD_DATASET_OPTIONS, ...JOURNAL_OPTIONS, ...LOG_OPTIONS },
    switches: { json: "Print the manifest as JSON." },
    words: { hint: "[SOURCE…]", min: 0, max: 1_000 },
    examples: [
      "openvalidator dataset ./events --format dpo-pairs --margin 0.2 --out pairs",
      "openvalidator dataset ./events --format openai-chat --dedupe near --validation 0.1 --out chat",
    ],
    load: async () => (await import("./commands/dataset.ts")).dataset,
  },
];
