import { log } from "../base/log.ts";

export type Route = (request: Request) => Response | Promise<Response>;

/** Answered at once; the live pages' streams count too. */
const MAX_REQUESTS = 64;
/** A GET needs no body. */
const MAX_BODY_BYTES = 1024;
/** Seconds after which a silent connection is closed. */
const IDLE_S = 10;
/** A page of another site may point its own name at this machine (DNS rebinding); its requests carry that name. */
const OWN_NAMES = new Set(["127.0.0.1", "localhost", "[::1]", "::1"]);

/**
 * The one HTTP server: on the loopback address, GET only, nothing but what was registered. It answers from memory, so
 * that nobody who asks can hold up a step.
 */
export class TelemetryServer {
  readonly #routes: ReadonlyMap<string, Route>;
  readonly #server: Bun.Server<undefined>;
  #open = 0;
  #refused = 0;

  /**
   * @param port 0 = any that is free
   * @throws Error of the system when the port is taken
   */
  constructor(port: number, routes: ReadonlyMap<string, Route>) {
    this.#routes = routes;
    this.#server = Bun.serve({
      hostname: "127.0.0.1",
      port,
      idleTimeout: IDLE_S,
      maxRequestBodySize: MAX_BODY_BYTES,
      development: false,
      // Bun shares a port among processes where it is not for development, and a second validator would never hear of it.
      reusePort: false,
      fetch: (request) => this.#answer(request),
      error: (error) => {
        log.warn("A request to the telemetry server failed", { error });
        return plain(500, "this went wrong; the log says more");
      },
    });
  }

  get port(): number {
    return this.#server.port!;
  }

  /** Requests that were turned away, for any reason. */
  get refused(): number {
    return this.#refused;
  }

  async close(): Promise<void> {
    await this.#server.stop(true);
  }

  async #answer(request: Request): Promise<Response> {
    const url = new URL(request.url);
    if (!OWN_NAMES.has(url.hostname)) return this.#refuse(403, "ask for it by a name of this machine");
    if (request.method !== "GET") return this.#refuse(405, "only GET", { allow: "GET" });
    const route = this.#routes.get(url.pathname);
    if (route === undefined) return this.#refuse(404, [...this.#routes.keys()].join("\n"));
    if (this.#open >= MAX_REQUESTS) return this.#refuse(503, "too many requests at once");
    this.#open++;
    let isStream = false;
    try {
      const response = await route(request);
      isStream = response.headers.get("content-type")?.startsWith("text/event-stream") ?? false;
      if (isStream)
        request.signal.addEventListener("abort", () => void this.#open--, {
          once: true,
        });
      return response;
    } finally {
      if (!isStream) this.#open--;
    }
  }

  #refuse(status: number, text: string, headers: Record<string, string> = {}): Response {
    this.#refused++;
    return plain(status, text, headers);
  }
}

/** An answer in plain text, for curl and supervisors. */
export function plain(status: number, text: string, headers: Record<string, string> = {}): Response {
  return new Response(`${text}\n`, {
    status,
    headers: {
      "content-type": "text/plain; charset=utf-8",
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
      ...headers,
    },
  });
}

/** A value as JSON that no page of another site may read. */
export function json(value: unknown, status = 200): Response {
  return Response.json(value, {
    status,
    headers: {
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
      "cross-origin-resource-policy": "same-origin",
    },
  });
}
