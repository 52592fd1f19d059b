import { log } from "../../base/log.ts";
import type { Row } from "../../wandb/row.ts";

/** What the gateway does with the rows of a run; must not throw. */
export type TakeRows = (rows: Row[]) => void;

/** Rows of a few steps; the SDK sends what it has every few seconds. */
const MAX_BODY_BYTES = 512 << 20;
const HISTORY = "wandb-history.jsonl";

/**
 * The W&B server that the SDK knows: on the loopback interface, with a key of its own. It takes every row at once and has
 * no bad day, which the SDK could not bear: its retry sends nothing again, and without an answer it waits for ever.
 */
export class Gateway {
  /** Random, since every user of this machine can reach the port. */
  readonly key = crypto.randomUUID().replaceAll("-", "") + crypto.randomUUID().slice(0, 8);
  readonly #server: Bun.Server<undefined>;
  readonly #runs = new Map<string, TakeRows>();

  constructor() {
    this.#server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      maxRequestBodySize: MAX_BODY_BYTES,
      fetch: (request) => this.#answer(request),
      error: (error) => {
        log.debug("The W&B gateway failed at a request", { error });
        return new Response(null, { status: 500 });
      },
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.port}`;
  }

  /** Rows of this run go to `take` from now on. */
  open(id: string, take: TakeRows): void {
    this.#runs.set(id, take);
  }

  close(id: string): void {
    this.#runs.delete(id);
  }

  stop(): Promise<void> {
    return this.#server.stop(true);
  }

  async #answer(request: Request): Promise<Response> {
    const wanted = `Basic ${Buffer.from(`api:${this.key}`).toString("base64")}`;
    if (request.headers.get("authorization") !== wanted) return new Response(null, { status: 401 });
    const { pathname } = new URL(request.url);
    const body = (await request.json()) as {
      operationName?: string;
      variables?: { name: string; project: string; entity: string; displayName?: string };
      files?: Record<string, { content: string[] }>;
    };
    if (pathname === "/graphql") {
      if (body.operationName === "Viewer")
        return Response.json({
          data: { viewer: { id: "", entity: "here", flags: "{}", teams: { edges: [] } } },
        });
      const { name, project, entity, displayName } = body.variables!;
      const bucket = {
        id: "",
        name,
        displayName: displayName ?? name,
        project: { id: "", name: project, entity: { id: "", name: entity } },
      };
      return Response.json({ data: { upsertBucket: { inserted: true, bucket } } });
    }
    const take = this.#runs.get(decodeURIComponent(pathname.split("/")[4] ?? ""));
    // The SDK's own step, time and offset are those of its queue; the row has those of the event.
    take?.((body.files?.[HISTORY]?.content ?? []).map(rowOf));
    return Response.json({ exitcode: null, limits: {} });
  }
}

function rowOf(line: string): Row {
  const { _step, _runtime, _timestamp, ...row } = JSON.parse(line) as Row;
  return row;
}
