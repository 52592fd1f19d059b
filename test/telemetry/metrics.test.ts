import { describe, expect, test } from "bun:test";
import { EventFeed } from "../../src/events/feed.ts";
import type { Event } from "../../src/events/schema.ts";
import { Metrics } from "../../src/telemetry/metrics.ts";
import { ALERTS } from "../../src/telemetry/status.ts";
import { StatusFold } from "../../src/telemetry/status-fold.ts";
import { IDENTITY } from "../events/bodies.ts";
import { eventsOfRun } from "./live/subnet.ts";
import { bodyOf, START_MS, stamped } from "./stamped.ts";

function metricsOf(events: readonly Event[], perUid = false): Metrics {
  const fold = new StatusFold();
  const feed = new EventFeed({ journal: undefined, identity: IDENTITY, block: () => 1 });
  feed.subscribe("reader", { capacity: 1 }, () => {});
  const metrics = new Metrics({
    status: () => fold.snapshot(START_MS + 60_000),
    feed: () => feed.state,
    perUid,
  });
  for (const event of events) {
    fold.apply(event);
    metrics.note(event);
  }
  return metrics;
}
const samplesOf = async (metrics: Metrics): Promise<Map<string, number>> =>
  new Map(
    (await metrics.text())
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"))
      .map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.slice(line.lastIndexOf(" ") + 1))]),
  );

describe("/metrics", () => {
  test("has every counter at 0 before anything happened", async () => {
    const samples = await samplesOf(metricsOf([]));
    for (const [name, value] of samples)
      if (name.includes("_total"))
        expect([name, value]).toEqual([name, name.startsWith("process") ? value : 0]);
    for (const name of [
      'openvalidator_steps_total{task="answer",counted="true"}',
      'openvalidator_weights_total{state="refused"}',
      'openvalidator_reveals_total{state="missing"}',
      'openvalidator_calls_total{outcome="late"}',
      "openvalidator_events_lost_total",
      'openvalidator_events_dropped_total{reader="reader"}',
      ...ALERTS.map((alert) => `openvalidator_alert{alert="${alert}"}`),
    ])
      expect([name, samples.get(name)]).toEqual([name, 0]);
    expect(samples.get("openvalidator_healthy")).toBe(0);
    // What is not known has no sample, rather than a 0 that means something else.
    for (const name of ["openvalidator_chain_head_block", "openvalidator_uid", "openvalidator_answer_ratio"])
      expect(samples.has(name)).toBe(false);
    expect(samples.get("process_resident_memory_bytes")).toBeGreaterThan(1e6);
  });

  test("counts what happens, in seconds and shares", async () => {
    const events = [
      stamped(bodyOf("run"), 0),
      stamped(bodyOf("step", { completion_status_codes: [200, 408, 503, 401] }), 10, 1003),
      stamped(bodyOf("chain", { state: "permit", value: 0 }), 20),
    ];
    const metrics = metricsOf(events);
    const expected = {
      'openvalidator_steps_total{task="augment",counted="true"}': 1,
      'openvalidator_calls_total{outcome="answered"}': 1,
      'openvalidator_calls_total{outcome="late"}': 1,
      'openvalidator_calls_total{outcome="unreachable"}': 1,
      'openvalidator_calls_total{outcome="other"}': 1,
      'openvalidator_step_stage_duration_seconds_sum{stage="ask"}': 0.9,
      'openvalidator_inference_seconds_total{part="compute"}': 0.06,
      openvalidator_call_duration_seconds_count: 1,
      openvalidator_reward_count: 4,
      openvalidator_answer_ratio: 0.25,
      openvalidator_chain_head_block: 1003,
      openvalidator_permit: 0,
      openvalidator_healthy: 0,
      'openvalidator_alert{alert="permit_missing"}': 1,
      'openvalidator_alert{alert="disk_low"}': 0,
      'openvalidator_model_up{model="m",device="cpu"}': 1,
      'openvalidator_build_info{version="0.2.0",commit=""}': 1,
      openvalidator_weights_epoch_blocks: 360,
    };
    for (let scrape = 0; scrape < 2; scrape++) {
      const samples = await samplesOf(metrics);
      for (const [name, value] of Object.entries(expected))
        expect([name, samples.get(name)]).toEqual([name, value]);
    }
  });

  test("grows with the subnet only when asked to", async () => {
    const seriesOf = async (miners: number, perUid: boolean): Promise<number> =>
      (await samplesOf(metricsOf(eventsOfRun(miners, 3), perUid))).size;
    expect(await seriesOf(256, false)).toBe(await seriesOf(16, false));
    expect(await seriesOf(256, false)).toBeLessThan(250);
    expect((await seriesOf(256, true)) - (await seriesOf(256, false))).toBe(3 * 256);
  });

  test.skipIf(Bun.which("promtool") === null)("is good in the eyes of promtool", async () => {
    const text = await metricsOf(eventsOfRun(16, 3), true).text();
    const checked = Bun.spawnSync(["promtool", "check", "metrics"], { stdin: Buffer.from(text) });
    expect([checked.stderr.toString(), checked.exitCode]).toEqual(["", 0]);
  });
});

test("requests to nodes of the chain are counted where they are told of", async () => {
  let requests = 3;
  const metrics = new Metrics({
    status: () => new StatusFold().snapshot(START_MS),
    feed: () => new EventFeed({ journal: undefined, identity: IDENTITY, block: () => 1 }).state,
    chainRequests: () => requests,
    perUid: false,
  });
  expect((await samplesOf(metrics)).get("openvalidator_chain_requests_total")).toBe(3);
  requests = 8;
  expect((await samplesOf(metrics)).get("openvalidator_chain_requests_total")).toBe(8);
});
