import { Failure } from "../base/error.ts";
import { asUid, type BlockNumber, type Netuid, type Uid } from "../base/units.ts";
import type { ChainConnection } from "../chain/connection.ts";
import type { ExtrinsicSigner } from "../chain/extrinsic.ts";
import { type AxonInfo, fetchMetagraph, type Metagraph } from "../chain/metagraph.ts";
import { confirmReveal } from "../chain/reveal.ts";
import { submitWeights } from "../chain/submission.ts";
import { processWeights } from "../weights/process.ts";
import { quantizeWeights } from "../weights/quantize.ts";
import { normalizeL1 } from "../weights/scores.ts";
import type { Chain, Neuron, SentWeights, Subnet } from "./ports.ts";

/** A neuron with the address its miner listens on. */
export interface AxonNeuron extends Neuron {
  axon: AxonInfo;
}

const U16_MAX = 65_535;

/** The chain as the validator needs it: one subnet, one hotkey. */
export class Subtensor implements Chain<AxonNeuron> {
  readonly #connection: ChainConnection;
  readonly #signer: ExtrinsicSigner;
  readonly #netuid: Netuid;
  readonly #versionKey: number;
  #metagraph: Metagraph | undefined;

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

  onHead(callback: (block: BlockNumber) => void): () => void {
    return this.#connection.onHead(callback);
  }

  async fetchSubnet(): Promise<Subnet<AxonNeuron>> {
    const metagraph = await fetchMetagraph(this.#connection, this.#netuid);
    const ownUid = this.#ownUid(metagraph);
    this.#metagraph = metagraph;
    return {
      block: metagraph.block,
      ownUid,
      neurons: metagraph.hotkeys.map((hotkey, uid) => {
        const axon = metagraph.axons[uid]!;
        return {
          uid: asUid(uid),
          hotkey,
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

  async sendWeights(scores: Float32Array): Promise<SentWeights> {
    const { hyperparameters, hotkeys } =
      this.#metagraph ?? (await fetchMetagraph(this.#connection, this.#netuid));
    const processed = processWeights({
      uids: [...scores.keys()],
      weights: normalizeL1(scores),
      neurons: hotkeys.length,
      minAllowedWeights: hyperparameters.minAllowedWeights,
      maxWeightLimit: hyperparameters.maxWeightsLimit / U16_MAX,
      excludeQuantile: 0,
    });
    const { uids, values } = quantizeWeights(processed.uids, processed.weights);
    const submission = { netuid: this.#netuid, uids, values, versionKey: this.#versionKey };
    const sent = await submitWeights(this.#connection, this.#signer, submission);
    if (sent.path === "plain") return { ...sent, uids, values };
    return { ...sent, uids, values, revealed: confirmReveal(this.#connection, this.#signer, sent) };
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
