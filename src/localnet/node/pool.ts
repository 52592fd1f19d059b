import type { SignedExtrinsic } from "./extrinsic.ts";
import type { AccountHex, HashHex } from "./types.ts";

/** What a watcher of a transaction hears, in the words of author_extrinsicUpdate. */
export type TransactionStatus =
  | "ready"
  | "future"
  | "invalid"
  | { inBlock: string }
  | { retracted: string }
  | { finalized: string };

export interface PooledTransaction {
  extrinsic: SignedExtrinsic;
  notify: (status: TransactionStatus) => void;
}

/** Full pool: a node answers 1016 to the next one. */
const MOST_TRANSACTIONS = 1024;

/** Transactions that wait for a block, per signer in the order of their nonces. */
export class TransactionPool {
  readonly #bySigner = new Map<AccountHex, Map<number, PooledTransaction>>();
  readonly #hashes = new Set<HashHex>();

  get isFull(): boolean {
    return this.#hashes.size >= MOST_TRANSACTIONS;
  }

  has(hash: HashHex): boolean {
    return this.#hashes.has(hash);
  }

  /** Whether another transaction of this signer already holds the nonce. */
  holdsNonce(signer: AccountHex, nonce: number): boolean {
    return this.#bySigner.get(signer)?.has(nonce) ?? false;
  }

  add(transaction: PooledTransaction): void {
    const { signer, nonce, hash } = transaction.extrinsic;
    const waiting = this.#bySigner.get(signer) ?? new Map<number, PooledTransaction>();
    waiting.set(nonce, transaction);
    this.#bySigner.set(signer, waiting);
    this.#hashes.add(hash);
  }

  remove({ signer, nonce, hash }: SignedExtrinsic): void {
    if (!this.#hashes.has(hash)) return;
    const waiting = this.#bySigner.get(signer);
    waiting?.delete(nonce);
    if (waiting?.size === 0) this.#bySigner.delete(signer);
    this.#hashes.delete(hash);
  }

  /** The signer's next free nonce when its account stands at `nonce`. */
  nextNonce(signer: AccountHex, nonce: number): number {
    const waiting = this.#bySigner.get(signer);
    let next = nonce;
    while (waiting?.has(next)) next++;
    return next;
  }

  /** Every waiting transaction, lowest nonce first within a signer. */
  all(): PooledTransaction[] {
    return [...this.#bySigner.values()].flatMap((waiting) =>
      [...waiting.entries()].sort(([a], [b]) => a - b).map(([, transaction]) => transaction),
    );
  }
}
