import { join } from "node:path";
import { loadConfiguration } from "../../src/config/load.ts";
import { OPTIONS } from "../../src/config/options.ts";
import { EventFeed } from "../../src/events/feed.ts";
import { Journal } from "../../src/events/journal.ts";
import type { EventBody } from "../../src/events/schema.ts";
import { openTelemetry } from "../../src/telemetry/open.ts";
import { IDENTITY, stepBodyOf } from "../events/bodies.ts";
import { bodyOf } from "../telemetry/stamped.ts";
import { residentMb } from "./measure.ts";
import { mixedTexts } from "./texts.ts";

/** What this process says to the one that started it, and what it is answered: that one looks at it as people do. */
export type Said = { port: number | undefined } | "step" | Load;
export type Answer = "on";

/** What was measured. */
export interface Load {
  /** Processor time of a step's event, milliseconds. */
  cpuMs: number;
  /** Resident after the last, MB. */
  residentMb: number;
}

const WARM_STEPS = 50;
const STEPS = 400;
const ANSWERS = 50;
const MINERS = 256;
const PORT = "19101";
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

/** Says something and waits until the other process is ready for more. */
async function say(said: Said): Promise<void> {
  const answered = Promise.withResolvers<void>();
  process.once("message", () => answered.resolve());
  process.send!(said);
  await answered.promise;
}

/** Tells steps to a feed in `directory`: of the journal alone, or with all that shows a validator. */
async function measure(directory: string, withTelemetry: boolean): Promise<Load> {
  const stop = new AbortController();
  const feed = new EventFeed({
    journal: Journal.open(join(directory, "events"), { budgetBytes: 1e9 }),
    identity: IDENTITY,
    block: () => 100,
  });
  const flags = { "wandb.offline": "true", "metrics.port": PORT };
  const { settings } = loadConfiguration(OPTIONS, { flags, environment: process.env });
  const telemetry = withTelemetry
    ? openTelemetry(settings, feed, { directory, signal: stop.signal, environment: process.env })
    : undefined;
  feed.emit(bodyOf("run"));
  await say({ port: telemetry?.port });
  const tell = async (number: number): Promise<void> => {
    feed.emit(step(number));
    await say("step");
  };
  for (let number = 1; number <= WARM_STEPS; number++) await tell(number);
  const before = process.cpuUsage();
  for (let number = 1; number <= STEPS; number++) await tell(WARM_STEPS + number);
  const { user, system } = process.cpuUsage(before);
  Bun.gc(true);
  const load = { cpuMs: (user + system) / 1_000 / STEPS, residentMb: residentMb(process.pid) ?? Number.NaN };
  stop.abort();
  await telemetry?.close();
  feed.close();
  return load;
}

if (import.meta.main) {
  const [directory, mode] = process.argv.slice(2);
  process.send!(await measure(directory!, mode === "on"));
  process.disconnect?.();
}
