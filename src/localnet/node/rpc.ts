import { type Failure, isFailure } from "../../base/error.ts";
import { log } from "../../base/log.ts";
import { type Chain, type RefusalCode, type RefusalData, refusal } from "./chain.ts";
import { runtimeVersion, SS58_PREFIX } from "./description.ts";
import type { Block } from "./header.ts";
import { accountOf, hexOf, keysOf } from "./rpc-params.ts";
import type { StateView } from "./state.ts";
import type { StateCalls } from "./state-call.ts";
import { fromHex, toHex } from "./types.ts";

/** One request of a client, already parsed; what a method makes of `params` is its own business. */
export interface RpcRequest {
  id: unknown;
  method: string;
  params: unknown[];
}

/** A client's connection as the subscriptions see it. */
export interface Subscriber {
  /** Registers a subscription and returns its id. `replay` sends the first notification after the answer. */
  open(subscription: Subscription, replay: () => void): string;
  close(id: string): boolean;
  notify(subscription: Subscription, result: unknown): void;
}

/** The chain as one endpoint shows it; a node that lags shows an older one. */
export interface View {
  head(): Block;
  finalized(): Block;
}

export interface Subscription {
  id: string;
  kind: "heads" | "finalized" | "version" | "storage" | "transaction";
  /** Name that notifications carry. */
  method: string;
  /** Storage keys that a storage subscription watches. */
  keys: string[];
}

export type Method = (params: unknown[], subscriber: Subscriber) => unknown;

const CHAIN_NAME = "Bittensor localnet";
const MOST_KEYS_PER_PAGE = 1000;
const INVALID_PARAMS = -32_602;
const INTERNAL_ERROR = -32_603;
const METHOD_NOT_FOUND = -32_601;
const STATE_UNAVAILABLE = 4003;

/** The JSON-RPC methods of a node, over one chain. */
export class Rpc {
  readonly #chain: Chain;
  readonly #view: View;
  readonly #calls: StateCalls;
  readonly #methods: Map<string, Method>;

