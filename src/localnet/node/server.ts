import type { Chain } from "./chain.ts";
import type { Block } from "./header.ts";
import type { Rpc, RpcRequest, Subscriber, Subscription } from "./rpc.ts";

type Socket = Bun.ServerWebSocket<Connection>;

/** One request may carry a list of thousands of storage keys. */
const LARGEST_MESSAGE_BYTES = 16 * 1024 * 1024;
/** A client that does not read what it asked for is cut off. */
const LARGEST_BACKLOG_BYTES = 64 * 1024 * 1024;
const PARSE_ERROR = -32_700;
const INVALID_REQUEST = -32_600;

/** Requests and subscriptions of one websocket. */
class Connection implements Subscriber {
  readonly subscriptions = new Map<string, Subscription>();
  socket: Socket | null = null;
  #replays: (() => void)[] = [];
  #lastId = 0;

  open(subscription: Subscription, replay: () => void): string {
    subscription.id = `s${++this.#lastId}`;
    this.subscriptions.set(subscription.id, subscription);
    this.#replays.push(replay);
    return subscription.id;
  }

  close(id: string): boolean {
    return this.subscriptions.delete(id);
  }

  notify({ id, method }: Subscription, result: unknown): void {
    if (!this.subscriptions.has(id)) return;
    this.send({ jsonrpc: "2.0", method, params: { subscription: id, result } });
  }

  send(message: object): void {
    this.socket?.send(JSON.stringify(message));
  }

  /** First notifications of the subscriptions that the answers just sent have named. */
  replay(): void {
    for (const first of this.#replays.splice(0)) first();
  }
}

/** The websocket side of the node, on loopback only. */
export class RpcServer {
  readonly #server: Bun.Server<Connection>;
  readonly #connections = new Set<Connection>();
  readonly #rpc: Rpc;
  readonly #stopListening: () => void;
  #lastFinalized: string;
  /** While the node is stalled, messages wait here and are answered at the end. */
  #held: (() => void)[] | null = null;

  constructor(rpc: Rpc, chain: Chain, host: string, port: number) {
    this.#rpc = rpc;
    this.#lastFinalized = chain.finalized.hash;
    this.#server = Bun.serve<Connection>({
      hostname: host,
      port,
      fetch(request, server) {
        if (server.upgrade(request, { data: new Connection() })) return undefined;
        return new Response("This is the JSON-RPC websocket of a localnet node.\n", { status: 426 });
      },
      websocket: {
        maxPayloadLength: LARGEST_MESSAGE_BYTES,
        backpressureLimit: LARGEST_BACKLOG_BYTES,
        closeOnBackpressureLimit: true,
        open: (socket) => {
          socket.data.socket = socket;
          this.#connections.add(socket.data);
        },
        message: (socket, message) => this.#hold(() => this.#receive(socket.data, String(message))),
        close: (socket) => {
          socket.data.socket = null;
          this.#connections.delete(socket.data);
        },
      },
    });
    this.#stopListening = chain.onBlock((block) => this.#hold(() => this.#announce(chain, block)));
  }

  get port(): number {
    return this.#server.port!;
  }

  /** Tells all clients of a new runtime. */
  announceVersion(): void {
    this.#each("version", (connection, subscription) => connection.notify(subscription, this.#rpc.version()));
  }

  /** Cuts every websocket without a goodbye, as a crashed node does. */
  dropConnections(): void {
    for (const { socket } of this.#connections) socket?.terminate();
  }

  /** Keeps sockets open and says nothing until `resume`. */
  hold(): void {
    this.#held ??= [];
  }

  resume(): void {
    const held = this.#held ?? [];
    this.#held = null;
    for (const work of held) work();
  }

  async stop(): Promise<void> {
    this.#stopListening();
    await this.#server.stop(true);
  }

  #hold(work: () => void): void {
    if (this.#held) this.#held.push(work);
    else work();
  }

  #receive(connection: Connection, message: string): void {
    const parsed = parse(message);
    if (parsed === undefined) {
      connection.send({ jsonrpc: "2.0", id: null, error: { code: PARSE_ERROR, message: "Parse error" } });
      return;
    }
    const answers = (Array.isArray(parsed) ? parsed : [parsed]).map((request) =>
      this.#answer(connection, request),
    );
    connection.send(Array.isArray(parsed) ? answers : answers[0]!);
    connection.replay();
  }

  #answer(connection: Connection, request: unknown): object {
    if (!isRequest(request))
      return { jsonrpc: "2.0", id: null, error: { code: INVALID_REQUEST, message: "Invalid request" } };
    const { id, method, params } = request;
    return this.#rpc.answer({ id, method, params: params ?? [] }, connection);
  }

  #announce(chain: Chain, block: Block): void {
    const parent = chain.blockAt(block.parentHash);
    const previous = parent && chain.stateAt(parent);
    this.#each("heads", (connection, subscription) =>
      connection.notify(subscription, this.#rpc.header(block)),
    );
    const { finalized } = chain;
    if (finalized.hash !== this.#lastFinalized)
      this.#each("finalized", (connection, subscription) =>
        connection.notify(subscription, this.#rpc.header(finalized)),
      );
    this.#lastFinalized = finalized.hash;
    this.#each("storage", (connection, subscription) => {
      const changes = this.#rpc.storageChanges(block, subscription.keys, previous);
      if (changes) connection.notify(subscription, changes);
    });
  }

  #each(
    kind: Subscription["kind"],
    tell: (connection: Connection, subscription: Subscription) => void,
  ): void {
    for (const connection of this.#connections)
      for (const subscription of connection.subscriptions.values())
        if (subscription.kind === kind) tell(connection, subscription);
  }
}

function parse(message: string): unknown {
  try {
    return JSON.parse(message);
  } catch {
    // Not JSON: the caller answers with the protocol's parse error.
    return undefined;
  }
}

function isRequest(value: unknown): value is Omit<RpcRequest, "params"> & { params?: unknown[] } {
  if (typeof value !== "object" || value === null) return false;
  const { method, params } = value as { method?: unknown; params?: unknown };
  return typeof method === "string" && (params === undefined || Array.isArray(params));
}
