import { Failure } from "../base/error.ts";
import { asBlock, asUid, type BlockNumber, type Netuid, U16_MAX, type Uid } from "../base/units.ts";
import { fetchBlockTime } from "../chain/block-time.ts";
import type { ChainConnection } from "../chain/connection.ts";
import { fateOfEarlier } from "../chain/earlier.ts";
import { chainFailure } from "../chain/errors.ts";
import type { ExtrinsicSigner } from "../chain/extrinsic.ts";
import { type AxonInfo, fetchMetagraph, fetchWeights, type Metagraph } from "../chain/metagraph.ts";
import type { Weights } from "../chain/precheck.ts";
import { confirmReveal } from "../chain/reveal.ts";
import { submitWeights } from "../chain/submission.ts";
import { processWeights } from "../weights/process.ts";
import { quantizeWeights } from "../weights/quantize.ts";
import { normalizeL1 } from "../weights/scores.ts";
import type {
  Chain,
  EarlierFate,
  EarlierWeights,
  Neuron,
  PendingReveal,
  SentWeights,
  Subnet,
  WeightsOrder,
} from "./ports.ts";

/** A neuron with the address its miner listens on. */
export interface AxonNeuron extends Neuron {
  axon: AxonInfo;
}

/** The chain as the validator needs it: one subnet, one hotkey. */
export class Subtensor implements Chain<AxonNeuron> {
  readonly #connection: ChainConnection;
  readonly #signer: ExtrinsicSigner;
  readonly #netuid: Netuid;
  readonly #versionKey: number;

  constructor(connection: ChainConnection, signer: ExtrinsicSigner, netuid: Netuid, versionKey: number) {
    this.#connection = connection;
    this.#signer = signer;
    this.#netuid = netuid;
    this.#versionKey = versionKey;
  }

  get genesisHash(): string {
    return this.#connection.genesisHash;
  }

  head(): BlockNumber {
    return this.#connection.head();
  }

  isOverdue(): boolean {
    return this.#connection.isOverdue();
  }

  onHead(callback: (block: BlockNumber) => void): () => void {
    return this.#connection.onHead(callback);
  }

  async fetchSubnet(): Promise<Subnet<AxonNeuron>> {
    const startedMs = performance.now();
    const metagraph = await fetchMetagraph(this.#connection, this.#netuid);
    const ownUid = this.#ownUid(metagraph);
    const chainTimeMs = await fetchBlockTime(this.#connection, metagraph.block);
    return {
      block: metagraph.block,
      chainTimeMs,
      tookMs: performance.now() - startedMs,
      ownUid,
      neurons: metagraph.hotkeys.map((hotkey, uid) => {
        const axon = metagraph.axons[uid]!;
        return {
          uid: asUid(uid),
          hotkey,
          registeredAt: asBlock(metagraph.blockAtRegistration[uid]!),
          axon,
          isServing: axon.ip !== 0n,
          hasValidatorPermit: metagraph.validatorPermit[uid]!,
          stakeTao: metagraph.stakeTao[uid]!,
        };
      }),
      tempo: metagraph.hyperparameters.tempo,
      weightsRateLimit: metagraph.hyperparameters.weightsRateLimit,
      ownLastUpdate: metagraph.lastUpdate[ownUid] ?? 0,
    };
  }

  async sendWeights({ scoresFor, before, nonce, signal }: WeightsOrder): Promise<SentWeights> {
    // The holders of the uids are read at the last moment: weight belongs to the miner who earned it, not to his uid.
    const make = async (): Promise<Weights> => {
      const metagraph = await fetchMetagraph(this.#connection, this.#netuid);
      const holders = metagraph.hotkeys.map((hotkey, uid) => ({
        hotkey,
        registeredAt: asBlock(metagraph.blockAtRegistration[uid]!),
      }));
      return this.#weightsOf(scoresFor(holders), metagraph);
    };
    const sent = await submitWeights(this.#connection, this.#signer, make, { before, nonce, signal });
    const { path, block, uids, values, extrinsicHash } = sent;
    if (path === "plain") return { path, block, uids, values, extrinsicHash };
    const { pending } = sent;
    return { path, block, uids, values, extrinsicHash, revealRound: pending.revealRound, pending };
  }

  fateOf(earlier: readonly EarlierWeights[]): Promise<EarlierFate> {
    return fateOfEarlier(this.#connection, this.#signer.hotkey, this.#netuid, earlier);
  }

  followReveal(pending: PendingReveal, signal: AbortSignal): Promise<BlockNumber> {
    return confirmReveal(this.#connection, this.#signer, { ...pending, netuid: this.#netuid }, signal);
  }

  async readOwnWeights(): Promise<[Uid, number][]> {
    const metagraph = await fetchMetagraph(this.#connection, this.#netuid);
    return fetchWeights(this.#connection, this.#netuid, this.#ownUid(metagraph));
  }

  #weightsOf(scores: Float32Array, { hyperparameters, hotkeys }: Metagraph): Weights {
    // Nobody's score becomes equal weights for all (SDK process_weights), which would pay everyone for nothing.
    if (!scores.some((score) => score > 0))
      throw chainFailure("chain.bad-weights", {
        message: "no miner of this subnet has a score above 0, so there are no weights to set",
        retry: "next-window",
      });
    const processed = processWeights({
      uids: [...scores.keys()],
      weights: normalizeL1(scores),
      neurons: hotkeys.length,
      minAllowedWeights: hyperparameters.minAllowedWeights,
      maxWeightLimit: hyperparameters.maxWeightsLimit / U16_MAX,
      excludeQuantile: 0,
    });
    const { uids, values } = quantizeWeights(
      processed.uids,
      processed.weights,
      hyperparameters.maxWeightsLimit / U16_MAX,
    );
    return { netuid: this.#netuid, uids, values, versionKey: this.#versionKey };
  }

  #ownUid(metagraph: Metagraph): Uid {
    const uid = metagraph.hotkeys.indexOf(this.#signer.hotkey);
    if (uid >= 0) return asUid(uid);
    throw new Failure("chain.not-registered", {
      message: `The hotkey ${this.#signer.hotkey} is not registered on netuid ${this.#netuid}`,
      hint: "register it with btcli subnet register, or check --netuid and --wallet.hotkey",
    });
  }
}
