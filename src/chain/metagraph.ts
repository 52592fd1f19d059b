import type { ApiPromise } from "@polkadot/api";
import type { Codec } from "@polkadot/types/types";
import {
  asBlock,
  asHotkey,
  asNetuid,
  asUid,
  type BlockNumber,
  type Hotkey,
  type Netuid,
  taoOf,
  type Uid,
} from "../base/units.ts";
import type { AxonAddress } from "../base/vocabulary.ts";
import type { ChainConnection } from "./connection.ts";
import { chainFailure } from "./errors.ts";
import { commitRevealItem, weightsItem } from "./items.ts";
import { bigintOf, booleanOf, numberItem, numberOf, optional, readStorage, unsupported } from "./storage.ts";

/** What an axon says of itself on chain; a stranger wrote it. */
export interface AxonInfo extends AxonAddress {
  version: number;
  protocol: number;
  /** Block of the announcement. */
  block: number;
}

export interface Hyperparameters {
  tempo: number;
  lastStep: number | undefined;
  blocksSinceLastStep: number | undefined;
  minAllowedWeights: number;
  /** 0..65535 */
  maxWeightsLimit: number;
  weightsVersion: number;
  weightsRateLimit: number;
  servingRateLimit: number;
  commitRevealEnabled: boolean;
  commitRevealPeriod: number;
}

/** One subnet at one block. Index of every list = uid. */
export interface Metagraph {
  netuid: Netuid;
  block: BlockNumber;
  hotkeys: Hotkey[];
  coldkeys: string[];
  axons: AxonInfo[];
  active: boolean[];
  validatorPermit: boolean[];
  lastUpdate: number[];
  blockAtRegistration: number[];
  /** Alpha and weighted TAO stake, as the chain ranks validators; only the alpha where the chain is old. */
  stakeTao: Float64Array;
  hyperparameters: Hyperparameters;
}

/**
 * What get_selective_metagraph is asked for (rpc_info/metagraph.rs SelectiveMetagraphIndex): block, tempo, last step,
 * blocks since, min allowed weights, max weights limit, weights version, weights rate limit, serving rate limit,
 * commit-reveal on, its period, hotkeys, coldkeys, axons, active, permits, last updates, registration blocks, total stakes.
 * Asking for all fields would bring every identity along.
 */
export const METAGRAPH_INDEXES = [7, 8, 9, 10, 24, 25, 26, 27, 45, 46, 47, 52, 53, 55, 56, 57, 59, 66, 69];

/** The metagraph of a large subnet has some 500 KB. */
const METAGRAPH_TIMEOUT_MS = 30_000;

/**
 * Reads a subnet in one call at one block.
 * @throws Failure `chain.unknown-subnet`, `chain.unreachable`, `chain.unsupported-runtime`
 */
export function fetchMetagraph(connection: ChainConnection, netuid: Netuid): Promise<Metagraph> {
  return connection.ask(
    "reading the metagraph",
    async (api) => {
      const selective = api.call.subnetInfoRuntimeApi?.getSelectiveMetagraph;
      if (selective === undefined) return fetchFromNeurons(api, netuid);
      const answer: Codec = await selective(netuid, METAGRAPH_INDEXES);
      requireTyped(answer, api);
      if (answer.isEmpty) throw unknownSubnet(netuid);
      return decodeMetagraph(answer, netuid);
    },
    METAGRAPH_TIMEOUT_MS,
  );
}

/**
 * Turns the answer of get_selective_metagraph into a metagraph.
 * @param answer Option<SelectiveMetagraph> with the fields of METAGRAPH_INDEXES
 * @throws Failure `chain.unexpected-answer` when a field is missing or the lists differ in length
 */
