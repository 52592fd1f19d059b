import { z } from "zod";
import { isFailure, messageOf } from "../base/error.ts";
import { NetFailure } from "../net/failure.ts";
import { type PostOptions, post } from "../net/post.ts";

export const WANDB_URL = "https://api.wandb.ai";

/** Answers are small; one that never ends is none. */
const MAX_ANSWER_BYTES = 1 << 20;
/** As the official client has them. */
const GRAPHQL_TIMEOUT_MS = 30_000;
const STREAM_TIMEOUT_MS = 180_000;
/** A server that asks for more is asked again after this. */
const MAX_RETRY_AFTER_MS = 3_600_000;
/** Answers that stay the same however often one asks. 409 is one on file_stream, and none when a run is made. */
const FINAL = new Set([301, 302, 307, 308, 400, 401, 403, 404, 410, 413, 422, 501]);

/** Why a request to W&B failed. */
export class WandbRefusal extends Error {
  override readonly name = "WandbRefusal";
  /** HTTP status; 0 without an answer. A GraphQL answer with errors has 200. */
  readonly status: number;
  /** Trying again changes nothing. */
  readonly isFinal: boolean;
  readonly retryAfterMs: number | undefined;

  constructor(message: string, status: number, isFinal: boolean, retryAfterMs?: number) {
    super(message);
    this.status = status;
    this.isFinal = isFinal;
    this.retryAfterMs = retryAfterMs;
  }
}

export interface ApiTimeouts {
  graphql: number;
  stream: number;
}

export interface WandbApiOptions {
  /** Of the server, without a slash at its end. */
  url: string;
  /** undefined where only public things are read. */
  key: string | undefined;
  /** An answer that is longer counts as none; a megabyte when left out. */
  maxAnswerBytes?: number;
  /** Told of every answer how long the server wants to be left alone after it. */
  onPause?: (ms: number) => void;
  /** For tests. */
  timeoutsMs?: ApiTimeouts | undefined;
}

const graphqlAnswer = z.object({
  data: z.unknown(),
  errors: z.array(z.object({ message: z.string() })).optional(),
});
/** The `stopped` of a server that has no such word is no. */
const streamAnswer = z.object({ stopped: z.unknown() }).catch({ stopped: false });
const viewerAnswer = z.object({ viewer: z.object({ entity: z.string().min(1) }).nullable() });
const upsertAnswer = z.object({
  upsertBucket: z.object({
    bucket: z.object({
      displayName: z.string().nullish(),
      historyLineCount: z.int().nullish(),
      project: z.object({ name: z.string(), entity: z.object({ name: z.string() }) }).nullish(),
    }),
  }),
});

const VIEWER = "query Viewer { viewer { id entity username flags teams { edges { node { id name } } } } }";
const UPSERT = `mutation UpsertBucket($id: String, $name: String, $project: String, $entity: String, $groupName: String, $description: String, $displayName: String, $notes: String, $commit: String, $config: JSONString, $host: String, $debug: Boolean, $program: String, $repo: String, $jobType: String, $state: String, $sweep: String, $tags: [String!], $summaryMetrics: JSONString) {
  upsertBucket(input: {id: $id, name: $name, groupName: $groupName, modelName: $project, entityName: $entity, description: $description, displayName: $displayName, notes: $notes, config: $config, commit: $commit, host: $host, debug: $debug, jobProgram: $program, jobRepo: $repo, jobType: $jobType, state: $state, sweep: $sweep, tags: $tags, summaryMetrics: $summaryMetrics}) {
    bucket { id name displayName description config historyLineCount project { id name entity { id name } } }
    inserted
  }
}`;

export interface UpsertVariables {
  name: string;
  project: string;
  entity: string;
  displayName: string;
  notes: string;
  tags: string[];
  config: string;
}

/** Where a run is. */
export interface RunPlace {
  entity: string;
  project: string;
}

/** Where the server wants a file. */
export interface UploadPlace {
  /** Signed: to be shown to nobody. */
  address: string;
  headers: readonly string[];
}

/** The server's side of a run. */
export interface KnownRun extends RunPlace {
  /** Lines of the history that it has; undefined when it does not say. */
  historyLines: number | undefined;
}

/** Requests to a W&B server. Each throws WandbRefusal, or Failure `deadline.aborted` when the signal comes. */
export class WandbApi {
  readonly #options: WandbApiOptions;

  constructor(options: WandbApiOptions) {
    this.#options = options;
  }

  /** The entity that belongs to the key. */
  async viewer(signal?: AbortSignal): Promise<string> {
    const { viewer } = viewerAnswer.parse(await this.graphql(VIEWER, {}, signal));
    if (viewer === null) throw new WandbRefusal("the W&B key is not known to the server", 401, true);
    return viewer.entity;
  }

