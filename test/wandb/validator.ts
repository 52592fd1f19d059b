import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { EventFeed } from "../../src/events/feed.ts";
import { Journal } from "../../src/events/journal.ts";
import type { Event } from "../../src/events/schema.ts";
import { PACE, type Pace } from "../../src/telemetry/wandb/pace.ts";
import { WandbReporter } from "../../src/telemetry/wandb/wandb.ts";
import type { ApiTimeouts } from "../../src/wandb/api.ts";
import { CANARY } from "../canaries.ts";
import { BODIES, IDENTITY, stepBodyOf } from "../events/bodies.ts";

/** A pace that a test can wait for. */
export const QUICK: Pace = {
  ...PACE,
  leastGapMs: 5,
  everyMs: 20,
  heartbeatMs: 200,
  firstBackOffMs: 10,
  maxBackOffMs: 50,
};
export const SHORT_TIMEOUTS: ApiTimeouts = { graphql: 300, stream: 300 };

export const KEY = CANARY.wandbKey;

export interface Options {
  url?: string;
  key?: string;
  offline?: boolean;
  runStepLength?: number;
  weightsStepLength?: number;
  sign?: (id: string) => Uint8Array;
  pace?: Pace;
}

/** The part of a validator that W&B has to do with: a journal, a feed and a reporter of it. */
export class ReportedFeed {
  readonly feed: EventFeed;
  readonly reporter: WandbReporter;
  readonly events: Event[] = [];
  readonly #directory: string;

  constructor(
    directory: string,
    { url, key, offline = false, sign, pace = QUICK, ...lengths }: Options = {},
  ) {
    this.#directory = directory;
    this.feed = new EventFeed({
      journal: Journal.open(join(directory, "events"), { budgetBytes: 1e9 }),
      identity: IDENTITY,
      block: () => 100 + Math.floor(this.events.length / 3),
    });
    this.reporter = new WandbReporter(this.feed, {
      settings: {
        wandbProjectName: "openvalidators",
        wandbEntity: "opentensor-dev",
        wandbNotes: "a note",
        wandbOffline: offline,
        wandbRunStepLength: lengths.runStepLength ?? 1_500,
        wandbWeightsStepLength: lengths.weightsStepLength ?? 10,
      },
      directory,
      keepsJournal: true,
      environment: {
        HOME: directory,
        ...(url && { WANDB_BASE_URL: url }),
        ...(key && { WANDB_API_KEY: key }),
      },
      sign,
      budgetBytes: 1e9,
      pace,
      timeoutsMs: SHORT_TIMEOUTS,
    });
  }

  /** The first events of a process: a word of the chain, and what runs. */
  start(): void {
    const [run, , , chain] = BODIES;
    this.events.push(this.feed.emit(chain!), this.feed.emit(run!));
  }

  /** Steps, and now and then another kind. */
  emit(count: number, from = 1): void {
    for (let step = from; step < from + count; step++) {
      const columns = { dahoas_reward_model: [1.5, null], dahoas_reward_model_normalized: [0.5, null] };
      const body = { ...stepBodyOf(2, columns), step, nan_columns: ["dahoas_reward_model"] };
      this.events.push(this.feed.emit({ ...body, gating_loss: step / 1000 } as typeof body));
      if (step % 5 === 0) this.events.push(this.feed.emit(BODIES[4 + (step % 8)]!));
    }
  }

  /** A gating layer, as the validator tells of it; gives its bytes. */
  emitLayer(content: string, trained: number): Buffer {
    const bytes = Buffer.from(content);
    const file = "gating_linear_layer.safetensors";
    writeFileSync(join(this.#directory, file), bytes);
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    const facts = { encoder: "a/b", rows: 2, hidden: 3, trained };
    this.events.push(this.feed.emit({ kind: "gating", file, bytes: bytes.length, sha256, ...facts }));
    return bytes;
  }

  /** As in a run that lasts long enough: every event was read before the last one. */
  async stop(): Promise<void> {
    while (this.feed.state.subscribers[0]!.waiting > 0) await Bun.sleep(10);
    this.events.push(this.feed.emit({ kind: "stop", reason: "signal", exit_code: 0, steps: 1 }));
    await this.reporter.close();
    await this.feed.close();
  }
}
