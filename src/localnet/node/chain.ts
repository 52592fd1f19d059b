import { Failure, messageOf } from "../../base/error.ts";
import { log } from "../../base/log.ts";
import type { Beacon } from "./beacon.ts";
import { dispatch, precheck } from "./calls.ts";
import { ChainFaults } from "./chain-faults.ts";
import { BLOCK_HASH_COUNT } from "./description.ts";
import { failed, SUCCESS, SUCCESS_MANDATORY } from "./ending.ts";
import { stepSubnet } from "./epoch.ts";
import { CALL_FILTERED, type PalletError, poolCode } from "./errors.ts";
import {
  decodeExtrinsic,
  eraBirth,
  isSignatureValid,
  type SignedExtrinsic,
  timestampExtrinsic,
} from "./extrinsic.ts";
import { type Block, genesisBlock, sealBlock } from "./header.ts";
import { inSubtensor, type SubtensorEventValue } from "./outcome.ts";
import { type PooledTransaction, TransactionPool, type TransactionStatus } from "./pool.ts";
import { revealCommits } from "./reveal.ts";
import type { EventRecordValue, RuntimeEventValue } from "./runtime.ts";
import type { Shield } from "./shield.ts";
import { ChainState, type StateView } from "./state.ts";
import { SYSTEM, TIMESTAMP } from "./storage.ts";
import type { HashHex } from "./types.ts";

/** States and blocks that can still be asked for; older ones are pruned, as on a lite node. */
const KEPT_BLOCKS = 300;
/** Blocks that the finalized head lags: GRANDPA is two to four behind on the real chain. */
const FINALITY_LAG_BLOCKS = 2;
export const TRANSACTION_VERSION = 1;

export type RefusalCode = "localnet.refused";
/** How JSON-RPC words a refusal. */
export interface RefusalData {
  code: number;
  data?: string;
}

export interface ChainOptions {
  netuid: number;
  specVersion: number;
  seed: Uint8Array;
  beacon: Beacon;
  /** Without one, what comes shielded is never run. */
  shield?: Shield;
  nowMs: () => number;
  /** Another than the seed's, for a network that has to look like one that is known by it. */
  genesisHash?: HashHex | undefined;
  /** Writes the genesis state. */
  writeState: (state: ChainState) => void;
}

/** Blocks, state and waiting transactions of a network that has this one author. */
export class Chain {
  specVersion: number;
  readonly state = new ChainState(KEPT_BLOCKS);
  readonly genesis: Block;
  readonly faults = new ChainFaults();
  readonly #options: ChainOptions;
  readonly #pool = new TransactionPool();
  readonly #blocks = new Map<HashHex, Block>();
  /** Hash by height, for the last BLOCK_HASH_COUNT blocks: what mortal eras refer to. */
  readonly #hashes = new Map<number, HashHex>();
  readonly #listeners = new Set<(block: Block) => void>();
  /** Transactions of blocks that are not final yet, oldest first. */
  readonly #unfinalized: { height: number; transaction: PooledTransaction; hash: HashHex }[] = [];
  /** Events of administrative changes, told in the next block. */
  #pendingEvents: SubtensorEventValue[] = [];
  /** What carriers of the shield carry, by their hash; null is nothing that can be run. */
  readonly #opened = new Map<HashHex, Uint8Array | null>();
  #head: Block;
  #finalized: Block;

  constructor(options: ChainOptions) {
    this.#options = options;
    this.specVersion = options.specVersion;
    const genesis = genesisBlock(options.seed);
    this.genesis = { ...genesis, hash: options.genesisHash ?? genesis.hash };
    this.#head = this.genesis;
    this.#finalized = this.genesis;
    options.writeState(this.state);
    options.beacon.install(this.state, options.nowMs());
    this.#keep(this.genesis);
    this.state.seal();
  }

  get head(): Block {
    return this.#head;
  }

  get finalized(): Block {
    return this.#finalized;
  }

  blockAt(hash: HashHex): Block | null {
    return this.#blocks.get(hash) ?? null;
  }

  hashAt(height: number): HashHex | null {
    return this.#hashes.get(height) ?? (height === 0 ? this.genesis.hash : null);
  }

  /** State after a block; null when the block is unknown, taken back or pruned. */
  stateAt(block: Block): StateView | null {
    return this.hashAt(block.height) === block.hash ? this.state.at(block.height) : null;
  }

