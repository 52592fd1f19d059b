import { blake2AsU8a, xxhashAsU8a } from "@polkadot/util-crypto";
import { QUICKNET } from "../../chain/timelock.ts";
import {
  type AnyCodec,
  bool,
  type Codec,
  encode,
  height,
  tuple,
  u8,
  u16,
  u32,
  u64,
  type Value,
  vec,
} from "./codec.ts";
import { EventRecord } from "./runtime.ts";
import {
  AccountId,
  AccountInfo,
  AxonInfo,
  BeaconConfiguration,
  fromHex,
  Hash,
  Pulse,
  TimelockedCommit,
  toHex,
} from "./types.ts";

export type Hasher = "Blake2_128Concat" | "Twox64Concat" | "Identity";

/** Hash, then the key itself: what `Concat` means. */
const HASH: Record<Hasher, (key: Uint8Array) => Uint8Array> = {
  Blake2_128Concat: (key) => Buffer.concat([blake2AsU8a(key, 128), key]),
  Twox64Concat: (key) => Buffer.concat([xxhashAsU8a(key, 64), key]),
  Identity: (key) => key,
};

export interface KeyPart {
  hasher: Hasher;
  codec: AnyCodec;
}

/** One storage item of a pallet: where its values lie, how they are written, and what an absent one reads as. */
export interface StorageItem<Keys extends unknown[], V> extends AnyStorageItem {
  value: Codec<V>;
  /** Full storage key, lower-case hex without 0x. */
  key(...keys: Keys): string;
}
export interface AnyStorageItem {
  pallet: string;
  name: string;
  /** Optional items read as None when absent, the others as `fallbackBytes`. */
  isOptional: boolean;
  hashers: Hasher[];
  keyCodecs: AnyCodec[];
  value: AnyCodec;
  fallbackBytes: Uint8Array;
  /** Key of the item without its arguments, hex. */
  prefix: string;
}

/** Keys repeat in every block and their hashes cost more than all else in a lookup. Emptied when full; holds a subnet of 4096. */
const KEY_CACHE_ENTRIES = 8192;

type PartValues<P extends KeyPart[]> = { [I in keyof P]: Value<P[I]["codec"]> };

function item<P extends KeyPart[], V>(
  pallet: string,
  name: string,
  parts: P,
  value: Codec<V>,
  fallback: V | undefined,
): StorageItem<PartValues<P>, V> {
  const prefix = toHex(xxhashAsU8a(pallet, 128)) + toHex(xxhashAsU8a(name, 128));
  const cache = new Map<string, string>();
  return {
    pallet,
    name,
    isOptional: fallback === undefined,
    hashers: parts.map(({ hasher }) => hasher),
    keyCodecs: parts.map(({ codec }) => codec),
    value,
    fallbackBytes: fallback === undefined ? Uint8Array.of(0) : encode(value, fallback),
    prefix,
    key(...keys) {
      if (parts.length === 0) return prefix;
      const name = keys.join();
      let key = cache.get(name);
      if (key === undefined) {
        key =
          prefix +
          parts
            .map((part, index) => toHex(HASH[part.hasher](encode(part.codec as Codec<unknown>, keys[index]))))
            .join("");
        if (cache.size >= KEY_CACHE_ENTRIES) cache.clear();
        cache.set(name, key);
      }
      return key;
    },
  };
}

const identity = <K>(codec: Codec<K>) => ({ hasher: "Identity", codec }) as const;
const twox = <K>(codec: Codec<K>) => ({ hasher: "Twox64Concat", codec }) as const;
const blake = <K>(codec: Codec<K>) => ({ hasher: "Blake2_128Concat", codec }) as const;

const subtensor = <P extends KeyPart[], V>(name: string, parts: P, value: Codec<V>, fallback?: V) =>
  item("SubtensorModule", name, parts, value, fallback);
const perSubnet = <V>(name: string, value: Codec<V>, fallback: V) =>
  subtensor(name, [identity(u16)], value, fallback);

const ZERO_HEX = "00".repeat(32);
const NO_MONEY = { free: 0n, reserved: 0n, frozen: 0n, flags: 1n << 127n };
export const FRESH_ACCOUNT: Value<typeof AccountInfo> = {
  nonce: 0,
  consumers: 0,
  providers: 0,
  sufficients: 0,
  data: NO_MONEY,
};
/** The runtime's default beacon is quicknet. A localnet always has its own in place of it. */
const QUICKNET_CONFIG: Value<typeof BeaconConfiguration> = {
  publicKey: fromHex(QUICKNET.publicKeyHex),
  period: QUICKNET.periodSeconds,
  genesisTime: QUICKNET.genesisSeconds,
  hash: fromHex("52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971"),
  groupHash: fromHex("f477d5c89f21a17c863a7f937c6a6d15859414d2be09cd448d4279af331c5d3e"),
  schemeId: Buffer.from("bls-unchained-g1-rfc9380"),
  metadata: { beaconId: Buffer.from("quicknet") },
};

