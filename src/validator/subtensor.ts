import { Failure, type FailureOptions } from "../base/error.ts";
import { log } from "../base/log.ts";
import { Told } from "../base/told.ts";
import {
  asBlock,
  asHotkey,
  asUid,
  type BlockNumber,
  type Hotkey,
  type Netuid,
  type Uid,
} from "../base/units.ts";
import { fetchMoment } from "../chain/block-time.ts";
import type { ChainConnection } from "../chain/connection.ts";
import { fateOfEarlier } from "../chain/earlier.ts";
import { chainFailure } from "../chain/errors.ts";
import type { ExtrinsicSigner } from "../chain/extrinsic.ts";
import { readOwn } from "../chain/items.ts";
import { type AxonInfo, fetchMetagraph, type Metagraph } from "../chain/metagraph.ts";
import type { Weights } from "../chain/precheck.ts";
import { confirmReveal } from "../chain/reveal.ts";
import { submitWeights } from "../chain/submission.ts";
import type { MovingScores } from "../weights/scores.ts";
import { PLAIN_POLICY, type WeightPolicy } from "../weights/shape.ts";
import type {
  Chain,
  EarlierFate,
  EarlierWeights,
  Neuron,
  PendingReveal,
  ProposedWeights,
  SentWeights,
  Subnet,
  WeightsOrder,
} from "./ports.ts";
import { earnedWeights, fetchRow, weighClaims } from "./weighing.ts";

