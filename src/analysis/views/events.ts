import { type DerivedView, type View, WHERE_FROM } from "./view.ts";

export const EVENTS = {
  name: "events",
  doc: "Every event; those of kind step are told in full by the view steps",
  columns: {
    ...WHERE_FROM,
    source: { type: "VARCHAR", doc: "File that it was read from" },
    kind: { type: "VARCHAR", doc: "run, stop, model, chain, forward, step, weights, reveal, scores, …" },
    version: { type: "INTEGER", doc: "Of the event's form" },
    netuid: { type: "INTEGER", doc: "Subnet" },
    hotkey: { type: "VARCHAR", doc: "Of the validator, SS58" },
    genesis: { type: "VARCHAR", doc: "Hash of the chain's first block" },
    block: { type: "BIGINT", doc: "Head of the chain then" },
    body: { type: "JSON", doc: "The fields of its kind; NULL for steps" },
  },
} as const satisfies View;

export const RUNS: DerivedView = {
  name: "runs",
  doc: "One row for each process run of a validator",
  columns: {
    run: WHERE_FROM.run,
    source: EVENTS.columns.source,
    netuid: EVENTS.columns.netuid,
    hotkey: EVENTS.columns.hotkey,
    genesis: EVENTS.columns.genesis,
    program: { type: "VARCHAR", doc: "Version of the program" },
    profile: { type: "VARCHAR", doc: "Scoring profile" },
    started_at: { type: "TIMESTAMP", unit: "UTC", doc: "First event" },
    ended_at: { type: "TIMESTAMP", unit: "UTC", doc: "Last event" },
    stop_reason: { type: "VARCHAR", doc: "Why it ended; NULL when it was killed or still runs" },
    steps: { type: "BIGINT", doc: "Steps of the run" },
    events: { type: "BIGINT", doc: "Events of the run" },
    permit: { type: "BOOLEAN", doc: "Whether it had a validator permit at its start" },
    stake_tao: { type: "DOUBLE", unit: "TAO", doc: "Stake behind the hotkey at its start" },
    settings: { type: "JSON", doc: "By flag: value and where it came from" },
  },
  sql: `
    SELECT run, first(source ORDER BY sequence) AS source, first(netuid ORDER BY sequence) AS netuid,
      first(hotkey ORDER BY sequence) AS hotkey, first(genesis ORDER BY sequence) AS genesis,
      any_value(body->>'$.program') FILTER (kind = 'run') AS program,
      any_value(body->>'$.profile') FILTER (kind = 'run') AS profile,
      min(time) AS started_at, max(time) AS ended_at,
      any_value(body->>'$.reason') FILTER (kind = 'stop') AS stop_reason,
      count(*) FILTER (kind = 'step') AS steps, count(*) AS events,
      any_value(TRY_CAST(body->>'$.permit' AS BOOLEAN)) FILTER (kind = 'run') AS permit,
      any_value(TRY_CAST(body->>'$.stake_tao' AS DOUBLE)) FILTER (kind = 'run') AS stake_tao,
      arg_max(body->'$.settings', sequence) FILTER (kind = 'run') AS settings
    FROM events GROUP BY run`,
};

export const MODELS: DerivedView = {
  name: "models",
  doc: "What happened to a model in the inference process",
  columns: {
    ...WHERE_FROM,
    model: { type: "VARCHAR", doc: "Id of the catalog" },
    state: { type: "VARCHAR", doc: "loaded, tried, shed, moved, restarted, lost, left-out" },
    device: { type: "VARCHAR", doc: "webgpu, cpu, …" },
    dtype: { type: "VARCHAR", doc: "Form of its weights" },
    ms: { type: "DOUBLE", unit: "ms", doc: "How long it took" },
    bytes: { type: "BIGINT", unit: "bytes", doc: "Memory of its weights on the device" },
    detail: { type: "VARCHAR", doc: "One sentence" },
  },
  sql: `
    SELECT run, sequence, time, body->>'$.model' AS model, body->>'$.state' AS state, body->>'$.device' AS device,
      body->>'$.dtype' AS dtype, TRY_CAST(body->>'$.ms' AS DOUBLE) AS ms,
      TRY_CAST(body->>'$.bytes' AS BIGINT) AS bytes, body->>'$.detail' AS detail
    FROM events WHERE kind = 'model'`,
};

export const CHAIN: DerivedView = {
  name: "chain",
  doc: "Changes outside the validator: chain, subnet, miners as a whole, disk, reveals",
  columns: {
    ...WHERE_FROM,
    block: EVENTS.columns.block,
    kind: { type: "VARCHAR", doc: "chain, metagraph, miners, disk, reveal" },
    state: { type: "VARCHAR", doc: "What it is now" },
    endpoint: { type: "VARCHAR", doc: "Of the chain, without secrets" },
    detail: { type: "VARCHAR", doc: "One sentence" },
    value: {
      type: "DOUBLE",
      doc: "Age in s, spec version, uid or s of a clock, by state; neurons of a metagraph",
    },
  },
  sql: `
    SELECT run, sequence, time, block, kind, body->>'$.state' AS state, body->>'$.endpoint' AS endpoint,
      coalesce(body->>'$.detail', body->>'$.cause', body->>'$.error') AS detail,
      TRY_CAST(coalesce(body->>'$.value', body->>'$.neurons', body->>'$.free_bytes') AS DOUBLE) AS value
    FROM events WHERE kind IN ('chain', 'metagraph', 'miners', 'disk', 'reveal')`,
};