  constructor(chain: Chain, view: View, calls: StateCalls) {
    this.#chain = chain;
    this.#view = view;
    this.#calls = calls;
    this.#methods = new Map(
      Object.entries({
        ...this.#systemMethods(),
        ...this.#chainMethods(),
        ...this.#stateMethods(),
        ...this.#authorMethods(),
        rpc_methods: () => ({ methods: [...this.#methods.keys()] }),
      }),
    );
  }

  /** Methods beside those of a real node. */
  add(methods: Record<string, Method>): void {
    for (const [name, method] of Object.entries(methods)) this.#methods.set(name, method);
  }

  /**
   * The response object of one request, or a promise of it where a method takes its time; an error never leaves as an
   * exception.
   */
  answer({ id, method, params }: RpcRequest, subscriber: Subscriber): object | Promise<object> {
    const respond = (rest: object): object => ({ jsonrpc: "2.0", id, ...rest });
    const run = this.#methods.get(method);
    if (!run) return respond({ error: { code: METHOD_NOT_FOUND, message: `Method not found: ${method}` } });
    const fail = (error: unknown): object => respond({ error: this.#errorOf(error, method) });
    try {
      const result = run(params, subscriber);
      if (result instanceof Promise) return result.then((value) => respond({ result: value ?? null }), fail);
      return respond({ result: result ?? null });
    } catch (error) {
      return fail(error);
    }
  }

  #errorOf(error: unknown, method: string): object {
    if (!isFailure(error)) {
      log.error("localnet could not answer", { method, error });
      return { code: INTERNAL_ERROR, message: "Internal error" };
    }
    const details =
      error.code === "localnet.refused" ? (error as Failure<RefusalCode, RefusalData>).data : undefined;
    return { code: details?.code ?? INVALID_PARAMS, message: error.message, data: details?.data };
  }

  version(): object {
    const { specVersion } = this.#chain;
    const version = runtimeVersion(specVersion);
    return { ...version, apis: version.apis.map(([id, number]) => [`0x${toHex(id)}`, number]) };
  }

  header({ parentHash, height, stateRoot, extrinsicsRoot }: Block): object {
    return {
      parentHash: `0x${parentHash}`,
      number: `0x${height.toString(16)}`,
      stateRoot: `0x${stateRoot}`,
      extrinsicsRoot: `0x${extrinsicsRoot}`,
      digest: { logs: [] },
    };
  }

  /** What a storage subscriber hears: all its keys at first, later those that the block changed. */
  storageChanges(block: Block, keys: string[], previous: StateView | null): object | null {
    const state = this.#stateOf(block);
    const changes = keys
      .filter((key) => !previous || !isSame(previous.raw(key), state.raw(key)))
      .map((key) => [`0x${key}`, hexOrNull(state.raw(key))]);
    return changes.length === 0 ? null : { block: `0x${block.hash}`, changes };
  }

  #systemMethods(): Record<string, Method> {
    const nextIndex: Method = ([address]) => this.#chain.nextNonce(accountOf(address));
    return {
      system_chain: () => CHAIN_NAME,
      system_name: () => "openvalidator-localnet",
      system_version: () => "1",
      system_chainType: () => "Development",
      system_properties: () => ({ ss58Format: SS58_PREFIX, tokenDecimals: 9, tokenSymbol: "TAO" }),
      system_health: () => ({ peers: 0, isSyncing: false, shouldHavePeers: false }),
      system_accountNextIndex: nextIndex,
      account_nextIndex: nextIndex,
    };
  }

  #chainMethods(): Record<string, Method> {
    const chain = this.#chain;
    const view = this.#view;
    const heads = (kind: "heads" | "finalized", method: string): Method => {
      const newest = (): Block => (kind === "heads" ? view.head() : view.finalized());
      return (_params, subscriber) => {
        const subscription: Subscription = { id: "", kind, method, keys: [] };
        return subscriber.open(subscription, () => subscriber.notify(subscription, this.header(newest())));
      };
    };
    const newHeads = heads("heads", "chain_newHead");
    const finalizedHeads = heads("finalized", "chain_finalizedHead");
    const unsubscribe: Method = ([id], subscriber) => subscriber.close(String(id));
    return {
      chain_getHead: () => `0x${view.head().hash}`,
      chain_getBlockHash: ([height]) => {
        const newest = view.head();
        if (height === undefined || height === null) return `0x${newest.hash}`;
        const hash = Number(height) > newest.height ? null : chain.hashAt(Number(height));
        return hash === null ? null : `0x${hash}`;
      },
      chain_getFinalizedHead: () => `0x${view.finalized().hash}`,
      chain_getHeader: ([hash]) => {
        const block = this.#block(hash);
        return block && this.header(block);
      },
      chain_getBlock: ([hash]) => {
        const block = this.#block(hash);
        if (!block) return null;
        const extrinsics = block.extrinsics.map((extrinsic) => `0x${toHex(extrinsic)}`);
        return { block: { header: this.header(block), extrinsics }, justifications: null };
      },
      // polkadot-js uses both spellings.
      chain_subscribeNewHeads: newHeads,
      chain_subscribeNewHead: newHeads,
      chain_subscribeAllHeads: heads("heads", "chain_allHead"),
      chain_subscribeFinalizedHeads: finalizedHeads,
      chain_unsubscribeNewHeads: unsubscribe,
      chain_unsubscribeNewHead: unsubscribe,
      chain_unsubscribeAllHeads: unsubscribe,
      chain_unsubscribeFinalizedHeads: unsubscribe,
    };
  }

  #stateMethods(): Record<string, Method> {
    const storage: Method = ([key, hash]) => hexOrNull(this.#stateOf(this.#known(hash)).raw(hexOf(key)));
    const unsubscribe: Method = ([id], subscriber) => subscriber.close(String(id));
    const version: Method = () => this.version();
    return {
      state_getRuntimeVersion: version,
      chain_getRuntimeVersion: version,
      state_getMetadata: () => `0x${toHex(this.#calls.metadata().v14)}`,
      state_getStorage: storage,
      state_getStorageAt: storage,
      // Of the old API, which btcli 9 still walks maps with.
      state_getKeys: ([prefix, hash]) =>
        this.#stateOf(this.#known(hash))
          .keys(hexOf(prefix))
          .map((key) => `0x${key}`),
      state_getKeysPaged: ([prefix, count, start, hash]) => {
        const after = typeof start === "string" ? hexOf(start) : "";
        return this.#stateOf(this.#known(hash))
          .keys(typeof prefix === "string" ? hexOf(prefix) : "")
          .filter((key) => key > after)
          .slice(0, Math.min(Number(count), MOST_KEYS_PER_PAGE))
          .map((key) => `0x${key}`);
      },
      state_queryStorageAt: ([keys, hash]) => {
        const block = this.#known(hash);
        return [this.storageChanges(block, keysOf(keys), null) ?? { block: `0x${block.hash}`, changes: [] }];
      },
      state_call: ([method, input, hash]) => {
        const block = this.#known(hash);
        return this.#calls.call(String(method), hexOf(input), block, this.#stateOf(block));
      },
      state_subscribeRuntimeVersion: (_params, subscriber) => {
        const subscription: Subscription = {
          id: "",
          kind: "version",
          method: "state_runtimeVersion",
          keys: [],
        };
        return subscriber.open(subscription, () => subscriber.notify(subscription, this.version()));
      },
      state_unsubscribeRuntimeVersion: unsubscribe,
      state_subscribeStorage: ([keys], subscriber) => {
        const subscription: Subscription = {
          id: "",
          kind: "storage",
          method: "state_storage",
          keys: keysOf(keys),
        };
        return subscriber.open(subscription, () => {
          const changes = this.storageChanges(this.#view.head(), subscription.keys, null);
          if (changes) subscriber.notify(subscription, changes);
        });
      },
      state_unsubscribeStorage: unsubscribe,
    };
  }

  #authorMethods(): Record<string, Method> {
    const chain = this.#chain;
    return {
      author_submitExtrinsic: ([hex]) => `0x${chain.submit(fromHex(hexOf(hex)), () => undefined)}`,
      author_submitAndWatchExtrinsic: ([hex], subscriber) => {
        const subscription: Subscription = {
          id: "",
          kind: "transaction",
          method: "author_extrinsicUpdate",
          keys: [],
        };
        const early: unknown[] = [];
        let tell = (status: unknown): void => void early.push(status);
        chain.submit(fromHex(hexOf(hex)), (status) => tell(prefixed(status)));
        return subscriber.open(subscription, () => {
          tell = (status) => subscriber.notify(subscription, status);
          for (const status of early) tell(status);
        });
      },
      author_unwatchExtrinsic: ([id], subscriber) => subscriber.close(String(id)),
      author_pendingExtrinsics: () => chain.pending().map((extrinsic) => `0x${toHex(extrinsic)}`),
      // Every call here is free.
      payment_queryInfo: () => ({ weight: { ref_time: 0, proof_size: 0 }, class: "normal", partialFee: "0" }),
    };
  }

  /** The named block, or the head when none is named. */
  #block(hash: unknown): Block | null {
    return hash === undefined || hash === null ? this.#view.head() : this.#chain.blockAt(hexOf(hash));
  }

  #known(hash: unknown): Block {
    const block = this.#block(hash);
    if (!block)
      throw refusal(
        STATE_UNAVAILABLE,
        `Client error: UnknownBlock: Header was not found in the database: ${String(hash)}`,
      );
    return block;
  }

  #stateOf(block: Block): StateView {
    const state = this.#chain.stateAt(block);
    if (!state)
      throw refusal(
        STATE_UNAVAILABLE,
        `Client error: UnknownBlock: State already discarded for 0x${block.hash}`,
      );
    return state;
  }
}

/** Block hashes inside a transaction's status get their 0x. */
function prefixed(status: unknown): unknown {
  if (typeof status !== "object" || status === null) return status;
  return Object.fromEntries(Object.entries(status).map(([name, hash]) => [name, `0x${hash}`]));
}

const hexOrNull = (value: Uint8Array | undefined): string | null =>
  value === undefined ? null : `0x${toHex(value)}`;

const isSame = (a: Uint8Array | undefined, b: Uint8Array | undefined): boolean =>
  a === b || (a !== undefined && b !== undefined && Buffer.compare(a, b) === 0);
