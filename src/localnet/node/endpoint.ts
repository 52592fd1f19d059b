import { CONTROL_PATH } from "../remote.ts";
import type { Chain } from "./chain.ts";
import { type Alteration, EndpointFaults } from "./endpoint-faults.ts";
import { parseFault } from "./fault-words.ts";
import type { Block } from "./header.ts";
import { Rpc, type RpcRequest, type Subscription } from "./rpc.ts";
import type { StateCalls } from "./state-call.ts";
import { Subscriptions } from "./subscriptions.ts";

type Socket = Bun.ServerWebSocket<Connection>;

/** One request may carry a list of thousands of storage keys. */
const LARGEST_MESSAGE_BYTES = 16 * 1024 * 1024;
/** A client that does not read what it asked for is cut off. */
const LARGEST_BACKLOG_BYTES = 64 * 1024 * 1024;
/** What is no request at all, as JSON-RPC words it. */
const PARSE_ERROR = { code: -32_700, message: "Parse error" };
const INVALID_REQUEST = { code: -32_600, message: "Invalid request" };
const MS = 1000;

/** One websocket. */
class Connection extends Subscriptions {
  readonly isControl: boolean;
  /** Null once it is closed. */
  socket: Socket | null = null;
  readonly #say: (connection: Connection, message: Said) => void;

  constructor(isControl: boolean, say: (connection: Connection, message: Said) => void) {
    super();
    this.isControl = isControl;
    this.#say = say;
  }

  protected override sendNotification(method: string, body: object): void {
    this.#say(this, { body, method, params: [], id: undefined });
  }
}

/** A message with the request that it answers. */
interface Said {
  body: object;
  method: string;
  params: readonly unknown[];
  id: unknown;
}

export interface EndpointOptions {
  chain: Chain;
  calls: StateCalls;
  host: string;
  /** 0 takes a free one. */
  port: number;
  /** 0 to 1, for faults that happen now and then. */
  random: () => number;
}

const unaltered: Alteration = ({ text }) => text;

/** One websocket of the node, on loopback only; a network may have several, and each its own faults. */
export class Endpoint {
  /** Sees every request before it is done; one that cuts the connection keeps it from being done. */
  onRequest: (request: { id: unknown; method: string; params: readonly unknown[] }) => void = () => undefined;
  /** What happens to everything that is said, after the faults: for a test with a fault of its own. */
  alter: Alteration = unaltered;
  /** Connections that were ever made. */
  connections = 0;
  readonly rpc: Rpc;
  readonly #faults: EndpointFaults;
  readonly #chain: Chain;
  readonly #host: string;
  readonly #server: Bun.Server<Connection>;
  readonly #open = new Set<Connection>();
  readonly #late = new Set<ReturnType<typeof setTimeout>>();
  readonly #stopListening: () => void;
  /** What subscribers were told last. */
  #lastHead: Block;
  #lastFinalized: Block;

  constructor({ chain, calls, host, port, random }: EndpointOptions) {
    this.#chain = chain;
    this.#host = host;
    this.#faults = new EndpointFaults(chain, random);
    this.rpc = new Rpc(chain, this.#faults, calls);
    this.#lastHead = chain.head;
    this.#lastFinalized = chain.finalized;
    this.#server = Bun.serve<Connection>({
      hostname: host,
      port,
      fetch: (request, server) => {
        const isControl = new URL(request.url).pathname === CONTROL_PATH;
        const status = isControl ? null : this.#faults.refusal;
        if (status !== null) return new Response("This endpoint refuses.\n", { status });
        const data = new Connection(isControl, (connection, said) => this.#say(connection, [said], false));
        if (server.upgrade(request, { data })) return undefined;
        return new Response("This is the JSON-RPC websocket of a localnet node.\n", { status: 426 });
      },
      websocket: {
        maxPayloadLength: LARGEST_MESSAGE_BYTES,
        backpressureLimit: LARGEST_BACKLOG_BYTES,
        closeOnBackpressureLimit: true,
        open: (socket) => {
          socket.data.socket = socket;
          this.#open.add(socket.data);
          if (!socket.data.isControl) this.connections++;
        },
        message: (socket, message) => this.#receive(socket.data, String(message)),
        close: (socket) => {
          socket.data.socket = null;
          this.#open.delete(socket.data);
        },
      },
    });
    this.#stopListening = chain.onBlock(() => this.#announce());
  }

