import { z } from "zod";
import { type DeadlineCode, sleep } from "../base/deadline.ts";
import { Failure, messageOf } from "../base/error.ts";
import { type BackOff, backOffMs } from "../base/retry.ts";
import { type WandbApi, WandbRefusal } from "./api.ts";
import { wandbFailure } from "./failure.ts";
import type { RequestPace } from "./request-pace.ts";
import { parseRow, type Row, textOfPlain, toPlain } from "./row.ts";

/** Doubling from 2 s, as the official client's. */
const RETRY: BackOff = { firstMs: 2_000, maxMs: 60_000, attempts: 8 };
const RUNS_PER_PAGE = 50;
/** Steps asked for at once; a row has dozens of completions. */
const STEPS_PER_PAGE = 200;
/** So many pages of the list without a run that is new are a list that goes round. */
const FRUITLESS_PAGES = 20;

const RUNS = `query Runs($project: String!, $entity: String!, $cursor: String, $perPage: Int = 50, $order: String, $filters: JSONString) {
  project(name: $project, entityName: $entity) {
    runCount(filters: $filters)
    runs(filters: $filters, after: $cursor, first: $perPage, order: $order) {
      edges { node { name displayName tags state createdAt heartbeatAt notes } cursor }
      pageInfo { endCursor hasNextPage }
    }
  }
}`;
const FACTS = `query RunHistoryKeys($project: String!, $entity: String!, $name: String!) {
  project(name: $project, entityName: $entity) {
    run(name: $name) { name state heartbeatAt config historyLineCount historyKeys }
  }
}`;
const PAGE = `query HistoryPage($entity: String!, $project: String!, $run: String!, $minStep: Int64!, $maxStep: Int64!, $pageSize: Int!) {
  project(name: $project, entityName: $entity) { run(name: $run) { history(minStep: $minStep, maxStep: $maxStep, samples: $pageSize) } }
}`;

/** What the list says of a run. */
const runNode = z.object({
  /** Id within the project. */
  name: z.string().min(1),
  displayName: z.string().nullish(),
  tags: z.array(z.string()).nullish(),
  state: z.string(),
  createdAt: z.string().nullish(),
  heartbeatAt: z.string().nullish(),
  notes: z.string().nullish(),
});
export type RemoteRun = z.infer<typeof runNode>;

const runsAnswer = z.object({
  project: z
    .object({
      runCount: z.int().nullish(),
      runs: z.object({
        edges: z.array(z.object({ node: z.unknown(), cursor: z.string().nullish() })),
        pageInfo: z.object({ endCursor: z.string().nullish(), hasNextPage: z.boolean() }),
      }),
    })
    .nullable(),
});
const factsAnswer = z.object({
  project: z
    .object({
      run: z
        .object({
          state: z.string(),
          heartbeatAt: z.string().nullish(),
          config: z.string().nullish(),
          historyLineCount: z.int().nullish(),
          historyKeys: z.object({ lastStep: z.int().nullish() }).nullish(),
        })
        .nullable(),
    })
    .nullable(),
});
const pageAnswer = z.object({
  project: z.object({ run: z.object({ history: z.array(z.string()).nullable() }).nullable() }).nullable(),
});

export interface RunDetails {
  state: string;
  heartbeatAt: string | null;
  config: Row;
  /** -1 for a run without rows. */
  lastStep: number;
  /** null where the server does not say. */
  rows: number | null;
}

/** Rows of steps up to before `nextStep`, each as a line of JSON with special numbers as bare words. */
export interface HistoryPart {
  lines: string[];
  /** Rows that are no JSON objects with a step. */
  unreadable: number;
  nextStep: number;
}

export interface RemoteRunsOptions {
  entity: string;
  project: string;
  pace: RequestPace;
  signal: AbortSignal;
  retry?: BackOff | undefined;
  /** Told once that the server gives no answer now, and why, and that it is asked again. */
  onTrouble?: ((cause: string) => void) | undefined;
}

/** Reads the runs of one project, asking again where that may help. @throws WandbRefusal, Failure `deadline.aborted` */
export class RemoteRuns {
  readonly #api: WandbApi;
  readonly #options: RemoteRunsOptions;
  readonly #retry: BackOff;
  #isTroubleTold = false;

  constructor(api: WandbApi, options: RemoteRunsOptions) {
    this.#api = api;
    this.#options = options;
    this.#retry = options.retry ?? RETRY;
  }

  /**
   * Runs that pass a filter, oldest first, each once. The server repeats runs and cursors, and an empty page is not the end.
   * @returns how many of them it never listed
   * @throws Failure `wandb.no-project`
   */
  async list(filters: Record<string, unknown>): Promise<{ runs: RemoteRun[]; missing: number }> {
    const { entity, project } = this.#options;
    const runs = new Map<string, RemoteRun>();
    let cursor: string | null = null;
    let count = 0;
    for (let fruitless = 0; fruitless < FRUITLESS_PAGES; ) {
      const variables: object = { entity, project, cursor, perPage: RUNS_PER_PAGE, order: "+created_at" };
      const answer: z.infer<typeof runsAnswer>["project"] = runsAnswer.parse(
        await this.#ask(RUNS, { ...variables, filters: JSON.stringify(filters) }),
      ).project;
      if (answer === null) throw this.#noProject();
      const before = runs.size;
      for (const { node } of answer.runs.edges) {
        const run = runNode.safeParse(node).data;
        if (run !== undefined && !runs.has(run.name)) runs.set(run.name, run);
      }
      count = answer.runCount ?? count;
      const { hasNextPage, endCursor } = answer.runs.pageInfo;
      cursor = endCursor ?? answer.runs.edges.at(-1)?.cursor ?? cursor;
      if (!hasNextPage || cursor === null) break;
      fruitless = runs.size > before ? 0 : fruitless + 1;
    }
    return { runs: [...runs.values()], missing: Math.max(0, count - runs.size) };
  }