export function decodeMetagraph(answer: Codec, netuid: Netuid): Metagraph {
  const fields = new Fields(unwrap(answer));
  const hotkeys = fields.list("hotkeys", textOfHotkey);
  const metagraph: Metagraph = {
    netuid,
    block: asBlock(fields.one("block", numberOf)),
    hotkeys,
    coldkeys: fields.list("coldkeys", textOfHotkey),
    axons: fields.list("axons", axonOf),
    active: fields.list("active", booleanOf),
    validatorPermit: fields.list("validatorPermit", booleanOf),
    lastUpdate: fields.list("lastUpdate", numberOf),
    blockAtRegistration: fields.list("blockAtRegistration", numberOf),
    stakeTao: Float64Array.from(fields.list("totalStake", (rao) => taoOf(bigintOf(rao)))),
    hyperparameters: {
      tempo: fields.one("tempo", numberOf),
      lastStep: fields.one("lastStep", numberOf),
      blocksSinceLastStep: fields.one("blocksSinceLastStep", numberOf),
      minAllowedWeights: fields.one("minAllowedWeights", numberOf),
      maxWeightsLimit: fields.one("maxWeightsLimit", numberOf),
      weightsVersion: fields.one("weightsVersion", numberOf),
      weightsRateLimit: fields.one("weightsRateLimit", numberOf),
      servingRateLimit: fields.one("servingRateLimit", numberOf),
      commitRevealEnabled: fields.one("commitRevealWeightsEnabled", booleanOf),
      commitRevealPeriod: fields.one("commitRevealPeriod", numberOf),
    },
  };
  const { coldkeys, axons, active, validatorPermit, lastUpdate, blockAtRegistration, stakeTao } = metagraph;
  const lists = { coldkeys, axons, active, validatorPermit, lastUpdate, blockAtRegistration, stakeTao };
  const uneven = Object.entries(lists).find(([, list]) => list.length !== hotkeys.length);
  if (uneven) throw unexpected(`${uneven[0]} has ${uneven[1].length} entries for ${hotkeys.length} neurons`);
  return metagraph;
}

/**
 * Weights that a validator has on chain, as pairs of uid and u16.
 * @throws Failure `chain.unreachable`
 */
export function fetchWeights(
  connection: ChainConnection,
  netuid: Netuid,
  uid: Uid,
  mecid?: number,
): Promise<[Uid, number][]> {
  return connection.ask("reading weights", async (api) => {
    const head = (await api.rpc.chain.getBlockHash()).toHex();
    return (await readStorage(api, head, { row: weightsItem({ netuid, mecid }, uid) })).row;
  });
}

/** @throws Failure `chain.unsupported-runtime` for the bytes without a type that old runtimes answer with, as that of spec 218 */
function requireTyped(answer: Codec, { runtimeVersion }: Pick<ApiPromise, "runtimeVersion">): void {
  if (!(answer instanceof Uint8Array)) return;
  throw chainFailure("chain.unsupported-runtime", {
    message: `this chain's runtime is too old: spec ${runtimeVersion.specVersion.toString()} gives its subnets as bytes without a type`,
    hint: "A runtime is needed whose metadata describes these answers, as those of finney and test do.",
  });
}

/** For runtimes without the selective call: get_neurons_lite and the parameters from storage, at one block. */
async function fetchFromNeurons(api: ApiPromise, netuid: Netuid): Promise<Metagraph> {
  const neuronsLite = api.call.neuronInfoRuntimeApi?.getNeuronsLite;
  if (neuronsLite === undefined) throw unsupported("call that lists the neurons of a subnet");
  const header = await api.rpc.chain.getHeader();
  const hash = header.hash.toHex();
  const at = await api.at(hash);
  const answer: Codec = await at.call.neuronInfoRuntimeApi!.getNeuronsLite!(netuid);
  requireTyped(answer, api);
  const neurons = decodeNeurons(answer);
  if (neurons.length === 0) throw unknownSubnet(netuid);
  const one = (name: string) => numberItem(name, netuid);
  const parameters = await readStorage(api, hash, {
    tempo: one("tempo"),
    blocksSinceLastStep: one("blocksSinceLastStep"),
    minAllowedWeights: one("minAllowedWeights"),
    maxWeightsLimit: one("maxWeightsLimit"),
    weightsVersion: one("weightsVersionKey"),
    weightsRateLimit: one("weightsSetRateLimit"),
    servingRateLimit: one("servingRateLimit"),
    commitRevealPeriod: one("revealPeriodEpochs"),
    commitRevealEnabled: commitRevealItem(netuid),
  });
  const registered = await readStorage(
    api,
    hash,
    Object.fromEntries(neurons.map(({ uid }) => [uid, numberItem("blockAtRegistration", netuid, uid)])),
  );
  return {
    netuid,
    block: asBlock(header.number.toNumber()),
    hotkeys: neurons.map((neuron) => neuron.hotkey),
    coldkeys: neurons.map((neuron) => neuron.coldkey),
    axons: neurons.map((neuron) => neuron.axon),
    active: neurons.map((neuron) => neuron.active),
    validatorPermit: neurons.map((neuron) => neuron.validatorPermit),
    lastUpdate: neurons.map((neuron) => neuron.lastUpdate),
    blockAtRegistration: neurons.map(({ uid }) => registered[uid]!),
    stakeTao: Float64Array.from(neurons, (neuron) => neuron.stakeTao),
    hyperparameters: { ...parameters, lastStep: undefined },
  };
}

