import type { ApiOptions } from "@polkadot/api/types";
import { z } from "zod";
import { messageOf } from "../base/error.ts";
import { log } from "../base/log.ts";
import { printable } from "../base/text.ts";
import { printableUrl } from "../base/url.ts";
import { askTwice } from "./ask-twice.ts";
import { mayBeEmpty } from "./empty-answers.ts";
import { HandshakeFailure, handshakeFailure } from "./handshake.ts";

type Provider = NonNullable<ApiOptions["provider"]>;
type EventName = Parameters<Provider["on"]>[0];
type Listener = Parameters<Provider["on"]>[1];
type Callback = Parameters<Provider["subscribe"]>[3];

/** The metadata of finney is the largest answer we ask for: 0.7 MB as hex. */
const MAX_MESSAGE_CHARACTERS = 32 * 1024 * 1024;
/** Methods that change nothing, however often they are called. */
const READING = /^(?:chain|state|system|rpc)_/;
/** Of the time for an answer, after this share a reading is asked for again: 5 s on a node that should need less than one. */
const AGAIN_SHARE = 0.25;
/** The same for answers of up to a megabyte, the metadata and the metagraph, which a thin line should not have to carry twice. */
const LARGE_AGAIN_SHARE = 0.5;
const LARGE: ReadonlySet<string> = new Set(["state_call", "state_getMetadata"]);
/** JSON-RPC 2.0, of a node that failed inside. */
const INTERNAL_ERROR = -32_603;
/** Notices that may overtake the answer to their subscription. */
const MAX_EARLY_NOTICES = 100;

const RPC_ERROR = z.object({ code: z.number(), message: z.string(), data: z.unknown().optional() });
/** Before a node, or a proxy in front of it, has read a request it knows no number of it; it then answers to none. */
const ANSWER = z.object({
  id: z.number().nullable(),
  result: z.unknown().optional(),
  error: RPC_ERROR.nullish(),
});
const NOTICE = z.object({
  method: z.string(),
  params: z.object({
    subscription: z.union([z.string(), z.number()]),
    result: z.unknown().optional(),
    error: RPC_ERROR.nullish(),
  }),
});
const MESSAGE = z.union([ANSWER, NOTICE]);

/** An answer of the node that says no, with the code and data of JSON-RPC. */
export class RpcRefusal extends Error {
  override readonly name = "RpcRefusal";
  readonly code: number;
  readonly data: unknown;

  constructor(error: z.infer<typeof RPC_ERROR>) {
    const data = typeof error.data === "string" ? `: ${error.data}` : "";
    super(printable(`${error.code}: ${error.message}${data}`, 300));
    this.code = error.code;
    this.data = error.data;
  }
}

/** The node is there and said nothing to a request, or nothing that is an answer. */
class NoAnswer extends Error {
  override readonly name = "NoAnswer";
}

/** A request that was never sent, so that nothing can have come of it. */
export class NotSent extends Error {
  override readonly name = "NotSent";
}

interface Pending {
  method: string;
  settle(answer: z.infer<typeof ANSWER>): void;
  reject(error: Error): void;
  timer: ReturnType<typeof setTimeout>;
}

/**
 * JSON-RPC over one websocket, for the chain library. Its own provider throws out of the socket's callback when a
 * node, or a proxy before it, sends something that is not JSON, which ends the process; and it connects again behind
 * our back. This one closes the connection on garbage, bounds every request in time and every message in size, and
 * lives as long as its socket.
 */