/** A head as old as this tells nothing of now. */
const MAX_AGE_MS = 60_000;

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
  readonly #policy: WeightPolicy;
  readonly #mecids: readonly number[];
  readonly #unburnt = new Told();
  /** Where this hotkey was when it was last seen. */
  #held: Held | undefined;

  constructor(
    connection: ChainConnection,
    signer: ExtrinsicSigner,
    netuid: Netuid,
    versionKey: number,
    policy: WeightPolicy = PLAIN_POLICY,
    mecids: readonly number[] = [0],
  ) {
    this.#policy = policy;
    this.#mecids = mecids;
    this.#connection = connection;
    this.#signer = signer;
    this.#netuid = netuid;
    this.#versionKey = versionKey;
  }

  get genesisHash(): string {
    return this.#connection.genesisHash;
  }

  get blockTimeMs(): number {
    return this.#connection.blockTimeMs;
  }

  head(): BlockNumber {
    return this.#connection.head();
  }

  finalized(): BlockNumber | undefined {
    return this.#connection.finalized();
  }

  isOverdue(): boolean {
    return this.#connection.isOverdue();
  }

  isSecondChoice(): boolean {
    return this.#connection.isSecondChoice();
  }

  preferEndpoint(mayLeave: () => boolean): Promise<void> {
    return this.#connection.preferEndpoint(mayLeave);
  }

  onHead(callback: (block: BlockNumber) => void): () => void {
    return this.#connection.onHead(callback);
  }

  async fetchSubnet(known: MovingScores["neurons"] = []): Promise<Subnet<AxonNeuron>> {
    const startedMs = performance.now();
    return this.subnetOf(await this.#metagraph(), startedMs, known);
  }

  /** As `fetchSubnet`, of a metagraph that was read. @param startedMs when its reading began */
  async subnetOf(
    metagraph: Metagraph,
    startedMs: number,
    known: MovingScores["neurons"] = [],
  ): Promise<Subnet<AxonNeuron>> {
    this.#held ??= heldBy(this.#signer.hotkey, known);
    const uid = metagraph.hotkeys.indexOf(this.#signer.hotkey);
    const { timeMs, nextEpochBlock, mechanisms } = await fetchMoment(this.#connection, {
      netuid: this.#netuid,
      block: metagraph.block,
      uid: asUid(Math.max(0, uid)),
      mecids: this.#mecids,
      lastUpdate: metagraph.lastUpdate[uid] ?? 0,
    });
    // From an old head nobody can tell who is registered now (C2).
    const ageMs = Date.now() - timeMs;
    if (ageMs > MAX_AGE_MS && uid < 0)
      throw chainFailure("chain.lagging", {
        message: `the hotkey is not registered in block ${metagraph.block}, but that is ${Math.round(ageMs / 1000)} s old`,
        hint: "Wait for a node that is level with its chain, or check this machine's clock.",
        retry: "soon",
      });
    const ownUid = this.#ownUid(metagraph);
    return {
      block: metagraph.block,
      chainTimeMs: timeMs,
      nextEpochBlock,
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
      mechanisms,
      neededVersionKey: this.#needed(metagraph.hyperparameters.weightsVersion),
    };
  }

  #needed(versionKey: number): number | undefined {
    return versionKey > this.#versionKey ? versionKey : undefined;
  }

  async sendWeights(order: WeightsOrder): Promise<SentWeights> {
    const { mecid, before, nonce, signal } = order;
    // The holders of the uids are read at the last moment: weight belongs to the miner who earned it, not to his uid.
    const make = async (): Promise<Weights> => {
      const { uids, values, unburnt } = await this.proposeWeights(order);
      this.#tellUnburnt(unburnt);
      return { netuid: this.#netuid, mecid, uids, values, versionKey: this.#versionKey };
    };
    const sent = await submitWeights(this.#connection, this.#signer, make, { before, nonce, signal });
    const { path, block, uids, values, extrinsicHash } = sent;
    if (path === "plain") return { path, block, uids, values, extrinsicHash };
    const { pending } = sent;
    return { path, block, uids, values, extrinsicHash, revealRound: pending.revealRound, pending };
  }

  /** Miners are paid what was to be burnt: told once for as long as that is so. */
  #tellUnburnt(unburnt: string | undefined): void {
    if (unburnt === undefined) this.#unburnt.over();
    else if (this.#unburnt.isNews(unburnt))
      log.warn("Weights are set without the burn that was asked for", {
        reason: unburnt,
        hint: "name a uid of the subnet's owner: --weights.burn SHARE:UID",
      });
  }

  async proposeWeights(
    order: Pick<WeightsOrder, "mecid" | "scoresFor" | "neverAsked">,
  ): Promise<ProposedWeights> {
    const metagraph = await this.#metagraph();
    const ownUid = this.#ownUid(metagraph);
    const { burn, burnsIdle, smoothing } = this.#policy;
    const wantsRow = burn !== undefined || burnsIdle || smoothing > 0;
    const chain = wantsRow ? await fetchRow(this.#connection, metagraph, order.mecid, ownUid) : undefined;
    return weighClaims(metagraph, order, chain, this.#policy);
  }

  fateOf(earlier: readonly EarlierWeights[], mecid: number): Promise<EarlierFate> {
    const place = { netuid: this.#netuid, mecid };
    return fateOfEarlier(this.#connection, this.#signer.hotkey, place, earlier);
  }

  followReveal(pending: PendingReveal, signal: AbortSignal): Promise<BlockNumber> {
    return confirmReveal(this.#connection, this.#signer, { ...pending, netuid: this.#netuid }, signal);
  }

  async readOwnWeights(mecid: number): Promise<[Uid, number][]> {
    const own = await this.#connection.ask("reading the own weights", async (api) =>
      readOwn(api, (await api.rpc.chain.getBlockHash()).toHex(), this.#signer.hotkey, {
        netuid: this.#netuid,
        mecid,
      }),
    );
    // Without a uid the metagraph tells what became of it.
    if (own === null) this.#ownUid(await this.#metagraph());
    return own?.weights ?? [];
  }

  async readEarnedWeights(mecid: number): Promise<Float32Array> {
    const metagraph = await this.#metagraph();
    const chain = await fetchRow(this.#connection, metagraph, mecid, this.#ownUid(metagraph));
    return earnedWeights(metagraph, chain, this.#policy);
  }

  #metagraph(): Promise<Metagraph> {
    return fetchMetagraph(this.#connection, this.#netuid);
  }

  #ownUid(metagraph: Metagraph): Uid {
    const { hotkey } = this.#signer;
    const uid = metagraph.hotkeys.indexOf(hotkey);
    if (uid >= 0) {
      const registeredAt = metagraph.blockAtRegistration[uid]!;
      this.#held = { uid: asUid(uid), registeredAt, hotkeys: metagraph.hotkeys };
      return this.#held.uid;
    }
    throw new Failure(
      "chain.not-registered",
      this.#held === undefined ? neverRegistered(hotkey, this.#netuid) : lost(hotkey, this.#held, metagraph),
    );
  }
}

interface Held {
  uid: Uid;
  /** Block of its registration. */
  registeredAt: number;
  /** Of all neurons then, by uid. */
  hotkeys: readonly Hotkey[];
}

function heldBy(hotkey: Hotkey, neurons: MovingScores["neurons"]): Held | undefined {
  const uid = neurons.findIndex((one) => one.hotkey === hotkey);
  const registeredAt = neurons[uid]?.registeredAt;
  if (registeredAt === undefined) return undefined;
  return { uid: asUid(uid), registeredAt, hotkeys: neurons.map((one) => asHotkey(one.hotkey)) };
}

function neverRegistered(hotkey: Hotkey, netuid: Netuid): FailureOptions<never> {
  return {
    message: `The hotkey ${hotkey} is not registered on netuid ${netuid}`,
    hint: "register it with btcli subnet register, or check --netuid and --wallet.hotkey",
  };
}

/** What became of a registration: a swap keeps its block, and a newcomer brings a later one. */
function lost(
  hotkey: Hotkey,
  { uid, registeredAt, hotkeys: before }: Held,
  { netuid, hotkeys, blockAtRegistration }: Metagraph,
): FailureOptions<never> {
  const holder = hotkeys[uid];
  const hint = "register it again with btcli subnet register; --wait-registration waits for that";
  // Who was in the subnet already has moved to this uid.
  if (holder === undefined || before.includes(holder))
    return {
      message: `The hotkey ${hotkey} lost uid ${uid}: netuid ${netuid} was trimmed to ${hotkeys.length} uids`,
      hint,
    };
  const block = blockAtRegistration[uid]!;
  if (block === registeredAt)
    return {
      message: `The hotkey ${hotkey} was swapped: uid ${uid} of netuid ${netuid} is ${holder} now`,
      hint: "run with the new hotkey (--wallet.hotkey); its scores begin with the weights on chain",
    };
  return {
    message: `The hotkey ${hotkey} was deregistered: uid ${uid} of netuid ${netuid} is ${holder} now, registered in block ${block}`,
    hint,
  };
}
