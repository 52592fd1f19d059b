import { randomBytes } from "node:crypto";
import { cryptoWaitReady, decodeAddress } from "@polkadot/util-crypto";
import { Failure } from "../../base/error.ts";
import { log } from "../../base/log.ts";
import { adminMethods, type NeuronView, neurons } from "./admin.ts";
import { Beacon } from "./beacon.ts";
import { Chain } from "./chain.ts";
import { Endpoint } from "./endpoint.ts";
import { type GenesisAccount, genesisAxon, raoOf, writeGenesis } from "./genesis.ts";
import { chooseUid, placeNeuron, uidOf } from "./neurons.ts";
import {
  accountOf,
  DEFAULT_BLOCK_TIME_MS,
  DEFAULT_MAX_UIDS,
  FIRST_SPEC_VERSION,
  type GenesisNeuron,
  MOST_UIDS,
  type NodeOptions,
  rulesOf,
} from "./options.ts";
import type { SubtensorEventValue } from "./outcome.ts";
import type { Method } from "./rpc.ts";
import type { LocalnetCode } from "./scale.ts";
import { epochOf, isModulo, STATEFUL_SPEC_VERSION } from "./schedule.ts";
import { sdkCommit } from "./sdk-commit.ts";
import { Shield } from "./shield.ts";
import { StateCalls } from "./state-call.ts";
import { SUBTENSOR, TIMESTAMP } from "./storage.ts";
import { MEV_SHIELD } from "./storage-clients.ts";
import { type AccountHex, toHex } from "./types.ts";

export type { GenesisNeuron, NodeOptions } from "./options.ts";

const LOOPBACK = new Set(["127.0.0.1", "::1", "localhost"]);

/** Starts a subtensor-like development network of one node. Everything it holds is gone when it stops. */
export async function startNode(options: NodeOptions): Promise<LocalNode> {
  const host = options.host ?? "127.0.0.1";
  const maxUids = options.maxUids ?? Math.max(DEFAULT_MAX_UIDS, options.accounts.length);
  if (!LOOPBACK.has(host)) throw badOption("a localnet listens on loopback only");
  if (maxUids > MOST_UIDS || options.accounts.length > maxUids)
    throw badOption(`a subnet has at most ${Math.min(maxUids, MOST_UIDS)} neurons`);
  await cryptoWaitReady();
  const node = new LocalNode({ ...options, host, maxUids, shield: await Shield.create() });
  log.debug("localnet node listens", { endpoint: node.endpoint, neurons: options.accounts.length });
  return node;
}

/** A running node, with what an administrator or a test may do to its network. */
export class LocalNode {
  readonly netuid: number;
  readonly genesisHash: string;
  readonly #chain: Chain;
  readonly #calls: StateCalls;
  readonly #endpoints: Endpoint[] = [];
  readonly #extraMethods: Record<string, Method> = {};
  readonly #host: string;
  readonly #random: () => number;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #nextBlockAtMs: number;

