import { noteSecrets } from "../canaries.ts";
import { DoubleArtifacts, type StoredArtifact } from "./double-artifacts.ts";
import { fieldOf, matches, parseLoose } from "./double-filter.ts";
import { projectNode, runNode, viewerOf } from "./double-nodes.ts";
import { DoubleStorage, fileNode, pageOf, type StoredFile } from "./double-storage.ts";

/** What goes wrong at requests that match, so many times. */
export interface Fault {
  /** Against "METHOD /path Operation". */
  match: Pick<RegExp, "test">;
  times: number;
  status?: number;
  headers?: Record<string, string>;
  body?: string;
  /**
   * hang: no answer · endless: an answer that never ends · taken: the server acts, and the answer is lost ·
   * cut: the connection ends within the answer.
   */
  kind?: "hang" | "endless" | "taken" | "cut";
}

export interface Seen {
  atMs: number;
  path: string;
  operation: string | undefined;
  status: number | undefined;
  variables: Record<string, unknown> | undefined;
  body: StreamBody | undefined;
}

export interface StreamBody {
  files?: Record<string, { offset: number; content: string[] }>;
  uploaded?: string[];
  complete?: boolean;
  exitcode?: number;
}

export interface StoredRun {
  id: string;
  name: string;
  entity: string;
  project: string;
  displayName: string;
  createdAt: string;
  beatMs: number;
  /** Rows and documents as they were sent. */
  history: string[];
  events: string[];
  output: string[];
  config: string;
  summary: string;
  tags: string[];
  notes: string | undefined;
  isDone: boolean;
  exitCode: number;
  uploaded: string[];
  /** Offsets beyond what had arrived: lost rows. */
  gaps: { file: string; had: number; offset: number }[];
  /** Files beside it, by name. */
  files: Map<string, StoredFile>;
  /** Somebody pressed Stop. */
  isStopped: boolean;
  /** Lines that were sent again with another text. */
  changed: number;
}

/** Of a run that was only begun. */
export function nothingYet(): Omit<
  StoredRun,
  "id" | "name" | "entity" | "project" | "displayName" | "createdAt"
> {
  return {
    beatMs: Date.now(),
    history: [],
    events: [],
    output: [],
    config: "{}",
    summary: "{}",
    tags: [],
    notes: undefined,
    isDone: false,
    exitCode: 0,
    uploaded: [],
    gaps: [],
    files: new Map(),
    isStopped: false,
    changed: 0,
  };
}

type Variables = Record<string, unknown> & { entity?: string; project?: string };

interface DoubleOptions {
  port?: number;
  key?: string;
  /** Entity of the key. */
  entity?: string;
  /** Entities to which the key may write; all when left out. */
  writable?: string[];
  staleMs?: number;
  /** Lists runs as the real server does at times: runs and cursors again, and empty pages that are not the end. */
  isListShaky?: boolean;
}

class HttpError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/**
 * Test double of the W&B backend: enough of its GraphQL, file_stream and storage for @wandb/sdk 0.5.1, for our uploader,
 * and for init, log, finish, resume, sync, runs and histories of the official Python client (wandb 0.31.0).
 */
export class WandbDouble {
  readonly runs = new Map<string, StoredRun>();
  readonly log: Seen[] = [];
  readonly faults: Fault[] = [];
  readonly #options: DoubleOptions;
  #server: Bun.Server<undefined>;
  readonly #storage = new DoubleStorage();
  readonly #artifacts: DoubleArtifacts;
  #lists = 0;

  constructor(options: DoubleOptions = {}) {
    this.#options = options;
    this.#artifacts = new DoubleArtifacts(
      this.#storage,
      () => this.url,
      (name, entity) => projectNode(name, entity, this.#own),
      (status, message) => new HttpError(status, message),
    );
    this.#server = this.#serve(options.port ?? 0);
  }

  /** Back after a stop, with the runs of before. */
  start(port: number): void {
    this.#server = this.#serve(port);
  }