  /** Called with every new block, after its state is in place. */
  onBlock(listener: (block: Block) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Tells the next block of a change that an administrator made to the state. */
  announce(event: SubtensorEventValue): void {
    this.#pendingEvents.push(event);
  }

  /** The signer's next nonce, waiting transactions counted. */
  nextNonce(account: string): number {
    return this.#pool.nextNonce(account, this.state.read(SYSTEM.account, account).nonce);
  }

  pending(): Uint8Array[] {
    return this.#pool.all().map(({ extrinsic }) => extrinsic.bytes);
  }

  /**
   * Takes a transaction into the pool.
   * @throws Failure `localnet.refused` with the code and words of a real node's RPC.
   */
  submit(bytes: Uint8Array, notify: (status: TransactionStatus) => void): HashHex {
    const extrinsic = decode(bytes);
    if (this.#pool.has(extrinsic.hash))
      throw refusal(1013, "Transaction is already imported", extrinsic.hash);
    const refused = this.faults.refusalOf(extrinsic.call, "pool");
    const reason = refused && refused !== CALL_FILTERED ? poolReason(refused) : this.#invalidity(extrinsic);
    if (reason !== null) throw refusal(1010, "Invalid Transaction", reason);
    if (this.#pool.holdsNonce(extrinsic.signer, extrinsic.nonce))
      throw refusal(
        1014,
        "Priority is too low: (0 vs 0)",
        "The transaction has too low priority to replace another transaction already in the pool.",
      );
    if (this.#pool.isFull)
      throw refusal(
        1016,
        "Immediately Dropped",
        "The transaction couldn't enter the pool because of the limit",
      );
    this.#pool.add({ extrinsic, notify });
    if (extrinsic.call.kind === "MevShield") {
      const { ciphertext } = extrinsic.call.fields[0].fields;
      const opening = this.#options.shield?.open(ciphertext) ?? Promise.resolve(null);
      void opening.then((shielded) => this.#opened.set(extrinsic.hash, shielded));
    }
    const isReady = this.nextNonce(extrinsic.signer) > extrinsic.nonce;
    notify(isReady ? "ready" : "future");
    return extrinsic.hash;
  }

  /** Builds the next block: reveals, epoch, inherent, transactions, beacon. */
  produce(): Block {
    const { state } = this;
    const height = this.#head.height + 1;
    const nowMs = this.#options.nowMs();
    const events: EventRecordValue[] = [];
    const at = (phase: EventRecordValue["phase"], event: RuntimeEventValue): void => {
      events.push({ phase, event, topics: [] });
    };
    const initialization: EventRecordValue["phase"] = { kind: "Initialization", fields: {} };

    state.set(SYSTEM.number, [], height);
    state.set(SYSTEM.parentHash, [], this.#head.hash);
    state.set(SYSTEM.blockHash, [this.#head.height], this.#head.hash);
    if (height > BLOCK_HASH_COUNT) state.remove(SYSTEM.blockHash, height - BLOCK_HASH_COUNT - 1);
    for (const event of this.#pendingEvents.splice(0)) at(initialization, inSubtensor(event));
    for (const event of revealCommits(state, this.#options.netuid, height))
      at(initialization, inSubtensor(event));
    stepSubnet(state, this.#options.netuid, height);

    const inherent = timestampExtrinsic(nowMs);
    state.set(TIMESTAMP.now, [], nowMs);
    at({ kind: "ApplyExtrinsic", fields: { 0: 0 } }, SUCCESS_MANDATORY);
    const included = this.#include(height, at);
    const block = sealBlock(this.#head, [inherent, ...included.map(({ extrinsic }) => extrinsic.bytes)]);

    // The real chain gets pulses in unsigned transactions of its offchain workers; here the author writes them.
    const rounds = this.faults.has("beacon-stall") ? [] : this.#options.beacon.publishDue(state, nowMs);
    if (rounds.length > 0)
      at(
        { kind: "Finalization", fields: {} },
        { kind: "Drand", fields: { 0: { kind: "NewPulse", fields: { rounds } } } },
      );
    state.set(SYSTEM.events, [], events);
    state.set(SYSTEM.eventCount, [], events.length);
    state.seal();

    this.#head = block;
    this.#keep(block);
    this.#finalize();
    for (const listener of this.#listeners) listener(block);
    for (const transaction of included) {
      transaction.notify({ inBlock: block.hash });
      this.#unfinalized.push({ height, transaction, hash: block.hash });
    }
    while (this.#unfinalized.length > 0 && this.#unfinalized[0]!.height <= this.#finalized.height) {
      const { transaction, hash } = this.#unfinalized.shift()!;
      transaction.notify({ finalized: hash });
    }
    return block;
  }

  /**
   * Takes the newest blocks back, as a reorganisation does; what an administrator changed for them goes with them. The next blocks
   * stand in their place.
   * @param count of blocks; those that are final stay
   * @returns their transactions, of which nobody knows any more unless they are submitted again
   */
  retract(count: number): PooledTransaction[] {
    const least = Math.max(this.#finalized.height, this.#head.height - count);
    while (this.#head.height > least) {
      const { hash, height, parentHash } = this.#head;
      this.state.takeBack();
      this.#blocks.delete(hash);
      this.#hashes.delete(height);
      this.#head = this.#blocks.get(parentHash)!;
    }
    const first = this.#unfinalized.findIndex(({ height }) => height > least);
    const lost = first < 0 ? [] : this.#unfinalized.splice(first);
    for (const { transaction, hash } of lost) transaction.notify({ retracted: hash });
    return lost.map(({ transaction }) => transaction);
  }

  /** Puts others in the place of the newest blocks, and one more, without what was in them. */
  reorganise(count: number): void {
    const { height } = this.#head;
    this.retract(count);
    while (this.#head.height <= height) this.produce();
  }

  /** Runs the waiting transactions whose turn it is; those that became invalid leave the pool. */
  #include(
    height: number,
    at: (phase: EventRecordValue["phase"], event: RuntimeEventValue) => void,
  ): PooledTransaction[] {
    const included: PooledTransaction[] = [];
    const waiting = this.#pool.all();
    for (const transaction of waiting) {
      const { extrinsic } = transaction;
      const isCarrier = extrinsic.call.kind === "MevShield";
      if (isCarrier && !this.#opened.has(extrinsic.hash)) continue;
      const account = this.state.read(SYSTEM.account, extrinsic.signer);
      if (this.#invalidity(extrinsic) !== null) {
        this.#pool.remove(extrinsic);
        this.#opened.delete(extrinsic.hash);
        transaction.notify("invalid");
        continue;
      }
      if (extrinsic.nonce > account.nonce) continue;
      this.#pool.remove(extrinsic);
      included.push(transaction);
      const phase: EventRecordValue["phase"] = { kind: "ApplyExtrinsic", fields: { 0: included.length } };
      this.state.set(SYSTEM.account, [extrinsic.signer], { ...account, nonce: account.nonce + 1 });
      const refused = this.faults.refusalOf(extrinsic.call, "block");
      const outcome = refused
        ? { error: refused }
        : dispatch(this.state, extrinsic.signer, extrinsic.call, height);
      if ("error" in outcome) {
        at(phase, failed(outcome.error));
        continue;
      }
      for (const event of outcome.events) at(phase, event);
      at(phase, SUCCESS);
      const shielded = isCarrier ? this.#shielded(extrinsic.hash) : null;
      if (shielded) waiting.splice(waiting.indexOf(transaction) + 1, 0, shielded);
    }
    return included;
  }

  /** The transaction that a carrier carried; whoever sent it looks for it in the blocks. */
  #shielded(carrier: HashHex): PooledTransaction | null {
    const bytes = this.#opened.get(carrier);
    this.#opened.delete(carrier);
    if (!bytes) return null;
    try {
      return { extrinsic: decodeExtrinsic(bytes), notify: () => undefined };
    } catch (error) {
      log.debug("localnet cannot read a shielded extrinsic", { reason: messageOf(error) });
      return null;
    }
  }

  /** Why a transaction cannot be in the next block, in the words of the pool; null when it can, now or later. */
  #invalidity(extrinsic: SignedExtrinsic): string | null {
    const height = this.#head.height + 1;
    const eraBlockHash = extrinsic.era
      ? this.#hashes.get(eraBirth(extrinsic.era, height))
      : this.genesis.hash;
    if (eraBlockHash === undefined) return "Transaction has an ancient birth block";
    // An expired era points at a later block than the signer's, so it shows as a bad signature.
    const isSigned = isSignatureValid(extrinsic, {
      specVersion: this.specVersion,
      transactionVersion: TRANSACTION_VERSION,
      genesisHash: this.genesis.hash,
      eraBlockHash,
    });
    if (!isSigned) return "Transaction has a bad signature";
    if (extrinsic.nonce < this.state.read(SYSTEM.account, extrinsic.signer).nonce)
      return "Transaction is outdated";
    const error = precheck(this.state, extrinsic.signer, extrinsic.call, height);
    return error === null ? null : poolReason(error);
  }

  #finalize(): void {
    if (this.faults.has("finality-stall")) return;
    const height = Math.max(0, this.#head.height - FINALITY_LAG_BLOCKS);
    this.#finalized = this.#blocks.get(this.#hashes.get(height)!)!;
  }

  #keep(block: Block): void {
    this.#blocks.set(block.hash, block);
    this.#hashes.set(block.height, block.hash);
    const old = this.#hashes.get(block.height - KEPT_BLOCKS);
    if (old !== undefined && old !== this.genesis.hash) this.#blocks.delete(old);
    this.#hashes.delete(block.height - BLOCK_HASH_COUNT);
  }
}

const poolReason = (error: PalletError): string => `Custom error: ${poolCode(error)}`;

function decode(bytes: Uint8Array): SignedExtrinsic {
  try {
    return decodeExtrinsic(bytes);
  } catch (error) {
    throw refusal(1002, "Verification Error: Runtime error: Execution failed", messageOf(error));
  }
}

export function refusal(code: number, message: string, data?: string): Failure<RefusalCode, RefusalData> {
  return new Failure<RefusalCode, RefusalData>("localnet.refused", { message, data: { code, data } });
}
