import { decodeAddress } from "@polkadot/util-crypto";
import { toHex } from "../../src/localnet/node/types.ts";
import type { ChainWorld } from "./chain-world.ts";
import { randomOf } from "./virtual-time.ts";

interface WindowRules {
  tempo: number;
  /** Blocks before an epoch at which its window opens; it ends where the next one opens. */
  before: number;
  seed: number;
}

/** A miner may be replaced while a vector is on its way to the block that takes it; nothing can be done about so few blocks. */
const IN_FLIGHT_BLOCKS = 12;
/** A miner that registered a while ago may not be known yet: the subnet is read now and then. */
const UNKNOWN_BLOCKS = 30;
/** Epochs from a commit to its reveal, and one for what came late. */
const REVEAL_WINDOWS = 3;

/**
 * Knows what the weights of a window have to be, and compares the chain with it at each block. Scores are given by it, one for
 * each hotkey and window, so that a vector of another window or for another holder shows.
 */
export class Oracle {
  readonly #world: ChainWorld;
  readonly #rules: WindowRules;
  readonly #updates = new Map<number, number[]>();
  readonly #firstWindow: number;
  #lastUpdate = 0;
  #nonce = 0;
  #row = "[]";
  readonly #wrong: string[] = [];
  #commits = 0;
  #reveals = 0;

  constructor(world: ChainWorld, rules: WindowRules) {
    this.#world = world;
    this.#rules = rules;
    this.#firstWindow = this.windowOf(world.head);
  }

  /** Epochs come at the multiples of the tempo. */
  windowOf(block: number): number {
    return Math.floor((block + this.#rules.before) / this.#rules.tempo);
  }

  opensAt(window: number): number {
    return window * this.#rules.tempo - this.#rules.before;
  }

  /** Score of a miner in a window, 0 for one that registered after it opened. */
  scoreOf(account: string, registeredAt: number, window: number): number {
    if (account === this.#world.validator || registeredAt >= Math.max(1, this.opensAt(window))) return 0;
    const number = Number.parseInt(account.slice(-6), 16);
    return 0.05 + randomOf(this.#rules.seed ^ (number * 7919 + window * 104_729))();
  }

  scoreOfAddress(address: string, registeredAt: number, window: number): number {
    return this.scoreOf(toHex(decodeAddress(address)), registeredAt, window);
  }

  /** Called after each block. */
  note(): void {
    const { head } = this.#world;
    const { lastUpdate, row, nonce } = this.#world.own();
    // A reveal counts as an update as well where commit-reveal was turned off since.
    const isUpdated = lastUpdate !== this.#lastUpdate && nonce !== this.#nonce;
    const text = JSON.stringify(row);
    if (isUpdated) {
      const window = this.windowOf(lastUpdate);
      this.#updates.set(window, [...(this.#updates.get(window) ?? []), lastUpdate]);
      if (this.#world.isCommitReveal) this.#commits++;
    }
    if (text !== this.#row && row.length > 0) {
      const now = this.windowOf(head);
      const isReveal = !isUpdated;
      if (isReveal) this.#reveals++;
      // What was made in the last block of a window may come in the first of the next.
      const windows = Array.from({ length: isReveal ? REVEAL_WINDOWS + 1 : 2 }, (_, back) => now - back);
      if (!windows.some((window) => this.#isRight(row, window, isReveal))) {
        this.#wrong.push(`block ${head}: ${text}`);
      }
    }
    this.#lastUpdate = lastUpdate;
    this.#nonce = nonce;
    this.#row = text;
  }

  /** Called when the chain has taken blocks back: what they held never was. */
  noteRetracted(): void {
    const { head } = this.#world;
    for (const [window, blocks] of this.#updates) {
      const kept = blocks.filter((block) => block <= head);
      if (kept.length > 0) this.#updates.set(window, kept);
      else this.#updates.delete(window);
    }
    const { lastUpdate, row, nonce } = this.#world.own();
    this.#lastUpdate = lastUpdate;
    this.#nonce = nonce;
    this.#row = JSON.stringify(row);
  }

  #isRight(row: readonly [string, number][], window: number, isReveal: boolean): boolean {
    const { size, head } = this.#world;
    const values = new Map(row);
    const holders = Array.from({ length: size }, (_, uid) => {
      const account = this.#world.hotkeyOf(uid);
      const registeredAt = this.#world.registeredAt(uid);
      return { account, registeredAt, score: this.scoreOf(account, registeredAt, window) };
    });
    const inFlight = isReveal ? (REVEAL_WINDOWS + 1) * this.#rules.tempo : IN_FLIGHT_BLOCKS;
    // Who took over the uid of the best one since holds a weight that says nothing of the others.
    const best = holders
      .filter(({ account, registeredAt }) => values.has(account) && registeredAt < head - inFlight)
      .reduce<[score: number, value: number]>(
        (most, { account, score }) => (score > most[0] ? [score, values.get(account)!] : most),
        [Number.MIN_VALUE, 0],
      );
    return holders.every(({ account, registeredAt, score }) => {
      const value = values.get(account);
      if (registeredAt >= head - inFlight) return true;
      if (value === undefined) return score === 0 || registeredAt >= this.opensAt(window) - UNKNOWN_BLOCKS;
      return Math.abs(value - (best[1] * score) / best[0]) <= 1;
    });
  }

  verdict(end: number) {
    // The first window and the last are cut.
    const whole = Array.from(
      { length: Math.max(0, this.windowOf(end) - this.#firstWindow - 1) },
      (_, index) => this.#firstWindow + 1 + index,
    );
    const waits = whole
      .flatMap((window) =>
        (this.#updates.get(window) ?? []).slice(0, 1).map((at) => at - this.opensAt(window)),
      )
      .sort((a, b) => a - b);
    const at = (share: number): number =>
      waits[Math.min(waits.length - 1, Math.floor(waits.length * share))] ?? 0;
    return {
      windows: whole.length,
      set: waits.length,
      missed: whole.filter((window) => !this.#updates.has(window)).map((window) => this.opensAt(window)),
      doubled: [...this.#updates.values()].filter((updates) => updates.length > 1),
      wrong: this.#wrong,
      commits: this.#commits,
      reveals: this.#reveals,
      blocksToWeights: { median: at(0.5), p95: at(0.95), most: waits.at(-1) ?? 0 },
    };
  }
}