  get endpoint(): string {
    return `ws://${this.#host.includes(":") ? `[${this.#host}]` : this.#host}:${this.port}`;
  }

  get port(): number {
    return this.#server.port!;
  }

  /** Connections that are open now. */
  get open(): number {
    return this.#open.size;
  }

  /**
   * Makes something go wrong, here or with the whole chain, once or until it is healed.
   * @throws Failure `localnet.bad-request` for one that there is not
   */
  fault(text: string): void {
    const fault = parseFault(text);
    if (fault.kind === "reorg") this.#chain.reorganise(fault.blocks);
    else if (fault.kind === "endpoint") this.#faults.add(text, fault);
    else if (fault.kind !== "drop") this.#chain.faults.add(text, fault);
    if (fault.kind === "drop" || this.#faults.refusal !== null) this.#dropConnections();
  }

  /**
   * Takes one fault away, by the words that it was made with, or all of them and what `alter` does.
   * @returns those that are gone
   */
  heal(text?: string): string[] {
    if (text === undefined) this.alter = unaltered;
    return this.faults().filter(
      (name) =>
        (text === undefined || text === name) &&
        (this.#faults.remove(name) || this.#chain.faults.remove(name)),
    );
  }

  /** Faults that are active here and with the chain. */
  faults(): string[] {
    return [...this.#faults.names(), ...this.#chain.faults.names()];
  }

  /** Tells all clients of a new runtime. */
  announceVersion(): void {
    this.#each("version", (connection, subscription) => connection.notify(subscription, this.rpc.version()));
  }

  async stop(): Promise<void> {
    this.#stopListening();
    for (const timer of this.#late) clearTimeout(timer);
    await this.#server.stop(true);
  }

  /** Without a goodbye, as a crashed node does. */
  #dropConnections(): void {
    for (const connection of [...this.#open]) if (!connection.isControl) this.#cut(connection);
  }

  #cut(connection: Connection): void {
    const { socket } = connection;
    connection.socket = null;
    this.#open.delete(connection);
    socket?.terminate();
  }

  #receive(connection: Connection, message: string): void {
    const parsed = parse(message);
    if (parsed === undefined || (Array.isArray(parsed) && parsed.length === 0)) {
      this.#say(
        connection,
        [parsed === undefined ? unreadable(PARSE_ERROR) : unreadable(INVALID_REQUEST)],
        false,
      );
      return;
    }
    const answers: (Said | Promise<Said>)[] = [];
    for (const request of Array.isArray(parsed) ? parsed : [parsed]) {
      const answer = this.#answer(connection, request);
      // Cut while it was being read.
      if (connection.socket === null) return;
      answers.push(answer);
    }
    const say = (said: readonly Said[]): void => {
      this.#say(connection, said, Array.isArray(parsed));
      connection.replay();
    };
    if (answers.some((answer) => answer instanceof Promise)) void Promise.all(answers).then(say);
    else say(answers as Said[]);
  }

  #answer(connection: Connection, request: unknown): Said | Promise<Said> {
    if (!isRequest(request)) return unreadable(INVALID_REQUEST);
    const { id, method, params = [] } = request;
    if (!connection.isControl) this.onRequest({ id, method, params });
    const body = connection.socket === null ? {} : this.rpc.answer({ id, method, params }, connection);
    if (body instanceof Promise) return body.then((done) => ({ body: done, method, params, id }));
    return { body, method, params, id };
  }

  #say(connection: Connection, messages: readonly Said[], isBatch: boolean): void {
    const cut = (): void => this.#cut(connection);
    const texts = messages
      .map(({ body, ...rest }) => {
        const message = { ...rest, text: JSON.stringify(body), cut };
        if (connection.isControl) return message.text;
        const text = this.#faults.alter(message);
        return text === null ? null : this.alter({ ...message, text });
      })
      .filter((text) => text !== null);
    if (texts.length === 0) return;
    const send = (): void => void connection.socket?.send(isBatch ? `[${texts.join(",")}]` : texts[0]!);
    const { delaySeconds } = this.#faults;
    if (delaySeconds === 0 || connection.isControl) {
      send();
      return;
    }
    const timer = setTimeout(() => {
      this.#late.delete(timer);
      send();
    }, delaySeconds * MS);
    this.#late.add(timer);
  }

  #announce(): void {
    const [head, last] = [this.#faults.head(), this.#lastHead];
    const [finalized, lastFinalized] = [this.#faults.finalized(), this.#lastFinalized];
    [this.#lastHead, this.#lastFinalized] = [head, finalized];
    if (head.hash !== last.hash)
      this.#each("heads", (connection, subscription) =>
        connection.notify(subscription, this.rpc.header(head)),
      );
    if (finalized.hash !== lastFinalized.hash)
      this.#each("finalized", (connection, subscription) =>
        connection.notify(subscription, this.rpc.header(finalized)),
      );
    if (head.hash === last.hash) return;
    // Not the block before: an endpoint that stood still, or shows the past, comes over many at once.
    const previous = this.#chain.stateAt(last);
    this.#each("storage", (connection, subscription) => {
      const changes = this.rpc.storageChanges(head, subscription.keys, previous);
      if (changes) connection.notify(subscription, changes);
    });
  }

  #each(
    kind: Subscription["kind"],
    tell: (connection: Connection, subscription: Subscription) => void,
  ): void {
    for (const connection of this.#open)
      for (const subscription of connection.subscriptions.values())
        if (subscription.kind === kind) tell(connection, subscription);
  }
}

const unreadable = (error: typeof PARSE_ERROR): Said => ({
  body: { jsonrpc: "2.0", id: null, error },
  method: "",
  params: [],
  id: null,
});

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