export const SYSTEM = {
  account: item("System", "Account", [blake(AccountId)], AccountInfo, FRESH_ACCOUNT),
  number: item("System", "Number", [], u32, 0),
  blockHash: item("System", "BlockHash", [twox(u32)], Hash, ZERO_HEX),
  parentHash: item("System", "ParentHash", [], Hash, ZERO_HEX),
  events: item("System", "Events", [], vec(EventRecord), []),
  eventCount: item("System", "EventCount", [], u32, 0),
};

export const TIMESTAMP = { now: item("Timestamp", "Now", [], height, 0) };

export const DRAND = {
  beaconConfig: item("Drand", "BeaconConfig", [], BeaconConfiguration, QUICKNET_CONFIG),
  pulses: item("Drand", "Pulses", [blake(u64)], Pulse, undefined),
  lastStoredRound: item("Drand", "LastStoredRound", [], u64, 0n),
  oldestStoredRound: item("Drand", "OldestStoredRound", [], u64, 0n),
};

// Fallbacks are the runtime's defaults. `LastMechansimStepBlock` is spelt so on the chain.
export const SUBTENSOR = {
  networksAdded: perSubnet("NetworksAdded", bool, false),
  subnetworkN: perSubnet("SubnetworkN", u16, 0),
  subnetOwnerHotkey: perSubnet("SubnetOwnerHotkey", AccountId, ZERO_HEX),
  maxAllowedUids: perSubnet("MaxAllowedUids", u16, 256),
  minAllowedWeights: perSubnet("MinAllowedWeights", u16, 1024),
  maxWeightsLimit: perSubnet("MaxWeightsLimit", u16, 65_535),
  maxAllowedValidators: perSubnet("MaxAllowedValidators", u16, 128),
  immunityPeriod: perSubnet("ImmunityPeriod", u16, 4096),
  weightsVersionKey: perSubnet("WeightsVersionKey", u64, 0n),
  weightsSetRateLimit: perSubnet("WeightsSetRateLimit", height, 100),
  servingRateLimit: perSubnet("ServingRateLimit", height, 50),
  activityCutoffFactorMilli: perSubnet("ActivityCutoffFactorMilli", u32, 13_889),
  commitRevealWeightsEnabled: perSubnet("CommitRevealWeightsEnabled", bool, true),
  tempo: perSubnet("Tempo", u16, 360),
  lastEpochBlock: perSubnet("LastEpochBlock", height, 0),
  pendingEpochAt: perSubnet("PendingEpochAt", height, 0),
  subnetEpochIndex: perSubnet("SubnetEpochIndex", height, 0),
  blocksSinceLastStep: perSubnet("BlocksSinceLastStep", height, 0),
  lastMechanismStepBlock: perSubnet("LastMechansimStepBlock", height, 0),
  networkRegistrationAllowed: perSubnet("NetworkRegistrationAllowed", bool, true),
  active: perSubnet("Active", vec(bool), []),
  consensus: perSubnet("Consensus", vec(u16), []),
  incentive: perSubnet("Incentive", vec(u16), []),
  dividends: perSubnet("Dividends", vec(u16), []),
  emission: perSubnet("Emission", vec(u64), []),
  lastUpdate: perSubnet("LastUpdate", vec(height), []),
  validatorTrust: perSubnet("ValidatorTrust", vec(u16), []),
  validatorPermit: perSubnet("ValidatorPermit", vec(bool), []),
  uids: subtensor("Uids", [identity(u16), blake(AccountId)], u16),
  keys: subtensor("Keys", [identity(u16), identity(u16)], AccountId, ZERO_HEX),
  axons: subtensor("Axons", [identity(u16), blake(AccountId)], AxonInfo),
  owner: subtensor("Owner", [blake(AccountId)], AccountId, ZERO_HEX),
  totalHotkeyAlpha: subtensor("TotalHotkeyAlpha", [blake(AccountId), identity(u16)], u64, 0n),
  blockAtRegistration: subtensor("BlockAtRegistration", [identity(u16), identity(u16)], height, 0),
  weights: subtensor("Weights", [identity(u16), identity(u16)], vec(tuple(u16, u16)), []),
  revealPeriodEpochs: subtensor("RevealPeriodEpochs", [twox(u16)], height, 1),
  mechanismCountCurrent: subtensor("MechanismCountCurrent", [twox(u16)], u8, 1),
  timelockedWeightCommits: subtensor(
    "TimelockedWeightCommits",
    [twox(u16), twox(height)],
    vec(TimelockedCommit),
    [],
  ),
  commitRevealWeightsVersion: subtensor("CommitRevealWeightsVersion", [], u16, 4),
  stakeThreshold: subtensor("StakeThreshold", [], u64, 0n),
};

export const STORAGE: { pallet: string; items: AnyStorageItem[] }[] = [
  { pallet: "System", items: Object.values(SYSTEM) },
  { pallet: "Timestamp", items: Object.values(TIMESTAMP) },
  { pallet: "SubtensorModule", items: Object.values(SUBTENSOR) },
  { pallet: "Drand", items: Object.values(DRAND) },
];
