import { createHash } from "node:crypto";
import { decodeAddress } from "@polkadot/util-crypto";
import type { Hotkey } from "../../src/base/units.ts";
import { signRound } from "../../src/chain/timelock.ts";
import { Beacon } from "../../src/localnet/node/beacon.ts";
import { Chain } from "../../src/localnet/node/chain.ts";
import { writeGenesis } from "../../src/localnet/node/genesis.ts";
import type { Block } from "../../src/localnet/node/header.ts";
import { placeNeuron } from "../../src/localnet/node/neurons.ts";
import type { ChainState } from "../../src/localnet/node/state.ts";
import { StateCalls } from "../../src/localnet/node/state-call.ts";
import { DRAND, SUBTENSOR, SYSTEM } from "../../src/localnet/node/storage.ts";
import { fromHex, toHex } from "../../src/localnet/node/types.ts";

export const NETUID = 1;
export const BLOCK_MS = 12_000;
const SPEC_VERSION = 424;
const AXON = { ip: 0x08_08_08_08n, port: 9000, ipType: 4, version: 1, protocol: 4 };

export interface WorldRules {
  tempo: number;
  weightsRateLimit: number;
  commitReveal: boolean;
}

/** The weights of the validator as the chain has them, read from the chain's own state and by none of the product's code. */
export interface OwnWeights {
  lastUpdate: number;
  /** Hotkey and value of each weight. */
  row: [hotkey: string, value: number][];
  /** Extrinsics of the validator so far. */
  nonce: number;
}

/** A chain of one subnet in this process, whose blocks come when they are told to; uid 0 is the validator. */
export class ChainWorld {
  readonly chain: Chain;
  readonly calls: StateCalls;
  readonly #hotkeys: string[];

  constructor(rules: WorldRules, validator: Hotkey, miners: readonly Hotkey[], seed: number) {
    const accounts = [validator, ...miners].map((hotkey, uid) => {
      const account = toHex(decodeAddress(hotkey));
      const part =
        uid === 0 ? { stakeTao: 10_000, validatorPermit: true } : { stakeTao: 0, validatorPermit: false };
      return { hotkey: account, coldkey: account, ...part, ...(uid > 0 && { axon: AXON }) };
    });
    this.#hotkeys = accounts.map(({ hotkey }) => hotkey);
    const seedBytes = createHash("sha256").update(String(seed)).digest();
    this.chain = new Chain({
      netuid: NETUID,
      specVersion: SPEC_VERSION,
      seed: seedBytes,
      beacon: new SparseBeacon(BigInt(`0x${seedBytes.subarray(0, 31).toString("hex")}`)),
      nowMs: Date.now,
      writeState: (state) =>
        writeGenesis(
          state,
          {
            ...rules,
            netuid: NETUID,
            revealPeriod: 1,
            servingRateLimit: 50,
            minAllowedWeights: 1,
            maxUids: 256,
            versionKey: 0n,
            immunityPeriod: 4096,
            stakeThresholdTao: 1_000,
            burnTao: 1,
            epochs: "stateful",
            mechanisms: 1,
          },
          accounts,
          [],
        ),
    });
    this.calls = new StateCalls(this.chain, BLOCK_MS);
  }

  get genesisHash(): string {
    return `0x${this.chain.genesis.hash}`;
  }

  get head(): number {
    return this.chain.head.height;
  }

  get validator(): string {
    return this.#hotkeys[0]!;
  }

  produce(): Block {
    return this.chain.produce();
  }

  own(): OwnWeights {
    const { state } = this.chain;
    const { lastUpdate, weights } = SUBTENSOR;
    return {
      lastUpdate: state.read(lastUpdate, NETUID)[0] ?? 0,
      row: state.read(weights, NETUID, 0).map(([uid, value]) => [this.hotkeyOf(uid), value]),
      nonce: state.read(SYSTEM.account, this.validator).nonce,
    };
  }

  hotkeyOf(uid: number): string {
    return this.chain.state.read(SUBTENSOR.keys, NETUID, uid);
  }

  registeredAt(uid: number): number {
    return this.chain.state.read(SUBTENSOR.blockAtRegistration, NETUID, uid);
  }

  get size(): number {
    return this.chain.state.read(SUBTENSOR.subnetworkN, NETUID);
  }

  get lastEpochBlock(): number {
    return this.chain.state.read(SUBTENSOR.lastEpochBlock, NETUID);
  }

  /** A stranger takes the place of the miner with this uid, or a new uid where there is none. */
  register(uid: number, account: string): void {
    const { state } = this.chain;
    const axon = { ...AXON, block: this.head, placeholder1: 0, placeholder2: 0 };
    const neuron = { hotkey: account, coldkey: account, stakeRao: 0n, validatorPermit: false, axon };
    placeNeuron(state, NETUID, uid, neuron, this.head + 1);
    this.chain.announce({ kind: "NeuronRegistered", fields: { 0: NETUID, 1: uid, 2: account } });
  }

  get isCommitReveal(): boolean {
    return this.chain.state.read(SUBTENSOR.commitRevealWeightsEnabled, NETUID);
  }

  setCommitReveal(enabled: boolean): void {
    this.chain.state.set(SUBTENSOR.commitRevealWeightsEnabled, [NETUID], enabled);
    this.chain.announce({ kind: "CommitRevealEnabled", fields: { 0: NETUID, 1: enabled } });
  }
}

/**
 * A beacon that signs only the rounds that a commit waits for: of the four a block that quicknet gives, hardly one in a
 * hundred is asked for, and a signature takes milliseconds.
 */
class SparseBeacon extends Beacon {
  readonly #key: bigint;

  constructor(key: bigint) {
    super(key, Date.now());
    this.#key = key;
  }

  override publishDue(state: ChainState, nowMs: number): bigint[] {
    const { genesisTime, period } = state.read(DRAND.beaconConfig);
    const due = BigInt(Math.floor((nowMs / 1000 - genesisTime) / period) + 1);
    const rounds: bigint[] = [];
    const epoch = state.read(SUBTENSOR.subnetEpochIndex, NETUID);
    for (const index of [epoch, epoch - 1, epoch - 2].filter((one) => one >= 0))
      for (const [, , , round] of state.read(SUBTENSOR.timelockedWeightCommits, NETUID, index)) {
        if (round > due || state.get(DRAND.pulses, round) !== null) continue;
        const signature = fromHex(signRound(this.#key, Number(round)));
        const randomness = createHash("sha256").update(signature).digest();
        state.set(DRAND.pulses, [round], { round, randomness, signature });
        rounds.push(round);
      }
    state.set(DRAND.lastStoredRound, [], due);
    return rounds;
  }
}