export class NodeSocket implements Provider {
  readonly hasSubscriptions = true;
  readonly isClonable = false;
  readonly #endpoint: string;
  readonly #timeoutMs: number;
  readonly #listeners: Record<EventName, Set<Listener>> = {
    connected: new Set(),
    disconnected: new Set(),
    error: new Set(),
  };
  readonly #pending = new Map<number, Pending>();
  /** Subscriptions that were asked for and not answered in time. */
  readonly #late = new Map<number, (result: unknown) => unknown>();
  readonly #subscriptions = new Map<string, Callback>();
  readonly #early = new Map<string, z.infer<typeof NOTICE>[]>();
  #earlyCount = 0;
  readonly #onRequest: () => void;
  #socket: WebSocket | null = null;
  #lastId = 0;

  /**
   * @param timeoutMs for the handshake and for each request
   * @param onRequest called with every request that is sent
   */
  constructor(endpoint: string, timeoutMs: number, onRequest: () => void = () => undefined) {
    this.#endpoint = endpoint;
    this.#timeoutMs = timeoutMs;
    this.#onRequest = onRequest;
  }

  get isConnected(): boolean {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  clone(): Provider {
    return new NodeSocket(this.#endpoint, this.#timeoutMs, this.#onRequest);
  }

  on(event: EventName, listener: Listener): () => void {
    this.#listeners[event].add(listener);
    return () => this.#listeners[event].delete(listener);
  }

  /** Opens the socket. @throws HandshakeFailure with the reason by its name */
  connect(): Promise<void> {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(this.#endpoint);
      this.#socket = socket;
      const timeoutMs = this.#timeoutMs;
      const timer = setTimeout(() => {
        reject(new HandshakeFailure(`it was silent for ${timeoutMs / 1000} s`));
        this.#drop("the node does not answer");
      }, timeoutMs);
      socket.onopen = () => {
        clearTimeout(timer);
        this.#emit("connected");
        resolve();
      };
      socket.onmessage = ({ data }) => this.#receive(data);
      // After the handshake the close that follows says it.
      socket.onerror = (event) => reject(handshakeFailure(event));
      socket.onclose = ({ code }) => {
        clearTimeout(timer);
        this.#drop(`the node closed the connection (${code})`);
        reject(new HandshakeFailure("it closed the connection at once"));
      };
    });
  }

  async disconnect(): Promise<void> {
    this.#drop("the connection was closed");
  }

  send<T>(method: string, params: unknown[]): Promise<T> {
    return this.#twice(method, () => this.#request(method, params, (result) => result as T));
  }

  /** A reading whose answer got lost is asked for once more, which costs less than what it was a part of. */
  #twice<T>(method: string, ask: () => Promise<T>): Promise<T> {
    if (!READING.test(method)) return ask();
    return askTwice(ask, {
      againMs: this.#timeoutMs * (LARGE.has(method) ? LARGE_AGAIN_SHARE : AGAIN_SHARE),
      mayAskAgain: (error) =>
        this.isConnected &&
        (error instanceof RpcRefusal
          ? error.code === INTERNAL_ERROR
          : error === undefined || error instanceof NoAnswer),
    });
  }

  /**
   * The library does not catch what becomes of a subscription of its own, so a node that refuses one would end this
   * process. Such a node is of no use: the connection ends instead, and the promise stays open. A transaction that is
   * watched is another matter: its refusal is an answer.
   */
  subscribe(_type: string, method: string, params: unknown[], callback: Callback): Promise<number | string> {
    const asked = this.#subscribe(method, params, callback);
    if (method.startsWith("author_")) return asked;
    return new Promise((resolve) =>
      asked.then(resolve, (error: unknown) => this.#drop(`the node refuses ${method} (${messageOf(error)})`)),
    );
  }

  #subscribe(method: string, params: unknown[], callback: Callback): Promise<number | string> {
    let isTaken = false;
    const accept = (result: unknown): number | string => {
      const id = result as number | string;
      const early = this.#takeEarly(String(id));
      if (isTaken) {
        this.#endSpare(method, id);
        return id;
      }
      isTaken = true;
      this.#subscriptions.set(String(id), callback);
      for (const notice of early) this.#notify(notice);
      return id;
    };
    return this.#twice(method, () => this.#request(method, params, accept));
  }

  /** Asked for twice, it was opened twice, and would be told for as long as the socket lives. */
  #endSpare(method: string, id: number | string): void {
    this.send(method.replace("_subscribe", "_unsubscribe"), [id]).catch((error: unknown) =>
      log.debug("A subscription that was opened twice is not ended", { method, error }),
    );
  }

  #takeEarly(key: string): z.infer<typeof NOTICE>[] {
    const early = this.#early.get(key) ?? [];
    this.#early.delete(key);
    this.#earlyCount -= early.length;
    return early;
  }

  async unsubscribe(_type: string, method: string, id: number | string): Promise<boolean> {
    this.#subscriptions.delete(String(id));
    return this.isConnected ? this.send(method, [id]) : true;
  }

  #request<T>(method: string, params: unknown[], accept: (result: unknown) => T): Promise<T> {
    return new Promise((resolve, reject) => {
      const socket = this.#socket;
      if (socket?.readyState !== WebSocket.OPEN) {
        reject(new NotSent("there is no connection to the chain"));
        return;
      }
      const id = ++this.#lastId;
      const timeoutMs = this.#timeoutMs;
      const timer = setTimeout(() => {
        this.#pending.delete(id);
        if (method.includes("_subscribe")) this.#late.set(id, accept);
        reject(new NoAnswer(`the node did not answer ${method} within ${timeoutMs / 1000} s`));
      }, timeoutMs);
      const settle: Pending["settle"] = ({ result, error }) => {
        if (error) reject(new RpcRefusal(error));
        else if (result === undefined || (result === null && !mayBeEmpty(method, params)))
          reject(new NoAnswer(`the node's answer to ${method} is empty`));
        else resolve(accept(result));
      };
      this.#pending.set(id, { method, settle, reject, timer });
      this.#onRequest();
      socket.send(JSON.stringify({ id, jsonrpc: "2.0", method, params }));
    });
  }

  #receive(data: unknown): void {
    const message = parseMessage(data);
    if (message === null) {
      log.debug("A node sent something that is no JSON-RPC", {
        endpoint: printableUrl(this.#endpoint),
        start: typeof data === "string" ? printable(data, 100) : typeof data,
      });
      this.#drop("the node does not speak JSON-RPC");
    } else if ("method" in message) this.#notify(message);
    else {
      // An answer to no request is one to some request of ours, and the oldest has waited longest.
      const id = message.id ?? this.#pending.keys().next().value ?? 0;
      const pending = this.#pending.get(id);
      this.#pending.delete(id);
      clearTimeout(pending?.timer);
      if (pending === undefined) this.#receiveLate(id, message.result);
      else pending.settle(message);
    }
  }

  #receiveLate(id: number, result: unknown): void {
    const accept = this.#late.get(id);
    this.#late.delete(id);
    if (result !== undefined && result !== null) accept?.(result);
  }

  #notify(notice: z.infer<typeof NOTICE>): void {
    const { subscription, result, error } = notice.params;
    const key = String(subscription);
    const callback = this.#subscriptions.get(key);
    if (callback) {
      try {
        callback(error ? new RpcRefusal(error) : null, result);
      } catch (cause) {
        // The library decodes in here, and a node may send what its own metadata does not allow.
        log.debug("A notice of the node could not be decoded", { method: notice.method, error: cause });
      }
    } else {
      // Those of a subscription that has ended meanwhile are the oldest.
      const [oldest] = this.#early.keys();
      if (this.#earlyCount >= MAX_EARLY_NOTICES && oldest !== undefined) this.#takeEarly(oldest);
      this.#earlyCount++;
      this.#early.set(key, [...(this.#early.get(key) ?? []), notice]);
    }
  }

  /** Ends everything that waits; safe to call twice. */
  #drop(reason: string): void {
    const socket = this.#socket;
    if (socket === null) return;
    this.#socket = null;
    socket.onopen = socket.onmessage = socket.onerror = null;
    socket.close();
    for (const { reject, timer, method } of this.#pending.values()) {
      clearTimeout(timer);
      reject(new Error(`${reason} before it answered ${method}`));
    }
    this.#pending.clear();
    this.#late.clear();
    this.#subscriptions.clear();
    this.#early.clear();
    this.#emit("disconnected", reason);
  }

  #emit(event: EventName, value?: unknown): void {
    for (const listener of [...this.#listeners[event]]) listener(value);
  }
}

function parseMessage(data: unknown): z.infer<typeof MESSAGE> | null {
  if (typeof data !== "string" || data.length > MAX_MESSAGE_CHARACTERS) return null;
  try {
    const parsed = MESSAGE.safeParse(JSON.parse(data));
    return parsed.success ? parsed.data : null;
  } catch {
    // Not JSON.
    return null;
  }
}