  #serve(port: number): Bun.Server<undefined> {
    return Bun.serve({
      hostname: "127.0.0.1",
      port,
      idleTimeout: 0,
      maxRequestBodySize: 1 << 30,
      fetch: (request) => this.#answer(request),
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.port}`;
  }

  get port(): number {
    return this.#server.port!;
  }

  /** Versions of artifacts, oldest first. */
  get artifacts(): readonly StoredArtifact[] {
    return this.#artifacts.all;
  }

  stop(): Promise<void> {
    return this.#server.stop(true);
  }

  /** The rows of a run, parsed; the only run's when no name is given. */
  rows(name?: string): Record<string, unknown>[] {
    const run = name === undefined ? [...this.runs.values()][0] : this.run(name);
    return (run?.history ?? []).map((line) => parseLoose(line) as Record<string, unknown>);
  }

  run(name: string): StoredRun | undefined {
    return [...this.runs.values()].find((run) => run.name === name);
  }

  async #answer(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    const raw = new Uint8Array(await request.arrayBuffer());
    const isStorage = pathname.startsWith("/storage/");
    const plain = request.headers.get("content-encoding") === "gzip" ? Bun.gunzipSync(raw) : raw;
    const body = plain.length > 0 && !isStorage ? parseLoose(Buffer.from(plain).toString("utf8")) : {};
    const { query, variables } = body as { query?: string; variables?: Variables };
    // Queries of the Python client carry no operationName and may begin with a comment.
    const operation = /\b(?:query|mutation)\s+(\w+)/.exec(query ?? "")?.[1];
    const isGraphql = pathname === "/graphql";
    const seen: Seen = {
      atMs: Date.now(),
      path: pathname,
      operation,
      status: undefined,
      variables,
      body: isGraphql || isStorage ? undefined : (body as StreamBody),
    };
    this.log.push(seen);
    // The key goes into one header, and nothing else into any place.
    const others = [...request.headers].filter(([name]) => name !== "authorization");
    noteSecrets(`what W&B is sent to ${pathname}`, JSON.stringify([request.url, others, body]));
    const answer = (data: unknown, status = 200, headers: Record<string, string> = {}): Response => {
      seen.status = status;
      return new Response(typeof data === "string" ? data : JSON.stringify(data), { status, headers });
    };
    const fault = this.#fault(`${request.method} ${pathname} ${operation ?? ""}`);
    if (fault?.kind === "hang") return new Promise<Response>(() => undefined);
    if (fault?.kind === "endless") return new Response(endless());
    if (fault?.kind === "cut") return new Response(cutOff());
    if (fault?.status !== undefined && fault.kind !== "taken")
      return answer(fault.body ?? { error: "injected" }, fault.status, fault.headers);
    if (isStorage) {
      const stored = this.#storage.answer(request, pathname, raw);
      seen.status = stored.status;
      return stored;
    }
    try {
      this.#checkKey(request);
      const data = isGraphql
        ? { data: this.#graphql(operation, variables ?? {}) }
        : this.#fileStream(pathname, body as StreamBody);
      return fault?.kind === "taken" ? answer("", fault.status ?? 502) : answer(data);
    } catch (error) {
      if (!(error instanceof HttpError)) throw error;
      return answer({ data: null, errors: [{ message: error.message }] }, error.status);
    }
  }

  #fault(subject: string): Fault | undefined {
    const fault = this.faults.find(({ times, match }) => times > 0 && match.test(subject));
    if (fault) fault.times--;
    return fault;
  }

  #checkKey(request: Request): void {
    const { key } = this.#options;
    const wanted = `Basic ${Buffer.from(`api:${key}`).toString("base64")}`;
    if (key !== undefined && request.headers.get("authorization") !== wanted)
      throw new HttpError(401, "invalid api key");
  }

  get #own(): string {
    return this.#options.entity ?? "local";
  }

  #find({ entity, entityName, project, projectName, run, name, runName }: Variables): StoredRun | undefined {
    const at = `${entity || entityName || this.#own}/${project ?? projectName}`;
    return this.runs.get(`${at}/${run ?? name ?? runName}`);
  }

  stateOf(run: StoredRun): string {
    if (run.isDone) return run.exitCode === 0 ? "finished" : "failed";
    return Date.now() - run.beatMs > (this.#options.staleMs ?? 300_000) ? "crashed" : "running";
  }

  #graphql(operation: string | undefined, variables: Variables): unknown {
    const node = (run: StoredRun): Record<string, unknown> => runNode(run, this.stateOf(run), this.#own);
    const project = (name: unknown, entity: unknown): object => projectNode(name, entity, this.#own);
    const ofArtifacts = this.#artifacts.answer(operation, variables);
    if (ofArtifacts !== undefined) return ofArtifacts;
    const ofRun = (fields: (run: StoredRun) => object): unknown => {
      const run = this.#find(variables);
      return {
        project: {
          ...project(variables.project, variables.entity ?? this.#own),
          run: run ? fields(run) : null,
        },
      };
    };
    switch (operation) {
      case "Viewer":
      case "GetViewer":
      case "GetDefaultEntity":
        return { viewer: viewerOf(this.#own) };
      case "ServerFeaturesQuery":
        return { serverInfo: { features: [] } };
      case "OrganizationCoreWeaveOrganizationID":
        return { entity: { organization: { coreWeaveOrganizationId: null } } };
      case "UpsertBucket": {
        const { run, isNew } = this.#upsert(variables);
        return {
          upsertBucket: {
            inserted: isNew,
            bucket: { ...node(run), project: project(run.project, run.entity) },
          },
        };
      }
      case "RunResumeStatus": {
        const run = this.#find(variables);
        return {
          model: {
            ...project(variables.project, variables.entity),
            bucket: run
              ? {
                  ...node(run),
                  logLineCount: run.output.length,
                  eventsLineCount: run.events.length,
                  historyTail: JSON.stringify(run.history.slice(-1)),
                  eventsTail: JSON.stringify(run.events.slice(-1)),
                }
              : null,
          },
        };
      }
      case "Runs": {
        const filter = JSON.parse((variables.filters as string) || "{}") as Record<string, unknown>;
        const list = [...this.runs.values()].filter(
          (run) =>
            run.entity === variables.entity &&
            run.project === variables.project &&
            matches({ ...run, state: this.stateOf(run) }, filter, HttpError),
        );
        const key = String(variables.order || "+created_at").replace(/^[+-]/, "");
        const sign = String(variables.order).startsWith("-") ? -1 : 1;
        list.sort((a, b) => (String(fieldOf(a, key)) < String(fieldOf(b, key)) ? -sign : sign));
        const from = Number(variables.cursor ?? 0);
        const shake = this.#options.isListShaky ? this.#lists++ % 4 : 0;
        // An empty page, one that begins with runs of the one before, and one whose cursor leads to itself.
        const page =
          shake === 1
            ? []
            : list.slice(Math.max(0, from - 7 * shake), from + Number(variables.perPage ?? 50));
        const end = shake === 1 || shake === 3 ? from : list.indexOf(page.at(-1)!) + 1;
        return {
          project: {
            ...project(variables.project, variables.entity),
            runCount: list.length,
            runs: {
              totalCount: list.length,
              edges: page.map((run, index) => ({ node: node(run), cursor: String(from + index + 1) })),
              pageInfo: { endCursor: String(end), hasNextPage: end < list.length },
            },
          },
        };
      }
      case "Run":
      case "RunState":
      case "RunHistoryKeys":
        return ofRun(node);
      case "HistoryPage": {
        const { minStep, maxStep } = variables as { minStep?: number; maxStep?: number };
        return ofRun(({ history }) => ({
          history: history.filter((line) => {
            const step = Number((parseLoose(line) as { _step: number })._step);
            return step >= minStep! && step < maxStep!;
          }),
        }));
      }
      case "RunFullHistory":
        return ofRun(({ history, events }) => ({ history, events }));
      case "RunParquetHistory":
        return ofRun(({ history }) => ({
          parquetHistory: {
            parquetUrls: [],
            liveData: history.map((line) => ({ _step: (parseLoose(line) as { _step: number })._step })),
          },
        }));
      case "RunFiles": {
        const wanted = variables.fileNames as string[] | undefined;
        return ofRun((run) => {
          const list = [...run.files.values()].filter(
            ({ name, bytes }) => bytes !== undefined && (!wanted?.length || wanted.includes(name)),
          );
          return { fileCount: list.length, files: pageOf(list, (file) => fileNode(this.url, file)) };
        });
      }
      case "CreateRunFiles": {
        const run = this.#find(variables);
        if (run === undefined) throw new HttpError(404, "run not found");
        const files = (variables.files as string[]).map((name) => {
          const file = this.#storage.make(name);
          run.files.set(name, file);
          return { name, uploadUrl: this.url + file.path };
        });
        return { createRunFiles: { runID: run.id, uploadHeaders: [], files } };
      }
      default:
        // Not 500, which clients would repeat for long.
        throw new HttpError(400, `unknown operation ${operation}`);
    }
  }

  #upsert(variables: Variables): { run: StoredRun; isNew: boolean } {
    const { writable } = this.#options;
    const entity = variables.entity || this.#own;
    if (writable !== undefined && !writable.includes(entity)) throw new HttpError(403, "permission denied");
    let run = this.#find({ ...variables, entity });
    const isNew = run === undefined;
    if (run === undefined) {
      const { name, project, displayName } = variables as Record<string, string>;
      run = {
        id: `Run:${name}`,
        name: name!,
        entity,
        project: project!,
        displayName: displayName || `run-${this.runs.size + 1}`,
        createdAt: new Date().toISOString(),
        ...nothingYet(),
      };
      this.runs.set(`${entity}/${project}/${name}`, run);
    }
    // null and the empty string mean "as before".
    const { tags, notes, displayName, config, summaryMetrics: summary } = variables;
    for (const [name, value] of Object.entries({ tags, notes, displayName, config, summary }))
      if (value) Object.assign(run, { [name]: value });
    return { run, isNew };
  }

  #fileStream(path: string, body: StreamBody): unknown {
    const [, , entity, project, name] = path.split("/").map(decodeURIComponent);
    const run = this.runs.get(`${entity}/${project}/${name}`);
    if (run === undefined) throw new HttpError(404, "run not found");
    run.beatMs = Date.now();
    const lists: Record<string, string[]> = {
      "wandb-history.jsonl": run.history,
      "wandb-events.jsonl": run.events,
      "output.log": run.output,
    };
    for (const [file, { offset, content }] of Object.entries(body.files ?? {})) {
      const list = lists[file];
      if (list === undefined) {
        if (file === "wandb-summary.json") run.summary = content.at(-1)!;
        continue;
      }
      if (offset > list.length) run.gaps.push({ file, had: list.length, offset });
      for (const [index, line] of content.entries()) {
        const before = list[offset + index];
        if (before !== undefined && before !== line) run.changed++;
        list[offset + index] = line;
      }
    }
    run.uploaded.push(...(body.uploaded ?? []));
    if (body.complete) {
      run.isDone = true;
      run.exitCode = body.exitcode ?? 0;
    } else if (Object.keys(body.files ?? {}).length > 0) run.isDone = false;
    return { exitcode: null, limits: {}, ...(run.isStopped && { stopped: true }) };
  }
}

/** The beginning of an answer, and then an error of the connection. */
function cutOff(): ReadableStream<Uint8Array> {
  return new ReadableStream({
    async pull(controller) {
      controller.enqueue(new TextEncoder().encode('{"data": {"project"'));
      await Bun.sleep(1);
      controller.error(new Error("cut"));
    },
  });
}

/** A megabyte at a time, for ever. */
function endless(): ReadableStream<Uint8Array> {
  return new ReadableStream({
    async pull(controller) {
      await Bun.sleep(5);
      controller.enqueue(new Uint8Array(1 << 18).fill(0x20));
    },
  });
}
