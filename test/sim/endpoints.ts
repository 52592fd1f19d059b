import type { Block } from "../../src/localnet/node/header.ts";
import { Rpc, type Subscription } from "../../src/localnet/node/rpc.ts";
import { Subscriptions } from "../../src/localnet/node/subscriptions.ts";
import type { ChainWorld } from "./chain-world.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** How an endpoint can be for a while; `lagging` shows the chain of some blocks ago. */
export const EPISODES = [
  "refusing",
  "silent",
  "hanging-up",
  "lagging",
  "foreign",
  "slow",
  "wedged",
  "full-pool",
] as const;
export type Episode = (typeof EPISODES)[number];
const ANSWER_FAULTS = ["cut", "refusal", "garbage", "empty", "late", "unheard"] as const;
/** How a pool can go wrong with one transaction. */
const POOL_FAULTS = ["full", "outdated", "banned", "too-fast", "swallowed", "answer-lost"] as const;

interface Message {
  id: number;
  method: string;
  params: unknown[];
}

const LAG_BLOCKS = 20;
/** Longer than a client waits for one answer. */
const LATE_MS = 25_000;
const SLOW_MS = 4_000;
const HANG_UP_MS = 100;

export interface Faults {
  random: () => number;
  /** Of an answer, 0..1; the same for transactions of the pool. */
  rate: number;
  isCalm: boolean;
  count(kind: string): void;
}

/** A node of the chain as a client sees it through one address. */
export class Endpoint {
  readonly url: string;
  episode: Episode | undefined;
  readonly #world: ChainWorld;
  readonly #time: VirtualTime;
  readonly #faults: Faults;
  readonly #links = new Set<Link>();
  readonly #rpc: Rpc;
  #lastFinalized = "";

