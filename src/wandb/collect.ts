import { join } from "node:path";
import { isFailure, messageOf } from "../base/error.ts";
import { lockFile } from "../base/lock.ts";
import type { BackOff } from "../base/retry.ts";
import { type ApiTimeouts, WandbApi, WandbRefusal } from "./api.ts";
import { failureOf, wandbFailure } from "./failure.ts";
import { type RemoteRun, RemoteRuns } from "./remote-runs.ts";
import { RequestPace } from "./request-pace.ts";
import { filterOf, type RunWishes } from "./run-filter.ts";
import { RunFolder } from "./run-folder.ts";

/** W&B's limits per address are not published; the official client without a key is refused from about this on. */
const PER_MINUTE_WITHOUT_KEY = 50;
const PER_MINUTE_WITH_KEY = 600;
/** Of one page; a row may have 10 MiB. */
const MAX_ANSWER_BYTES = 128 << 20;
const TIMEOUTS: ApiTimeouts = { graphql: 60_000, stream: 60_000 };
const RUNS_AT_ONCE = 3;

export interface CollectOptions {
  url: string;
  key: string | undefined;
  entity: string;
  project: string;
  wishes: RunWishes;
  /** Runs lie in `<directory>/<entity>/<project>/<run>`. */
  directory: string;
  signal: AbortSignal;
  onProgress?(progress: Progress): void;
  /** Told once that the server gives no answer now, and why, and that it is asked again. */
  onTrouble?(cause: string): void;
  /** For tests. */
  retry?: BackOff;
  timeoutsMs?: ApiTimeouts;
  pace?: RequestPace;
}

export interface Progress {
  done: number;
  runs: number;
  /** Fetched now. */
  rows: number;
}

export interface Collected {
  /** Folder of the project. */
  folder: string;
  runs: CollectedRun[];
  /** Runs that the server counts and never listed. */
  missing: number;
}

export interface CollectedRun {
  id: string;
  /** kept: there was nothing to fetch. */
  outcome: "fetched" | "kept" | "failed";
  /** In the folder. */
  rows: number;
  /** Fetched now. */
  newRows: number;
  /** Rows of the server that are no JSON objects with a step. */
  unreadable: number;
  /** One sentence where it failed. */
  cause: string | undefined;
}

/**
 * Downloads the runs of a project that are wished for, some at once, going on where an earlier download ended. A run that
 * is finished and whole is not asked for again.
 * @throws Failure `wandb.*` when the list cannot be read; `deadline.aborted`
 */
export async function collectRuns(options: CollectOptions): Promise<Collected> {
  const { url, key, entity, project, wishes, retry } = options;
  const ended = new AbortController();
  const signal = AbortSignal.any([options.signal, ended.signal]);
  const filter = filterOf(wishes);
  const folder = join(options.directory, nameOf(entity), nameOf(project));
  const unlock = lockAlone(join(folder, ".lock"));
  try {
    const pace =
      options.pace ?? new RequestPace(key === undefined ? PER_MINUTE_WITHOUT_KEY : PER_MINUTE_WITH_KEY);
    const api = new WandbApi({
      url,
      key,
      maxAnswerBytes: MAX_ANSWER_BYTES,
      timeoutsMs: options.timeoutsMs ?? TIMEOUTS,
      onPause: (ms) => pace.pause(ms),
    });
    const remote = new RemoteRuns(api, {
      entity,
      project,
      pace,
      signal,
      retry,
      onTrouble: (cause) => options.onTrouble?.(cause),
    });
    const { runs, missing } = await remote.list(filter).catch((error: unknown) => {
      if (!(error instanceof WandbRefusal)) throw error;
      if (key !== undefined || (error.status !== 401 && error.status !== 403)) throw failureOf(error);
      throw wandbFailure("wandb.no-key", {
        message: "the W&B server shows this project to nobody without a key",
        hint: "set WANDB_API_KEY, or run openvalidator wandb login",
      });
    });
    // The server is asked for tags one by one, and believed no more than that.
    const wanted = runs.filter(({ tags }) => wishes.tags.every((tag) => tags?.includes(tag)));
    const waiting = [...wanted];
    const collected: CollectedRun[] = [];
    let rows = 0;
    const tell = (): void => options.onProgress?.({ done: collected.length, runs: wanted.length, rows });
    const work = async (): Promise<void> => {
      for (let run = waiting.shift(); run !== undefined; run = waiting.shift()) {
        const onRows = (count: number): void => {
          rows += count;
          tell();
        };
        collected.push(await collectRun(remote, run, { entity, project }, folder, onRows, signal));
        tell();
      }
    };
    tell();
    // What the others come to is that they were stopped.
    const failed: unknown[] = [];
    const works = Array.from({ length: RUNS_AT_ONCE }, () =>
      work().catch((error: unknown) => {
        failed.push(error);
        ended.abort();
      }),
    );
    // Nobody writes any more when the lock is given back.
    await Promise.all(works);
    if (failed.length > 0) throw failed[0];
    return { folder, runs: collected, missing };
  } finally {
    unlock();
  }
}

async function collectRun(
  remote: RemoteRuns,
  run: RemoteRun,
  at: { entity: string; project: string },
  folder: string,
  onRows: (count: number) => void,
  signal: AbortSignal,
): Promise<CollectedRun> {
  const kept = new RunFolder(join(folder, nameOf(run.name)));
  const result: CollectedRun = {
    id: run.name,
    outcome: "kept",
    rows: kept.note?.rows ?? 0,
    newRows: 0,
    unreadable: 0,
    cause: undefined,
  };
  if (kept.isCurrent(run)) return result;
  try {
    const details = await remote.details(run.name);
    const { nextStep } = kept.begin(at, run, details);
    for await (const part of remote.history(run.name, nextStep, details.lastStep)) {
      kept.append(part);
      result.newRows += part.lines.length;
      result.unreadable += part.unreadable;
      onRows(part.lines.length);
    }
    kept.end();
    result.outcome = "fetched";
  } catch (error) {
    // One run that the server cannot give costs no other; the disk costs them all.
    const isOfServer =
      error instanceof WandbRefusal || isFailure(error, "wandb.no-project") || isShape(error);
    if (signal.aborted || !isOfServer) throw error;
    result.outcome = "failed";
    result.cause = isShape(error) ? "the server's answer is not in its known form" : messageOf(error);
  }
  result.rows = kept.note?.rows ?? 0;
  return result;
}

function isShape(error: unknown): boolean {
  return error instanceof Error && error.name === "ZodError";
}

/** A name from a server as the name of a folder. */
function nameOf(name: string): string {
  const safe = encodeURIComponent(name);
  return safe.startsWith(".") ? `%2E${safe.slice(1)}` : safe;
}

function lockAlone(path: string): () => void {
  try {
    return lockFile(path);
  } catch (error) {
    if (!isFailure(error, "state.locked")) throw error;
    throw wandbFailure("wandb.busy", {
      message: "another openvalidator downloads runs of this project",
      hint: "wait for it, or stop it; the next download goes on where it ended",
      cause: error,
    });
  }
}
