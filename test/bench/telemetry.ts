import { join } from "node:path";
import { loadConfiguration } from "../../src/config/load.ts";
import { OPTIONS } from "../../src/config/options.ts";
import { EventFeed } from "../../src/events/feed.ts";
import { Journal } from "../../src/events/journal.ts";
import type { EventBody } from "../../src/events/schema.ts";
import { openTelemetry } from "../../src/telemetry/open.ts";
import { scratch } from "../binary/built.ts";
import { BODIES, IDENTITY, stepBodyOf } from "../events/bodies.ts";
import { residentMb } from "./measure.ts";
import type { BenchRow } from "./row.ts";
import { mixedTexts } from "./texts.ts";

const STEPS = 400;
const ANSWERS = 50;
const MINERS = 256;
/** What a step of 50 answers takes of the processor with the embedded profile at least: its scoring (the bench "step"). */
const STEP_CPU_MS = 800;
const COLUMNS = ["relevance_filter", "diversity_reward_model", "task_validator_filter", "blacklist_filter"];

function step(number: number): EventBody {
  const uids = Array.from({ length: ANSWERS }, (_, at) => (number * 7 + at) % MINERS);
  const numbers = uids.map((uid) => (uid % 10) / 10);
  return {
    ...stepBodyOf(number),
    uids,
    hotkeys: uids.map((uid) => `5F${uid}`.padEnd(48, "x")),
    completions: mixedTexts(ANSWERS, number),
    completion_times: numbers,
    completion_status_codes: uids.map(() => 200),
    completion_status_messages: uids.map(() => "OK"),
    rewards: numbers,
    nan_columns: [],
    ...Object.fromEntries(
      COLUMNS.flatMap((name) => [
        [name, numbers],
        [`${name}_normalized`, numbers],
      ]),
    ),
  } as EventBody;
}

interface Cost {
  /** Processor time of a step's event, milliseconds. */
  cpuMs: number;
  /** Resident after the steps, MB. */
  residentMb: number;
}

/** The cost of a step's event: of the journal alone, or with everything that shows a validator. */
async function costOf(withTelemetry: boolean): Promise<Cost> {
  const place = scratch();
  const stop = new AbortController();
  const feed = new EventFeed({
    journal: Journal.open(join(place.root, "events"), { budgetBytes: 1e9 }),
    identity: IDENTITY,
    block: () => 100,
  });
  const { settings } = loadConfiguration(OPTIONS, {
    flags: { "wandb.offline": "true", "metrics.port": "19101" },
    environment: {},
  });
  const telemetry = withTelemetry
    ? openTelemetry(settings, feed, {
        directory: place.root,
        signal: stop.signal,
        environment: place.environment,
      })
    : undefined;
  try {
    for (const body of BODIES.filter(({ kind }) => kind === "run")) feed.emit(body);
    const page =
      telemetry && (await fetch(`http://127.0.0.1:${telemetry.port}/events`, { signal: stop.signal }));
    const reading = page?.body && drain(page.body);
    const steps = Array.from({ length: STEPS }, (_, at) => step(at + 1));
    const scrape = async (): Promise<void> => {
      if (telemetry) await (await fetch(`http://127.0.0.1:${telemetry.port}/metrics`)).text();
    };
    for (const body of steps.slice(0, 20)) feed.emit(body);
    await Bun.sleep(200);
    const before = process.cpuUsage();
    for (const [at, body] of steps.entries()) {
      feed.emit(body);
      await Bun.sleep(1);
      // Prometheus asks as often as steps come, every 15 seconds.
      if (at % 4 === 0) await scrape();
    }
    const { user, system } = process.cpuUsage(before);
    Bun.gc(true);
    const resident = residentMb(process.pid) ?? Number.NaN;
    stop.abort();
    await reading?.catch(() => undefined);
    return { cpuMs: (user + system) / 1_000 / STEPS, residentMb: resident };
  } finally {
    await telemetry?.close();
    feed.close();
    place.remove();
  }
}

async function drain(body: ReadableStream<Uint8Array>): Promise<void> {
  for await (const _ of body);
}

/** What everything that shows a validator costs a step: W&B, metrics, live page with a reader, status, alerts. */
export async function benchTelemetry(): Promise<BenchRow[]> {
  const alone = await costOf(false);
  const all = await costOf(true);
  const costMs = Math.max(0, all.cpuMs - alone.cpuMs);
  return [
    { name: "journal of a step of 50 answers, processor time", value: alone.cpuMs, unit: "ms" },
    { name: "all telemetry of it besides", value: costMs, unit: "ms" },
    {
      name: "all telemetry, share of the processor time of a step",
      value: (100 * costMs) / STEP_CPU_MS,
      unit: "%",
    },
    { name: "RSS that telemetry adds", value: all.residentMb - alone.residentMb, unit: "MB" },
  ];
}
