import { Counter, Histogram, Registry } from "prom-client";
import type { FeedState } from "../events/feed.ts";
import { EVENT_KINDS, type Event, type EventOf } from "../events/schema.ts";
import { ANSWERED } from "../events/step-figures.ts";
import { setGauges } from "./metric-gauges.ts";
import { ProcessMetrics } from "./process-metrics.ts";
import type { Status } from "./status.ts";

const CALL_OUTCOMES = ["answered", "late", "unreachable", "other"] as const;
const STAGES = ["choose", "ask", "judge", "train", "save"] as const;
const STEP_BUCKETS = [0.5, 1, 2, 4, 6, 8, 10, 12, 15, 20, 30, 60, 120, 300];
const STAGE_BUCKETS = [0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 60];
const CALL_BUCKETS = [0.1, 0.25, 0.5, 1, 2, 3, 4, 6, 8, 10, 12];
const REWARD_BUCKETS = [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1];

export interface MetricsSources {
  status(): Status;
  feed(): FeedState;
  /** Requests that were sent to nodes of the chain since the start; not counted where left out. */
  chainRequests?(): number;
  /** Gauges for each uid too: three per uid. */
  perUid: boolean;
}

/**
 * What Prometheus reads. Names follow its conventions: base units, `_total` for counters. Every counter is there with 0
 * before anything happened, and labels come from closed sets, the profile's models, or (when asked for) the subnet's uids.
 */