export interface LiteNeuron {
  uid: Uid;
  hotkey: Hotkey;
  coldkey: string;
  axon: AxonInfo;
  active: boolean;
  validatorPermit: boolean;
  lastUpdate: number;
  stakeTao: number;
}

/** Neurons of get_neurons_lite, by uid. @throws Failure `chain.unexpected-answer` when a uid is missing */
export function decodeNeurons(answer: Codec): LiteNeuron[] {
  const neurons = [...iterate(answer)]
    .map((neuron): LiteNeuron => {
      const fields = new Fields(neuron);
      const stakes = fields.list("stake", (pair) => taoOf(bigintOf(pairOf(pair)[1])));
      return {
        uid: asUid(fields.one("uid", numberOf)),
        hotkey: fields.one("hotkey", textOfHotkey),
        coldkey: fields.one("coldkey", textOfHotkey),
        axon: fields.one("axonInfo", axonOf),
        active: fields.one("active", booleanOf),
        validatorPermit: fields.one("validatorPermit", booleanOf),
        lastUpdate: fields.one("lastUpdate", numberOf),
        stakeTao: stakes.reduce((sum, stake) => sum + stake, 0),
      };
    })
    .sort((a, b) => a.uid - b.uid);
  if (neurons.some((neuron, index) => neuron.uid !== index)) throw unexpected("a uid is missing");
  return neurons;
}

/** Addresses by public key: their checksums cost most of the time of a decoding, and hotkeys seldom change. */
const addresses = new Map<string, Hotkey>();
/** A few of the largest subnets. Emptied when full. */
const MAX_ADDRESSES = 50_000;

function textOfHotkey(value: Codec): Hotkey {
  const key = value.toU8a().toHex();
  let address = addresses.get(key);
  if (address === undefined) {
    address = asHotkey(value.toString());
    if (addresses.size >= MAX_ADDRESSES) addresses.clear();
    addresses.set(key, address);
  }
  return address;
}

function axonOf(value: Codec): AxonInfo {
  const fields = new Fields(value);
  return {
    ip: fields.one("ip", bigintOf),
    ipType: fields.one("ipType", numberOf),
    port: fields.one("port", numberOf),
    version: fields.one("version", numberOf),
    protocol: fields.one("protocol", numberOf),
    block: fields.one("block", numberOf),
  };
}

/** Decoder of the AxonInfo of a hotkey; null when it announced none. */
export const optionalAxonOf = optional((value) => axonOf(unwrap(value)));

/** The fields of a decoded struct by name, each of which may be an Option. */
class Fields {
  readonly #struct: { get(name: string): Codec | undefined };

  constructor(value: Codec) {
    if (!("get" in value) || typeof value.get !== "function") throw unexpected("a record is missing");
    this.#struct = value as Codec & { get(name: string): Codec | undefined };
  }

  one<T>(name: string, decode: (value: Codec) => T): T {
    const value = this.#struct.get(name);
    if (value === undefined) throw unexpected(`the field ${name} is missing`);
    const inner = unwrap(value);
    if (isOption(value) && value.isNone) throw unexpected(`the field ${name} is empty`);
    return decode(inner);
  }

  list<T>(name: string, decode: (value: Codec) => T): T[] {
    return this.one(name, (value) => Array.from(iterate(value), decode));
  }
}

type OptionCodec = Codec & { isNone: boolean; unwrap(): Codec };

function isOption(value: Codec): value is OptionCodec {
  return "isNone" in value && "unwrap" in value;
}

function unwrap(value: Codec): Codec {
  return isOption(value) && !value.isNone ? value.unwrap() : value;
}

function iterate(value: Codec): Iterable<Codec> {
  if (!(Symbol.iterator in value)) throw unexpected("a list is missing");
  return value as Codec & Iterable<Codec>;
}

function pairOf(value: Codec): [Codec, Codec] {
  const [first, second] = [...iterate(value)];
  if (first === undefined || second === undefined) throw unexpected("a pair is missing");
  return [first, second];
}

function unexpected(detail: string): Error {
  return chainFailure("chain.unexpected-answer", {
    message: `the node's answer cannot be used: ${detail}`,
    retry: "soon",
  });
}

function unknownSubnet(netuid: number): Error {
  return chainFailure("chain.unknown-subnet", {
    message: `there is no subnet ${netuid} on this chain`,
    hint: "Check --netuid and --subtensor.network.",
    data: { netuid: asNetuid(netuid) },
  });
}