  constructor(url: string, world: ChainWorld, time: VirtualTime, faults: Faults) {
    this.url = url;
    this.#world = world;
    this.#time = time;
    this.#faults = faults;
    const view = { head: () => this.#head(), finalized: () => this.#finalized() };
    this.#rpc = new Rpc(world.chain, view, world.calls);
  }

  get open(): number {
    return this.#links.size;
  }

  get subscriptions(): number {
    return [...this.#links].reduce((sum, link) => sum + link.subscriptions.size, 0);
  }

  /** Every connection is dead, and neither end is told. */
  sever(): void {
    for (const link of [...this.#links]) link.sever();
  }

  begin(episode: Episode): void {
    this.episode = episode;
    if (episode === "refusing" || episode === "foreign") this.cut();
  }

  end(): void {
    this.episode = undefined;
  }

  /** Every connection ends without a goodbye. */
  cut(): void {
    for (const link of [...this.#links]) link.cut();
  }

  latencyMs(): number {
    return 20 + 60 * this.#faults.random();
  }

  dial(client: SimSocket): void {
    const isDown = this.episode === "refusing";
    this.#time.after(this.latencyMs(), () => {
      if (client.readyState !== SimSocket.CONNECTING) return;
      if (isDown) {
        client.fail();
        return;
      }
      const link = new Link(client, this.#time, {
        latencyMs: () => this.latencyMs(),
        hear: (text) => this.#hear(link, text),
        gone: () => this.#links.delete(link),
      });
      this.#links.add(link);
      if (this.episode === "hanging-up") this.#time.after(HANG_UP_MS, () => link.cut());
    });
  }

  /** Tells of a block; called for each, on all endpoints. */
  announce(): void {
    if (this.episode === "silent") return;
    const head = this.#rpc.header(this.#head());
    const finalized = this.#finalized();
    for (const link of this.#links)
      for (const subscription of link.subscriptions.values()) {
        if (subscription.kind === "heads") link.notify(subscription, head);
        if (subscription.kind === "finalized" && finalized.hash !== this.#lastFinalized)
          link.notify(subscription, this.#rpc.header(finalized));
      }
    this.#lastFinalized = finalized.hash;
  }

  announceVersion(): void {
    for (const link of this.#links)
      for (const subscription of link.subscriptions.values())
        if (subscription.kind === "version") link.notify(subscription, this.#rpc.version());
  }

  /** The newest block that this endpoint shows. */
  #head(): Block {
    const { chain } = this.#world;
    if (this.episode !== "lagging") return chain.head;
    return chain.blockAt(chain.hashAt(Math.max(0, chain.head.height - LAG_BLOCKS))!)!;
  }

  #finalized(): Block {
    const { finalized } = this.#world.chain;
    const head = this.#head();
    return finalized.height > head.height ? head : finalized;
  }

  #hear(link: Link, text: string): void {
    if (this.episode === "silent") return;
    const message = JSON.parse(text) as Message;
    const { id, method } = message;
    const { random, rate, isCalm } = this.#faults;
    const isFaulty = !isCalm && random() < rate;
    const isTransaction = method === "author_submitAndWatchExtrinsic";
    if (this.episode === "wedged" && !method.includes("ubscribe")) link.send(internalError(id));
    else if (isTransaction && this.episode === "full-pool") link.send(refusal(id, "full"));
    else if (isTransaction && isFaulty) this.#spoilTransaction(link, message);
    else if (isFaulty) this.#spoil(link, message);
    else {
      link.send(this.#answer(link, message), this.episode === "slow" ? SLOW_MS * (1 + random()) : 0);
      link.replay();
    }
  }

  #answer(link: Link, { id, method, params }: Message): object {
    if (this.episode === "foreign" && method === "chain_getBlockHash" && params[0] === 0)
      return { jsonrpc: "2.0", id, result: `0x${"ab".repeat(32)}` };
    return this.#rpc.answer({ id, method, params }, link);
  }

  #spoil(link: Link, message: Message): void {
    const { random, count } = this.#faults;
    const fault = ANSWER_FAULTS[Math.floor(random() * ANSWER_FAULTS.length)]!;
    count(fault);
    const { id } = message;
    const spoilt: Record<typeof fault, () => void> = {
      cut: () => link.cut(),
      refusal: () => link.send(internalError(id)),
      garbage: () => link.sendText("<html>502 Bad Gateway</html>"),
      empty: () => link.send({ jsonrpc: "2.0", id, result: null }),
      late: () => link.send(this.#answer(link, message), LATE_MS),
      unheard: () => undefined,
    };
    spoilt[fault]();
  }

  #spoilTransaction(link: Link, message: Message): void {
    const { random, count } = this.#faults;
    const fault = POOL_FAULTS[Math.floor(random() * POOL_FAULTS.length)]!;
    count(fault);
    if (fault === "swallowed") {
      // As a node that takes a transaction and loses it before it told another one.
      const subscription: Subscription = {
        id: "",
        kind: "transaction",
        method: "author_extrinsicUpdate",
        keys: [],
      };
      const id = link.open(subscription, () => link.notify(subscription, "ready"));
      link.send({ jsonrpc: "2.0", id: message.id, result: id });
      link.replay();
    } else if (fault === "answer-lost") {
      this.#answer(link, message);
      link.cut();
    } else link.send(refusal(message.id, fault));
  }
}

const internalError = (id: number): object => ({
  jsonrpc: "2.0",
  id,
  error: { code: -32_603, message: "Internal error" },
});

function refusal(id: number, fault: "full" | "outdated" | "banned" | "too-fast"): object {
  const errors = {
    full: { code: 1016, message: "Immediately Dropped", data: "The pool's limit" },
    outdated: { code: 1010, message: "Invalid Transaction", data: "Transaction is outdated" },
    banned: { code: 1012, message: "Transaction is temporarily banned" },
    "too-fast": { code: 1010, message: "Invalid Transaction", data: "Custom error: 6" },
  };
  return { jsonrpc: "2.0", id, error: errors[fault] };
}

interface Wire {
  latencyMs(): number;
  hear(text: string): void;
  gone(): void;
}

/** The node's end of one socket. */
class Link extends Subscriptions {
  readonly #client: SimSocket;
  readonly #time: VirtualTime;
  readonly #wire: Wire;
  /** Messages of one direction keep their order. */
  #inAtMs = 0;
  #outAtMs = 0;
  #isOpen = true;

  constructor(client: SimSocket, time: VirtualTime, wire: Wire) {
    super();
    this.#client = client;
    this.#time = time;
    this.#wire = wire;
    client.accept({
      send: (text) => {
        this.#inAtMs = Math.max(this.#inAtMs, time.nowMs + wire.latencyMs());
        time.after(this.#inAtMs - time.nowMs, () => {
          if (this.#isOpen) wire.hear(text);
        });
      },
      close: () => this.#end(),
    });
  }

  protected override sendNotification(_method: string, body: object): void {
    this.send(body);
  }

  send(message: object, delayMs = 0): void {
    this.sendText(JSON.stringify(message), delayMs);
  }

  sendText(text: string, delayMs = 0): void {
    if (!this.#isOpen) return;
    const { nowMs } = this.#time;
    const atMs = Math.max(this.#outAtMs, nowMs + this.#wire.latencyMs()) + delayMs;
    // A late answer holds up no other.
    if (delayMs === 0) this.#outAtMs = atMs;
    this.#time.after(atMs - nowMs, () => {
      if (this.#isOpen) this.#client.receive(text);
    });
  }

  cut(): void {
    this.#end();
    this.#client.lose();
  }

  sever(): void {
    this.#end();
  }

  #end(): void {
    this.#isOpen = false;
    this.subscriptions.clear();
    this.#wire.gone();
  }
}

/** A websocket to an endpoint of this process, in place of the global one. */
export class SimSocket {
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static readonly CLOSED = 3;
  static endpoints = new Map<string, Endpoint>();
  static onSend: (url: string, text: string) => void = () => undefined;

  readyState: number = SimSocket.CONNECTING;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onerror: ((event: unknown) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  #far: { send(text: string): void; close(): void } | undefined;

  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
    const endpoint = SimSocket.endpoints.get(url.replace(/\/$/, ""));
    if (endpoint === undefined) throw new Error(`no endpoint ${url}`);
    endpoint.dial(this);
  }

  accept(far: { send(text: string): void; close(): void }): void {
    this.#far = far;
    this.readyState = SimSocket.OPEN;
    this.onopen?.();
  }

  fail(): void {
    this.readyState = SimSocket.CLOSED;
    this.onerror?.({ message: "", error: { code: "ECONNREFUSED" } });
    this.onclose?.({ code: 1006 });
  }

  send(text: string): void {
    SimSocket.onSend(this.#url, text);
    this.#far?.send(text);
  }

  receive(data: string): void {
    this.onmessage?.({ data });
  }

  lose(): void {
    if (this.readyState === SimSocket.CLOSED) return;
    this.readyState = SimSocket.CLOSED;
    this.onclose?.({ code: 1006 });
  }

  close(): void {
    if (this.readyState === SimSocket.CLOSED) return;
    this.readyState = SimSocket.CLOSED;
    this.#far?.close();
    this.onclose?.({ code: 1000 });
  }
}