  /** @throws Failure `wandb.no-project` when the run is gone */
  async details(run: string): Promise<RunDetails> {
    const { entity, project } = this.#options;
    const found = factsAnswer.parse(await this.#ask(FACTS, { entity, project, name: run })).project?.run;
    if (!found) throw this.#noProject(run);
    return {
      state: found.state,
      heartbeatAt: found.heartbeatAt ?? null,
      config: configOf(found.config ?? "{}"),
      lastStep: found.historyKeys?.lastStep ?? -1,
      rows: found.historyLineCount ?? null,
    };
  }

  /** The history from a step on. A page that does not come is asked for in halves; one that is empty is not the end. */
  async *history(run: string, fromStep: number, lastStep: number): AsyncGenerator<HistoryPart> {
    const { entity, project } = this.#options;
    let window = STEPS_PER_PAGE;
    let failures = 0;
    for (let step = fromStep; step <= lastStep; ) {
      const maxStep = Math.min(step + window, lastStep + 1);
      const variables = { entity, project, run, minStep: step, maxStep, pageSize: maxStep - step };
      let history: string[];
      try {
        const data = pageAnswer.parse(await this.#once(PAGE, variables));
        if (!data.project?.run) throw this.#noProject(run);
        history = data.project.run.history ?? [];
        failures = 0;
      } catch (error) {
        await this.#endure(error, failures++);
        if ((error as WandbRefusal).status !== 429) window = Math.max(1, Math.floor((maxStep - step) / 2));
        continue;
      }
      const { lines, unreadable } = linesIn(history, step, maxStep);
      step = maxStep;
      yield { lines, unreadable, nextStep: step };
      // Steps may be far apart; over a gap the window grows until there is something again.
      if (history.length === 0) window *= 2;
      else window = window < STEPS_PER_PAGE ? window * 2 : STEPS_PER_PAGE;
    }
  }

  async #ask(query: string, variables: Record<string, unknown>): Promise<unknown> {
    for (let failures = 0; ; failures++) {
      try {
        return await this.#once(query, variables);
      } catch (error) {
        await this.#endure(error, failures);
      }
    }
  }

  async #once(query: string, variables: Record<string, unknown>): Promise<unknown> {
    const { pace, signal } = this.#options;
    await pace.turn(signal);
    if (signal.aborted) throw stopped();
    return await this.#api.graphql(query, variables, signal);
  }

  /** Waits before the next attempt. @throws the error, where there is to be none */
  async #endure(error: unknown, failures: number): Promise<void> {
    const { pace, signal, onTrouble } = this.#options;
    if (signal.aborted) throw stopped();
    const mayPass = error instanceof WandbRefusal && !error.isFinal;
    if (!mayPass || failures + 1 >= this.#retry.attempts) throw error;
    if (!this.#isTroubleTold && error.retryAfterMs === undefined) {
      this.#isTroubleTold = true;
      onTrouble?.(messageOf(error));
    }
    // The pause that a server asks for holds for everybody, and the pace knows of it.
    if (error.retryAfterMs === undefined) await sleep(backOffMs(this.#retry, failures), signal);
    else pace.pause(error.retryAfterMs);
  }

  #noProject(run?: string): Error {
    const { entity, project } = this.#options;
    return wandbFailure("wandb.no-project", {
      message: `${[entity, project, run].filter(Boolean).join("/")} is not there, or not visible to this key`,
      hint: "check --entity and --project; for what is not public set WANDB_API_KEY or run openvalidator wandb login",
    });
  }
}

function stopped(): Error {
  return new Failure<DeadlineCode>("deadline.aborted", {
    message: "the download was stopped",
    hint: "the next one goes on where it ended",
  });
}

/** Rows in the order of their steps, and of a step in the order in which they came. */
function linesIn(
  history: readonly string[],
  minStep: number,
  maxStep: number,
): { lines: string[]; unreadable: number } {
  const rows: { step: number; line: string }[] = [];
  let unreadable = 0;
  for (const text of history) {
    const row = rowIn(text);
    const step = Number(row?._step);
    if (row === undefined || !Number.isSafeInteger(step)) unreadable++;
    else if (step >= minStep && step < maxStep)
      rows.push({ step, line: /[\r\n]/.test(text) ? textOfPlain(toPlain(row)) : text });
  }
  return { lines: rows.sort((a, b) => a.step - b.step).map(({ line }) => line), unreadable };
}

function rowIn(text: string): Row | undefined {
  try {
    const row = parseRow(text);
    return typeof row === "object" && row !== null && !Array.isArray(row) ? (row as Row) : undefined;
  } catch {
    return undefined; // counted as unreadable
  }
}

/** `{"neuron": {"value": …}}` as `{neuron: …}`; empty where it is no such text. */
function configOf(text: string): Row {
  const entries = Object.entries(rowIn(text) ?? {}).flatMap(([name, wrapped]): [string, unknown][] => {
    const isWrapped = typeof wrapped === "object" && wrapped !== null && Object.hasOwn(wrapped, "value");
    return isWrapped ? [[name, (wrapped as { value: unknown }).value]] : [];
  });
  return Object.fromEntries(entries);
}
