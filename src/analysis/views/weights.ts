import { EVENTS } from "./events.ts";
import { type DerivedView, WHERE_FROM } from "./view.ts";

export const WEIGHTS: DerivedView = {
  name: "weights",
  doc: "Changes in the setting of weights, one row for each uid that they name",
  columns: {
    ...WHERE_FROM,
    netuid: EVENTS.columns.netuid,
    block: EVENTS.columns.block,
    state: { type: "VARCHAR", doc: "due, waiting, sent, included, refused" },
    mecid: { type: "INTEGER", doc: "Mechanism of the subnet, counted from 0" },
    path: { type: "VARCHAR", doc: "plain or timelocked" },
    uid: { type: "INTEGER", doc: "Miner; NULL where the change names none" },
    value_u16: { type: "INTEGER", doc: "As on chain, 0..65535" },
    weight: { type: "DOUBLE", unit: "0..1", doc: "Share of the whole" },
    reveal_round: { type: "BIGINT", doc: "drand round at which the chain opens the commit" },
    extrinsic: { type: "VARCHAR", doc: "Hash, hex" },
    reason: { type: "VARCHAR", doc: "What they wait for" },
    error: { type: "VARCHAR", doc: "Why they were refused" },
  },
  sql: `
    SELECT e.run, e.sequence, e.time, e.netuid, e.block, w.state, coalesce(w.mecid, 0) AS mecid, w.path, pair.uid AS uid, pair.value AS value_u16,
      pair.value / nullif(list_sum(w."values"), 0) AS weight, w.reveal_round, w.extrinsic, w.reason, w.error
    FROM (
      SELECT *, from_json(body, '{"state":"VARCHAR","mecid":"INTEGER","path":"VARCHAR","uids":["INTEGER"],"values":["INTEGER"],"reveal_round":"BIGINT","extrinsic":"VARCHAR","reason":"VARCHAR","error":"VARCHAR"}') AS w
      FROM events WHERE kind = 'weights'
    ) e,
    LATERAL (
      SELECT unnest(CASE WHEN len(w.uids) > 0 THEN list_zip(w.uids, w."values") ELSE [NULL] END) AS zipped
    ) AS z,
    LATERAL (SELECT zipped[1] AS uid, zipped[2] AS value) AS pair`,
};

export const SCORES: DerivedView = {
  name: "scores",
  doc: "Moving scores at checkpoints, one row for each uid",
  columns: {
    ...WHERE_FROM,
    block: EVENTS.columns.block,
    uid: { type: "INTEGER", doc: "Miner" },
    miner: { type: "VARCHAR", doc: "Its hotkey, SS58" },
    score: { type: "DOUBLE", unit: "0..1", doc: "Moving average of its rewards" },
    asked: { type: "BIGINT", doc: "Times it was asked since it registered" },
  },
  sql: `
    SELECT run, sequence, time, block, CAST(spot - 1 AS INTEGER) AS uid, s.hotkeys[spot] AS miner,
      s.moving_averaged_scores[spot] AS score, s.asked[spot] AS asked
    FROM (
      SELECT run, sequence, time, block, s, unnest(range(1, len(s.moving_averaged_scores) + 1)) AS spot
      FROM (
        SELECT run, sequence, time, block, from_json(body, '{"hotkeys":["VARCHAR"],"moving_averaged_scores":["DOUBLE"],"asked":["BIGINT"]}') AS s
        FROM events WHERE kind = 'scores'
      )
    )`,
};
