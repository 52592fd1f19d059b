import type { Chain } from "./chain.ts";
import type { EndpointFaultName, Fault } from "./fault-names.ts";
import type { Block } from "./header.ts";
import type { View } from "./rpc.ts";

type EndpointFault = Extract<Fault, { kind: "endpoint" }>;

/** One thing that an endpoint is about to say. */
export interface Outgoing {
  /** JSON. */
  text: string;
  /** Of the request that it answers, or of a notification. */
  method: string;
  /** Of the request; empty for a notification. */
  params: readonly unknown[];
  /** Of the request; undefined for a notification. */
  id: unknown;
  /** Cuts the connection that it would go to. */
  cut: () => void;
}
/** Returns what is said instead; null says nothing. */
export type Alteration = (message: Outgoing) => string | null;

const ERROR_PAGE = "<html><body><h1>502 Bad Gateway</h1></body></html>";
const INTERNAL_ERROR = { code: -32_603, message: "Internal error" };
/** No chain has it. */
const FOREIGN_GENESIS = `0x${"fa".repeat(32)}`;

/** What is wrong with one endpoint now, by the words that it was asked for with; also the chain as this endpoint shows it. */
export class EndpointFaults implements View {
  readonly #chain: Chain;
  readonly #random: () => number;
  readonly #active = new Map<string, EndpointFault>();
  #frozenAt: Block | null = null;

  constructor(chain: Chain, random: () => number) {
    this.#chain = chain;
    this.#random = random;
  }

  add(text: string, fault: EndpointFault): void {
    if (fault.name === "freeze") this.#frozenAt ??= this.head();
    this.#active.set(text, fault);
  }

  names(): string[] {
    return [...this.#active.keys()];
  }

  /** @returns whether it was there */
  remove(text: string): boolean {
    const existed = this.#active.delete(text);
    if (!this.#find("freeze")) this.#frozenAt = null;
    return existed;
  }

  /** The HTTP status that new connections get, or null where they are welcome. */
  get refusal(): number | null {
    return this.#find("refuse")?.number ?? null;
  }

  /** Seconds that everything is late by. */
  get delaySeconds(): number {
    return this.#find("slow")?.number ?? 0;
  }

  head(): Block {
    if (this.#frozenAt) return this.#frozenAt;
    return this.#back(this.#chain.head, this.#find("lag")?.number ?? 0);
  }

  finalized(): Block {
    const { finalized } = this.#chain;
    return finalized.height <= this.head().height ? finalized : this.head();
  }

  /** What is said in the place of a message. */
  readonly alter: Alteration = (message) => {
    let { text } = message;
    for (const fault of this.#active.values()) {
      const { method, rate } = fault;
      if (method !== undefined && (method !== message.method || message.id === undefined)) continue;
      if (rate < 1 && this.#random() >= rate) continue;
      const altered = spoiled(fault.name, { ...message, text });
      if (altered === null) return null;
      text = altered;
    }
    return text;
  };

  #find(name: EndpointFaultName): EndpointFault | undefined {
    return [...this.#active.values()].find((fault) => fault.name === name);
  }

  #back({ height }: Block, blocks: number): Block {
    const hash = this.#chain.hashAt(Math.max(0, height - blocks));
    return (hash && this.#chain.blockAt(hash)) || this.#chain.genesis;
  }
}

function spoiled(name: EndpointFaultName, { text, method, params, id, cut }: Outgoing): string | null {
  const isAnswer = id !== undefined;
  const answer = (body: object): string =>
    isAnswer ? JSON.stringify({ jsonrpc: "2.0", id, ...body }) : text;
  switch (name) {
    case "hang":
      return null;
    case "garbage":
      return ERROR_PAGE;
    case "cut":
      if (isAnswer) cut();
      return isAnswer ? null : text;
    case "error":
      return answer({ error: INTERNAL_ERROR });
    case "empty":
      return answer({ result: null });
    case "lie":
      return method === "chain_getBlockHash" && Number(params[0]) === 0 && params[0] !== null
        ? answer({ result: FOREIGN_GENESIS })
        : text;
    case "syncing":
      return method === "system_health"
        ? answer({ result: { peers: 1, isSyncing: true, shouldHavePeers: true } })
        : text;
    case "refuse":
    case "slow":
    case "lag":
    case "freeze":
      return text;
  }
}
