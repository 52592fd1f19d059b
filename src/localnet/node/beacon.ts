import { createHash } from "node:crypto";
import { beaconPublicKey, signRound } from "../../chain/timelock.ts";
import type { ChainState } from "./state.ts";
import { DRAND } from "./storage.ts";
import { fromHex } from "./types.ts";

/**
 * Shortest period that Drand.BeaconConfig can say, in whole seconds. Quicknet has 3; with blocks of a quarter of a
 * second the finer step keeps a reveal within a few blocks of its epoch.
 */
export const BEACON_PERIOD_SECONDS = 1;
/** Rounds that passed before the network was born, so that a round number is never mistaken for a missing one. */
const ROUNDS_BEFORE_GENESIS = 1000;
/** Rounds still on chain; a reveal asks for one of the last few. */
const KEPT_ROUNDS = 4096;
/** One signature takes a few milliseconds: after a pause the beacon catches up over several blocks. */
const MOST_ROUNDS_PER_BLOCK = 16;

/**
 * A drand-like randomness beacon of this network alone: same scheme and layout as quicknet, own key, own genesis, so
 * that timelocked commits can be made and opened without the internet. The secret never leaves this object.
 */
export class Beacon {
  readonly #secret: bigint;
  readonly #genesisSeconds: number;

  constructor(secret: bigint, nowMs: number) {
    this.#secret = secret;
    this.#genesisSeconds = Math.floor(nowMs / 1000) - ROUNDS_BEFORE_GENESIS * BEACON_PERIOD_SECONDS;
  }

  get publicKeyHex(): string {
    return beaconPublicKey(this.#secret);
  }

  /** Announces the beacon in the genesis state and publishes its current round. */
  install(state: ChainState, nowMs: number): void {
    const publicKey = fromHex(this.publicKeyHex);
    const digest = sha256(publicKey);
    state.set(DRAND.beaconConfig, [], {
      publicKey,
      period: BEACON_PERIOD_SECONDS,
      genesisTime: this.#genesisSeconds,
      hash: digest,
      groupHash: digest,
      schemeId: Buffer.from("bls-unchained-g1-rfc9380"),
      metadata: { beaconId: Buffer.from("localnet") },
    });
    const round = this.roundAt(nowMs);
    state.set(DRAND.oldestStoredRound, [], BigInt(round));
    this.#store(state, round);
  }

  /** Publishes the rounds that became due; returns them, oldest first. */
  publishDue(state: ChainState, nowMs: number): bigint[] {
    const last = Number(state.read(DRAND.lastStoredRound));
    const due = Math.min(this.roundAt(nowMs), last + MOST_ROUNDS_PER_BLOCK);
    const rounds: bigint[] = [];
    for (let round = last + 1; round <= due; round++) {
      this.#store(state, round);
      rounds.push(BigInt(round));
    }
    this.#prune(state, due);
    return rounds;
  }

  /** Round 1 is published at the genesis time. */
  roundAt(nowMs: number): number {
    return Math.floor((nowMs / 1000 - this.#genesisSeconds) / BEACON_PERIOD_SECONDS) + 1;
  }

  #store(state: ChainState, round: number): void {
    const signature = fromHex(signRound(this.#secret, round));
    state.set(DRAND.pulses, [BigInt(round)], {
      round: BigInt(round),
      randomness: sha256(signature),
      signature,
    });
    state.set(DRAND.lastStoredRound, [], BigInt(round));
  }

  #prune(state: ChainState, newest: number): void {
    const oldest = Number(state.read(DRAND.oldestStoredRound));
    const keepFrom = newest - KEPT_ROUNDS + 1;
    for (let round = oldest; round < keepFrom; round++) state.remove(DRAND.pulses, BigInt(round));
    if (keepFrom > oldest) state.set(DRAND.oldestStoredRound, [], BigInt(keepFrom));
  }
}

const sha256 = (bytes: Uint8Array): Uint8Array => createHash("sha256").update(bytes).digest();