export class Metrics {
  readonly registry = new Registry();
  readonly #sources: MetricsSources;
  readonly #process = new ProcessMetrics(this.registry);
  readonly #steps = this.#counter("steps_total", "Steps recorded.", ["task", "counted"]);
  readonly #forwards = this.#counter("forwards_total", "Forward passes by how they ended.", ["outcome"]);
  readonly #calls = this.#counter("calls_total", "Calls to miners by what came of them.", ["outcome"]);
  readonly #weights = this.#counter("weights_total", "Submissions of weights by how they ended.", ["state"]);
  readonly #reveals = this.#counter("reveals_total", "Committed weights by what became of them.", ["state"]);
  readonly #chain = this.#counter("chain_changes_total", "Changes of the chain connection.", ["state"]);
  readonly #chainRequests = this.#counter(
    "chain_requests_total",
    "Requests to nodes of the chain; public ones allow about one a second.",
    [],
  );
  readonly #models = this.#counter("model_changes_total", "Changes of models.", ["state"]);
  readonly #updates = this.#counter("update_news_total", "News of releases.", ["state"]);
  readonly #events = this.#counter("events_total", "Events of this run.", ["kind"]);
  readonly #lost = this.#counter("events_lost_total", "Events that are in no journal and never will be.", []);
  readonly #dropped = this.#counter("events_dropped_total", "Events that a reader missed.", ["reader"]);
  readonly #inference = this.#counter(
    "inference_seconds_total",
    "Time of requests to the inference process.",
    ["part"],
  );
  readonly #stepSeconds = this.#histogram("step_duration_seconds", "Wall time of a step.", [], STEP_BUCKETS);
  readonly #stageSeconds = this.#histogram(
    "step_stage_duration_seconds",
    "Wall time of the stages of a step.",
    ["stage"],
    STAGE_BUCKETS,
  );
  readonly #forwardSeconds = this.#histogram(
    "forward_duration_seconds",
    "Wall time of a forward pass.",
    [],
    STEP_BUCKETS,
  );
  readonly #callSeconds = this.#histogram(
    "call_duration_seconds",
    "Wall time of calls that miners answered.",
    [],
    CALL_BUCKETS,
  );
  readonly #rewards = this.#histogram(
    "reward",
    "Rewards of asked miners in counted steps, 0 to 1.",
    [],
    REWARD_BUCKETS,
  );

  constructor(sources: MetricsSources) {
    this.#sources = sources;
    this.#beginAtZero();
    setGauges(this.registry, sources);
  }

  note(event: Event): void {
    this.#events.inc({ kind: event.kind });
    if (event.kind === "step") this.#noteStep(event);
    else if (event.kind === "forward") {
      this.#forwards.inc({ outcome: event.outcome });
      this.#forwardSeconds.observe(event.seconds);
    } else if (event.kind === "weights") this.#weights.inc({ state: event.state });
    else if (event.kind === "reveal") this.#reveals.inc({ state: event.state });
    else if (event.kind === "chain") this.#chain.inc({ state: event.state });
    else if (event.kind === "model") this.#models.inc({ state: event.state });
    else if (event.kind === "update") this.#updates.inc({ state: event.state });
  }

  /** The text that Prometheus reads. */
  async text(): Promise<string> {
    const { lost, subscribers } = this.#sources.feed();
    this.#lost.reset();
    this.#lost.inc(lost);
    this.#chainRequests.reset();
    this.#chainRequests.inc(this.#sources.chainRequests?.() ?? 0);
    this.#dropped.reset();
    for (const { name, dropped } of subscribers) this.#dropped.inc({ reader: name }, dropped);
    this.#process.read();
    return await this.registry.metrics();
  }

  get contentType(): string {
    return this.registry.contentType;
  }

  #noteStep(step: EventOf<"step">): void {
    this.#steps.inc({ task: step.task, counted: String(step.counted) });
    this.#stepSeconds.observe(step.step_length);
    for (const stage of STAGES) {
      const ms = step.stages[`${stage}_ms`];
      if (ms !== null) this.#stageSeconds.observe({ stage }, ms / 1000);
    }
    for (const [index, code] of step.completion_status_codes.entries()) {
      const outcome = outcomeOf(code);
      this.#calls.inc({ outcome });
      if (outcome === "answered") this.#callSeconds.observe(step.completion_times[index] ?? 0);
    }
    if (step.counted) for (const reward of step.rewards) this.#rewards.observe(reward);
    if (step.inference === null) return;
    this.#inference.inc({ part: "queue" }, step.inference.queue_ms / 1000);
    this.#inference.inc({ part: "compute" }, step.inference.compute_ms / 1000);
  }

  #beginAtZero(): void {
    for (const task of EVENT_KINDS.step.shape.task.options)
      for (const counted of ["true", "false"]) this.#steps.inc({ task, counted }, 0);
    for (const outcome of EVENT_KINDS.forward.shape.outcome.options) this.#forwards.inc({ outcome }, 0);
    for (const outcome of CALL_OUTCOMES) this.#calls.inc({ outcome }, 0);
    for (const state of EVENT_KINDS.weights.shape.state.options) this.#weights.inc({ state }, 0);
    for (const state of EVENT_KINDS.reveal.shape.state.options) this.#reveals.inc({ state }, 0);
    for (const state of EVENT_KINDS.chain.shape.state.options) this.#chain.inc({ state }, 0);
    for (const state of EVENT_KINDS.model.shape.state.options) this.#models.inc({ state }, 0);
    for (const state of EVENT_KINDS.update.shape.state.options) this.#updates.inc({ state }, 0);
    for (const kind of Object.keys(EVENT_KINDS)) this.#events.inc({ kind }, 0);
    for (const part of ["queue", "compute"]) this.#inference.inc({ part }, 0);
    for (const stage of STAGES) this.#stageSeconds.zero({ stage });
  }

  #counter(name: string, help: string, labelNames: string[]): Counter {
    return new Counter({ name: `openvalidator_${name}`, help, labelNames, registers: [this.registry] });
  }

  #histogram(name: string, help: string, labelNames: string[], buckets: number[]): Histogram {
    return new Histogram({
      name: `openvalidator_${name}`,
      help,
      labelNames,
      buckets,
      registers: [this.registry],
    });
  }
}

function outcomeOf(status: number): (typeof CALL_OUTCOMES)[number] {
  if (status === ANSWERED) return "answered";
  if (status === 408) return "late";
  return status === 503 ? "unreachable" : "other";
}