  /** Makes the run, or changes it; doing it twice is as doing it once. */
  async upsert(variables: UpsertVariables, signal?: AbortSignal): Promise<KnownRun> {
    const { bucket } = upsertAnswer.parse(await this.graphql(UPSERT, { ...variables }, signal)).upsertBucket;
    return {
      entity: bucket.project?.entity.name ?? variables.entity,
      project: bucket.project?.name ?? variables.project,
      historyLines: bucket.historyLineCount ?? undefined,
    };
  }

  /**
   * @param body of JSON
   * @returns whether somebody pressed Stop on the page of the run
   */
  async fileStream(
    at: RunPlace,
    id: string,
    body: string,
    signal?: AbortSignal,
  ): Promise<{ isStopped: boolean }> {
    const path = ["files", at.entity, at.project, id, "file_stream"].map(encodeURIComponent).join("/");
    const timeoutMs = this.#options.timeoutsMs?.stream ?? STREAM_TIMEOUT_MS;
    const { status, text } = await this.#post(`/${path}`, body, timeoutMs, signal);
    // Anything else than JSON is not W&B: a proxy's page, or a server in the middle of its start.
    try {
      return { isStopped: streamAnswer.parse(JSON.parse(text)).stopped === true };
    } catch {
      throw new WandbRefusal("the W&B server's answer is not JSON", status, false);
    }
  }

  /**
   * Brings a file to where the server wants it, which may be another server: the address is signed, and the key stays here.
   * @param headers "name:value", as the server gave them
   */
  async put(
    { address, headers }: UploadPlace,
    bytes: Uint8Array<ArrayBuffer>,
    signal?: AbortSignal,
  ): Promise<void> {
    const pairs = headers.map((header) => {
      const at = header.indexOf(":");
      return [header.slice(0, at).trim(), header.slice(at + 1).trim()] as const;
    });
    await this.#send(new URL(address, this.#options.url).href, bytes, {
      method: "PUT",
      headers: Object.fromEntries(pairs.filter(([name]) => name !== "")),
      timeoutMs: this.#options.timeoutsMs?.stream ?? STREAM_TIMEOUT_MS,
      signal,
    });
  }

  async graphql(query: string, variables: Record<string, unknown>, signal?: AbortSignal): Promise<unknown> {
    const name = /\b(?:query|mutation)\s+(\w+)/.exec(query)?.[1];
    const body = JSON.stringify({ query, variables, operationName: name });
    const timeoutMs = this.#options.timeoutsMs?.graphql ?? GRAPHQL_TIMEOUT_MS;
    const { status, text } = await this.#post("/graphql", body, timeoutMs, signal);
    let answer: z.infer<typeof graphqlAnswer>;
    try {
      answer = graphqlAnswer.parse(JSON.parse(text));
    } catch {
      throw new WandbRefusal("the W&B server's answer is not one of GraphQL", status, false);
    }
    if (answer.errors !== undefined && answer.errors.length > 0)
      throw new WandbRefusal(answer.errors[0]!.message.slice(0, 200), status, true);
    return answer.data;
  }

  #post(
    path: string,
    body: string,
    timeoutMs: number,
    signal: AbortSignal | undefined,
  ): Promise<{ status: number; text: string }> {
    const { url, key } = this.#options;
    const basic = Buffer.from(`api:${key}`).toString("base64");
    const headers = {
      ...(key !== undefined && { authorization: `Basic ${basic}` }),
      "content-type": "application/json",
    };
    return this.#send(`${url}${path}`, body, { headers, timeoutMs, signal });
  }

  async #send(
    address: string,
    body: string | Uint8Array<ArrayBuffer>,
    options: Omit<PostOptions, "maxAnswerBytes">,
  ): Promise<{ status: number; text: string }> {
    const { maxAnswerBytes = MAX_ANSWER_BYTES, onPause } = this.#options;
    try {
      const { status, headers, text } = await post(address, body, {
        ...options,
        maxAnswerBytes,
      });
      const pauseMs = retryAfterMs(headers);
      if (pauseMs !== undefined) onPause?.(pauseMs);
      if (status >= 200 && status < 300) return { status, text };
      const isFinal = FINAL.has(status) || (status === 409 && !address.endsWith("/graphql"));
      throw new WandbRefusal(`W&B answers HTTP status ${status}`, status, isFinal, pauseMs);
    } catch (error) {
      if (error instanceof WandbRefusal || isFailure(error, "deadline.aborted")) throw error;
      const isFinal = error instanceof NetFailure && error.retry === "no";
      throw new WandbRefusal(messageOf(error), 0, isFinal);
    }
  }
}

/** What the server wants waited: `Retry-After` in seconds or as a date, else an empty `RateLimit-Remaining`. */
function retryAfterMs(headers: Headers): number | undefined {
  const after = headers.get("retry-after");
  const left = Number(headers.get("ratelimit-remaining") ?? 1);
  const seconds =
    after === null
      ? left === 0
        ? Number(headers.get("ratelimit-reset"))
        : Number.NaN
      : /^\s*\d/.test(after) && !Number.isNaN(Number(after))
        ? Number(after)
        : (Date.parse(after) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.min(Math.max(0, seconds * 1000), MAX_RETRY_AFTER_MS) : undefined;
}
