/** Server-sent events to a few browsers, each with a bounded buffer; whoever reads too slowly misses some and is told. */

/** Browsers beyond these are refused: a page is for an operator, not for the public. */
const MAX_CLIENTS = 8;
/** What may wait for one browser. */
const MAX_WAITING_BYTES = 256 << 10;
/** Shorter than the ten seconds after which Bun.serve ends a silent connection. */
const KEEP_ALIVE_MS = 5_000;

const HEADERS = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
};

const encoder = new TextEncoder();

interface Client {
  controller: ReadableStreamDefaultController<Uint8Array>;
  /** Messages that this browser missed since it was told last. */
  missed: number;
}

export interface EventStreamsState {
  clients: number;
  /** Messages that some browser never got. */
  dropped: number;
  refused: number;
}

export class EventStreams {
  readonly #clients = new Set<Client>();
  #dropped = 0;
  #refused = 0;
  #timer: ReturnType<typeof setInterval> | undefined;

  get state(): EventStreamsState {
    return { clients: this.#clients.size, dropped: this.#dropped, refused: this.#refused };
  }

  /** @param first messages that a new browser gets at once: what it needs to know of the past */
  open(first: () => { name: string; data: unknown }[], signal?: AbortSignal): Response {
    if (this.#clients.size >= MAX_CLIENTS) {
      this.#refused++;
      return new Response(`at most ${MAX_CLIENTS} pages at a time\n`, {
        status: 503,
        headers: { "retry-after": "30", "content-type": "text/plain; charset=utf-8" },
      });
    }
    let client: Client | undefined;
    const stream = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          client = { controller, missed: 0 };
          this.#clients.add(client);
          signal?.addEventListener("abort", () => this.#remove(client!), { once: true });
          controller.enqueue(encoder.encode("retry: 3000\n\n"));
          for (const { name, data } of first()) controller.enqueue(bytesOf(name, data));
          this.#keepAlive();
        },
        cancel: () => this.#remove(client!),
      },
      new ByteLengthQueuingStrategy({ highWaterMark: MAX_WAITING_BYTES }),
    );
    return new Response(stream, { headers: HEADERS });
  }

  /** Never waits and never throws. */
  send(name: string, data: unknown): void {
    if (this.#clients.size === 0) return;
    const bytes = bytesOf(name, data);
    for (const client of this.#clients) this.#offer(client, bytes);
  }

  close(): void {
    for (const client of [...this.#clients]) this.#remove(client);
  }

  #offer(client: Client, bytes: Uint8Array): void {
    const { controller } = client;
    const notice = client.missed > 0 ? bytesOf("missed", { messages: client.missed }) : undefined;
    const needed = bytes.length + (notice?.length ?? 0);
    if ((controller.desiredSize ?? 0) < needed) {
      client.missed++;
      this.#dropped++;
      return;
    }
    try {
      if (notice) controller.enqueue(notice);
      client.missed = 0;
      controller.enqueue(bytes);
    } catch {
      this.#remove(client); // the browser went away between two messages
    }
  }

  #remove(client: Client): void {
    if (!this.#clients.delete(client)) return;
    try {
      client.controller.close();
    } catch {
      // closed already by the browser's going away
    }
    if (this.#clients.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Keeps the connections open, and finds those whose browser is gone. */
  #keepAlive(): void {
    this.#timer ??= setInterval(() => {
      const comment = encoder.encode(":\n\n");
      for (const client of this.#clients)
        if ((client.controller.desiredSize ?? 0) >= comment.length) client.controller.enqueue(comment);
    }, KEEP_ALIVE_MS);
    this.#timer.unref?.();
  }
}

function bytesOf(name: string, data: unknown): Uint8Array {
  return encoder.encode(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
}
