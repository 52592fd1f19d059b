import { QUICKNET } from "../../chain/timelock.ts";
import { bool, bytes, height, tuple, u8, u16, u32, u64, type Value, vec } from "./codec.ts";
import { EventRecord } from "./runtime.ts";
import {
  BALANCES,
  COMMITMENTS,
  CROWDLOAN,
  MEV_SHIELD,
  NEWER,
  PROXY,
  READ_ONLY,
  SUDO,
  SWAP,
} from "./storage-clients.ts";
import { type AnyStorageItem, blake, identity, item, perSubnet, subtensor, twox } from "./storage-item.ts";
import {
  AccountId,
  AccountInfo,
  AxonInfo,
  BeaconConfiguration,
  FixedU128,
  fromHex,
  Hash,
  NOBODY,
  Pulse,
  TimelockedCommit,
} from "./types.ts";

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
  blockHash: item("System", "BlockHash", [twox(u32)], Hash, NOBODY),
  parentHash: item("System", "ParentHash", [], Hash, NOBODY),
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
  subnetOwnerHotkey: perSubnet("SubnetOwnerHotkey", AccountId, NOBODY),
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
  subnetOwner: perSubnet("SubnetOwner", AccountId, NOBODY),
  networkRegisteredAt: perSubnet("NetworkRegisteredAt", height, 0),
  burn: perSubnet("Burn", u64, 100_000_000n),
  tokenSymbol: perSubnet("TokenSymbol", bytes(), Buffer.from("𝜏")),
  subnetTao: perSubnet("SubnetTAO", u64, 0n),
  subnetAlphaIn: perSubnet("SubnetAlphaIn", u64, 0n),
  subnetAlphaOut: perSubnet("SubnetAlphaOut", u64, 0n),
  subtokenEnabled: perSubnet("SubtokenEnabled", bool, false),
  firstEmissionBlockNumber: subtensor("FirstEmissionBlockNumber", [identity(u16)], height),
  totalNetworks: subtensor("TotalNetworks", [], u16, 0),
  totalStake: subtensor("TotalStake", [], u64, 0n),
  ownedHotkeys: subtensor("OwnedHotkeys", [blake(AccountId)], vec(AccountId), []),
  stakingHotkeys: subtensor("StakingHotkeys", [blake(AccountId)], vec(AccountId), []),
  isNetworkMember: subtensor("IsNetworkMember", [blake(AccountId), identity(u16)], bool, false),
  /** Hotkey, coldkey, subnet: what that coldkey staked there. */
  alpha: subtensor("Alpha", [blake(AccountId), blake(AccountId), identity(u16)], FixedU128, { bits: 0n }),
  bonds: subtensor("Bonds", [identity(u16), identity(u16)], vec(tuple(u16, u16)), []),
  uids: subtensor("Uids", [identity(u16), blake(AccountId)], u16),
  keys: subtensor("Keys", [identity(u16), identity(u16)], AccountId, NOBODY),
  axons: subtensor("Axons", [identity(u16), blake(AccountId)], AxonInfo),
  owner: subtensor("Owner", [blake(AccountId)], AccountId, NOBODY),
  totalHotkeyAlpha: subtensor("TotalHotkeyAlpha", [blake(AccountId), identity(u16)], u64, 0n),
  blockAtRegistration: subtensor("BlockAtRegistration", [identity(u16), identity(u16)], height, 0),
  weights: subtensor("Weights", [identity(u16), identity(u16)], vec(tuple(u16, u16)), []),
  revealPeriodEpochs: subtensor("RevealPeriodEpochs", [twox(u16)], height, 1),
  mechanismCountCurrent: subtensor("MechanismCountCurrent", [twox(u16)], u8, 1),
  /** Parts of 65535 of a subnet's emission; absent = the same for each of its mechanisms. */
  mechanismEmissionSplit: subtensor("MechanismEmissionSplit", [twox(u16)], vec(u16)),
  timelockedWeightCommits: subtensor(
    "TimelockedWeightCommits",
    [twox(u16), twox(height)],
    vec(TimelockedCommit),
    [],
  ),
  /** Of the time before timelocks: hash, epoch, block, and a number that means nothing any more. */
  weightCommits: subtensor(
    "WeightCommits",
    [twox(u16), twox(AccountId)],
    vec(tuple(Hash, height, height, height)),
  ),
  commitRevealWeightsVersion: subtensor("CommitRevealWeightsVersion", [], u16, 4),
  stakeThreshold: subtensor("StakeThreshold", [], u64, 0n),
};

export const STORAGE: { pallet: string; items: AnyStorageItem[] }[] = [
  { pallet: "System", items: Object.values(SYSTEM) },
  { pallet: "Timestamp", items: Object.values(TIMESTAMP) },
  { pallet: "Balances", items: Object.values(BALANCES) },
  {
    pallet: "SubtensorModule",
    items: [...Object.values(SUBTENSOR), ...Object.values(READ_ONLY), ...Object.values(NEWER)],
  },
  { pallet: "Sudo", items: Object.values(SUDO) },
  { pallet: "Proxy", items: Object.values(PROXY) },
  { pallet: "Commitments", items: Object.values(COMMITMENTS) },
  { pallet: "Drand", items: Object.values(DRAND) },
  { pallet: "Crowdloan", items: Object.values(CROWDLOAN) },
  { pallet: "Swap", items: Object.values(SWAP) },
  { pallet: "MevShield", items: Object.values(MEV_SHIELD) },
];