  constructor(options: NodeOptions & { host: string; maxUids: number; shield: Shield }) {
    const {
      host,
      port = 0,
      blockTimeMs = DEFAULT_BLOCK_TIME_MS,
      netuid = 1,
      accounts,
      purses = [],
      nowMs = Date.now,
      random = Math.random,
      paused = false,
      owner,
      genesisHash,
    } = options;
    const rules = rulesOf(options, netuid);
    const beacon = new Beacon(BigInt(`0x${randomBytes(31).toString("hex")}`), nowMs());
    this.netuid = netuid;
    this.#host = host;
    this.#chain = new Chain({
      netuid,
      specVersion: FIRST_SPEC_VERSION[rules.epochs],
      seed: randomBytes(32),
      beacon,
      shield: options.shield,
      nowMs,
      genesisHash: genesisHash?.slice(2),
      writeState: (state) => {
        if (owner !== undefined) state.set(SUBTENSOR.subnetOwner, [netuid], toHex(decodeAddress(owner)));
        state.set(MEV_SHIELD.currentKey, [], options.shield.publicKey);
        state.set(MEV_SHIELD.nextKey, [], options.shield.publicKey);
        writeGenesis(
          state,
          rules,
          accounts.map(accountOf),
          purses.map(({ address, tao }) => ({ account: toHex(decodeAddress(address)), tao })),
        );
        // A real genesis has no time; whoever connects in our first second should not find a clock that is off by 50 years.
        state.set(TIMESTAMP.now, [], nowMs());
      },
    });
    this.genesisHash = `0x${this.#chain.genesis.hash}`;
    this.#calls = new StateCalls(this.#chain, blockTimeMs);
    this.#random = random;
    this.addMethod("localnet_commit", (params) =>
      sdkCommit(
        this.#chain,
        netuid,
        beacon,
        { nowMs: nowMs(), blockTimeMs: this.#calls.blockTimeMs },
        params,
      ),
    );
    this.openEndpoint(port);
    this.#nextBlockAtMs = Date.now() + blockTimeMs;
    if (!paused) this.#schedule();
  }

  /** Another websocket to the same chain, with faults of its own; `port` 0 takes a free one. */
  openEndpoint(port = 0): Endpoint {
    const endpoint = new Endpoint({
      chain: this.#chain,
      calls: this.#calls,
      host: this.#host,
      port,
      random: this.#random,
    });
    endpoint.rpc.add({ ...adminMethods(this.#chain, this.netuid, this, endpoint), ...this.#extraMethods });
    this.#endpoints.push(endpoint);
    return endpoint;
  }

  /** A method that its endpoints answer beside those of a node. */
  addMethod(name: string, method: Method): void {
    this.#extraMethods[name] = method;
    for (const { rpc } of this.#endpoints) rpc.add({ [name]: method });
  }

  neurons(): NeuronView[] {
    return neurons(this.#chain, this.netuid);
  }

  /** The one that it started with. */
  get first(): Endpoint {
    return this.#endpoints[0]!;
  }

  get endpoint(): string {
    return this.first.endpoint;
  }

  endpoints(): string[] {
    return this.#endpoints.map(({ endpoint }) => endpoint);
  }

  get port(): number {
    return this.first.port;
  }

  get specVersion(): number {
    return this.#chain.specVersion;
  }

  head(): number {
    return this.#chain.head.height;
  }

  /** Resolves with the height of the next block. */
  nextBlock(): Promise<number> {
    return this.reached(0);
  }

  /** Resolves with the height of the next block that is at least so high. */
  reached(height: number): Promise<number> {
    return new Promise((resolve) => {
      const stop = this.#chain.onBlock((block) => {
        if (block.height < height) return;
        stop();
        resolve(block.height);
      });
    });
  }

  /** Builds a block now, beside the clock; for tests that drive the chain themselves. Returns its height. */
  produceBlock(): number {
    return this.#chain.produce().height;
  }

  /** Turns commit-reveal on or off from the next block on, as the subnet's owner can. */
  setCommitReveal(enabled: boolean): void {
    this.#chain.state.set(SUBTENSOR.commitRevealWeightsEnabled, [this.netuid], enabled);
    this.#chain.announce({ kind: "CommitRevealEnabled", fields: { 0: this.netuid, 1: enabled } });
  }

  announce(event: SubtensorEventValue): void {
    this.#chain.announce(event);
  }

  setVersionKey(versionKey: bigint): void {
    this.#chain.state.set(SUBTENSOR.weightsVersionKey, [this.netuid], versionKey);
  }

  setValidatorPermit(uid: number, permit: boolean): void {
    this.#hotkeyOf(uid);
    const permits = this.#chain.state.read(SUBTENSOR.validatorPermit, this.netuid);
    permits[uid] = permit;
    this.#chain.state.set(SUBTENSOR.validatorPermit, [this.netuid], permits);
  }

  /** No block comes by itself until `resume`; `step` makes some. */
  pause(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
  }

  resume(): void {
    if (this.#timer) return;
    this.#nextBlockAtMs = Date.now() + this.#calls.blockTimeMs;
    this.#schedule();
  }

  /** Makes so many blocks at once; returns the height. */
  step(blocks: number): number {
    for (let made = 0; made < blocks; made++) this.produceBlock();
    return this.head();
  }

  /**
   * Takes the newest blocks back, their transactions with them, and makes others in their place and one more: a reorganisation,
   * as a client hears of it. Blocks that are final stay.
   */
  reorganise(blocks: number): number {
    this.#chain.reorganise(blocks);
    return this.head();
  }

  /** Registers a neuron on the next free uid, or in place of the weakest one; returns its uid. */
  register(neuron: GenesisNeuron): number {
    const account = accountOf(neuron);
    const chosen = chooseUid(this.#chain.state, this.netuid, account.hotkey, this.head() + 1);
    if ("error" in chosen) {
      const uid = uidOf(this.#chain.state, this.netuid, account.hotkey);
      throw badOption(uid === null ? chosen.error : `that hotkey is uid ${uid} already (${chosen.error})`);
    }
    this.#place(chosen.uid, account);
    return chosen.uid;
  }

  /** Puts another neuron on a uid that is taken: what deregistration looks like from outside. */
  replaceNeuron(uid: number, neuron: GenesisNeuron): void {
    this.#hotkeyOf(uid);
    this.#place(uid, accountOf(neuron));
  }

  /**
   * Lets the next block run an epoch, whatever the tempo says. A subnet's owner can do this only without commit-reveal,
   * because it moves the reveals that validators have computed.
   * @throws Failure `localnet.bad-option` where epochs fall on fixed blocks
   */
  triggerEpoch(): void {
    if (isModulo(this.#chain.state, this.netuid))
      throw badOption("epochs of this runtime fall on fixed blocks");
    this.#chain.state.set(SUBTENSOR.pendingEpochAt, [this.netuid], this.head() + 1);
  }

  /**
   * A runtime upgrade: the spec version grows, and transactions signed for the old one have bad signatures. The one that
   * comes to spec 420 takes the epochs from fixed blocks to a count of their own.
   */
  upgradeRuntime(specVersion = this.#chain.specVersion + 1): number {
    const { state } = this.#chain;
    if (specVersion <= this.#chain.specVersion) throw badOption("a runtime is only replaced by a newer one");
    if (isModulo(state, this.netuid) && specVersion >= STATEFUL_SPEC_VERSION) {
      state.set(
        SUBTENSOR.lastEpochBlock,
        [this.netuid],
        state.read(SUBTENSOR.lastMechanismStepBlock, this.netuid),
      );
      state.set(SUBTENSOR.subnetEpochIndex, [this.netuid], epochOf(state, this.netuid, this.head()));
    }
    this.#chain.specVersion = specVersion;
    for (const endpoint of this.#endpoints) endpoint.announceVersion();
    return specVersion;
  }

  /** Another pace, which a new runtime tells to clients: it is a constant of theirs. */
  setBlockTime(ms: number): void {
    this.#calls.blockTimeMs = ms;
    this.upgradeRuntime();
    if (!this.#timer) return;
    this.pause();
    this.resume();
  }

  async stop(): Promise<void> {
    if (this.#timer) clearTimeout(this.#timer);
    await Promise.all(this.#endpoints.map((endpoint) => endpoint.stop()));
  }

  #hotkeyOf(uid: number): AccountHex {
    if (uid >= this.#chain.state.read(SUBTENSOR.subnetworkN, this.netuid))
      throw badOption(`there is no uid ${uid}`);
    return this.#chain.state.read(SUBTENSOR.keys, this.netuid, uid);
  }

  #place(uid: number, account: GenesisAccount): void {
    const { stakeTao, axon, ...rest } = account;
    const neuron = { ...rest, stakeRao: raoOf(stakeTao), ...(axon && { axon: genesisAxon(axon) }) };
    placeNeuron(this.#chain.state, this.netuid, uid, neuron, this.head() + 1);
    this.#chain.announce({ kind: "NeuronRegistered", fields: { 0: this.netuid, 1: uid, 2: account.hotkey } });
  }

  /** One block per block time, measured from the last target so that the pace does not drift; late ones are not made up. */
  #schedule(): void {
    this.#timer = setTimeout(
      () => {
        this.#nextBlockAtMs =
          Math.max(this.#nextBlockAtMs, Date.now() - this.#calls.blockTimeMs) + this.#calls.blockTimeMs;
        this.#chain.produce();
        this.#schedule();
      },
      Math.max(0, this.#nextBlockAtMs - Date.now()),
    );
  }
}

function badOption(message: string): Failure<LocalnetCode> {
  return new Failure<LocalnetCode>("localnet.bad-option", { message: `Cannot do that: ${message}` });
}
