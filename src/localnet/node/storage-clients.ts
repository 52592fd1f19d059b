import { LockState } from "./api-types.ts";
import {
  at,
  bare,
  bool,
  bytes,
  fixedBytes,
  height,
  option,
  struct,
  tuple,
  u16,
  u32,
  u64,
  u128,
  variant,
  vec,
  wrapped,
} from "./codec.ts";
import { ChainIdentity, SubnetIdentity } from "./metagraph-type.ts";
import { blake, identity, item, perSubnet, subtensor, twox } from "./storage-item.ts";
import { AccountId, bounded, btreeMap, FixedI128, FixedU128, Hash, PrometheusInfo } from "./types.ts";

// What the SDK and btcli read on their way to other things. Nothing here is ever written: on a localnet these features are unused,
// and a client has to be able to see that they are.

const MAX_DIFFICULTY = (1n << 62n) - 1n;
/** 18 % of stake on the root network, of 2^64. */
const DEFAULT_TAO_WEIGHT = 971_718_665_099_567_868n;
const DEFAULT_TAKE = 11_796;

const RootClaimType = variant("pallet_subtensor::pallet::RootClaimTypeEnum", {
  Swap: bare(0),
  Keep: bare(1),
  KeepSubnets: at(2, { subnets: wrapped("BTreeSet", vec(u16), [{ name: "T", codec: u16 }]) }),
});
const children = vec(tuple(u64, AccountId));

export const READ_ONLY = {
  rho: perSubnet("Rho", u16, 10),
  kappa: perSubnet("Kappa", u16, 32_767),
  difficulty: perSubnet("Difficulty", u64, 10_000_000n),
  minDifficulty: perSubnet("MinDifficulty", u64, 10_000_000n),
  maxDifficulty: perSubnet("MaxDifficulty", u64, MAX_DIFFICULTY),
  minBurn: perSubnet("MinBurn", u64, 500_000n),
  maxBurn: perSubnet("MaxBurn", u64, 100_000_000_000n),
  subnetMechanism: perSubnet("SubnetMechanism", u16, 0),
  subnetVolume: perSubnet("SubnetVolume", u128, 0n),
  subnetMovingPrice: perSubnet("SubnetMovingPrice", FixedI128, { bits: 0n }),
  stakeWeight: perSubnet("StakeWeight", vec(u16), []),
  subnetEmaTaoFlow: subtensor("SubnetEmaTaoFlow", [identity(u16)], tuple(u64, FixedI128)),
  ownerLock: subtensor("OwnerLock", [identity(u16)], LockState),
  decayingOwnerLock: subtensor("DecayingOwnerLock", [identity(u16)], LockState),
  hotkeyLock: subtensor("HotkeyLock", [identity(u16), blake(AccountId)], LockState),
  decayingHotkeyLock: subtensor("DecayingHotkeyLock", [identity(u16), blake(AccountId)], LockState),
  lock: subtensor("Lock", [blake(AccountId), identity(u16), blake(AccountId)], LockState),
  decayingLock: subtensor("DecayingLock", [blake(AccountId), identity(u16)], bool),
  maturityRate: subtensor("MaturityRate", [], u64, 934_866n),
  unlockRate: subtensor("UnlockRate", [], u64, 934_866n),
  adminFreezeWindow: subtensor("AdminFreezeWindow", [], u16, 10),
  adjustmentAlpha: perSubnet("AdjustmentAlpha", u64, 0n),
  subnetEmissionEnabled: perSubnet("SubnetEmissionEnabled", bool, true),
  subnetTaoInEmission: perSubnet("SubnetTaoInEmission", u64, 0n),
  subnetProtocolAlpha: perSubnet("SubnetProtocolAlpha", u64, 0n),
  ownerCutEnabled: perSubnet("OwnerCutEnabled", bool, true),
  ownerCutAutoLockEnabled: perSubnet("OwnerCutAutoLockEnabled", bool, false),
  maxRegistrationsPerBlock: perSubnet("MaxRegistrationsPerBlock", u16, 1),
  targetRegistrationsPerInterval: perSubnet("TargetRegistrationsPerInterval", u16, 2),
  registrationsThisBlock: perSubnet("RegistrationsThisBlock", u16, 0),
  transferToggle: perSubnet("TransferToggle", bool, true),
  networkPowRegistrationAllowed: perSubnet("NetworkPowRegistrationAllowed", bool, true),
  immuneOwnerUidsLimit: perSubnet("ImmuneOwnerUidsLimit", u16, 1),
  minChildkeyTakePerSubnet: perSubnet("MinChildkeyTakePerSubnet", u16, 0),
  liquidAlphaOn: subtensor("LiquidAlphaOn", [blake(u16)], bool, false),
  yuma3On: subtensor("Yuma3On", [blake(u16)], bool, false),
  bondsPenalty: perSubnet("BondsPenalty", u16, 65_535),
  burnHalfLife: perSubnet("BurnHalfLife", u16, 360),
  burnIncreaseMult: perSubnet("BurnIncreaseMult", FixedU128, { bits: 0x1428f5c28f5c29000n }),
  taoWeight: subtensor("TaoWeight", [], u64, DEFAULT_TAO_WEIGHT),
  txRateLimit: subtensor("TxRateLimit", [], u64, 1000n),
  startCallDelay: subtensor("StartCallDelay", [], height, 0),
  subnetLimit: subtensor("SubnetLimit", [], u16, 128),
  networkImmunityPeriod: subtensor("NetworkImmunityPeriod", [], u64, 1_296_000n),
  networkMinLockCost: subtensor("NetworkMinLockCost", [], u64, 1_000_000_000_000n),
  nominatorMinRequiredStake: subtensor("NominatorMinRequiredStake", [], u64, 0n),
  totalIssuance: subtensor("TotalIssuance", [], u64, 0n),
  delegates: subtensor("Delegates", [blake(AccountId)], u16, DEFAULT_TAKE),
  childkeyTake: subtensor("ChildkeyTake", [blake(AccountId), identity(u16)], u16, 0),
  childKeys: subtensor("ChildKeys", [blake(AccountId), identity(u16)], children, []),
  parentKeys: subtensor("ParentKeys", [blake(AccountId), identity(u16)], children, []),
  pendingChildKeys: subtensor("PendingChildKeys", [identity(u16), blake(AccountId)], tuple(children, u64), [
    [],
    0n,
  ]),
  autoStakeDestination: subtensor("AutoStakeDestination", [blake(AccountId), identity(u16)], AccountId),
  coldkeySwapAnnouncementDelay: subtensor("ColdkeySwapAnnouncementDelay", [], u32, 36_000),
  coldkeySwapReannouncementDelay: subtensor("ColdkeySwapReannouncementDelay", [], u32, 7200),
  coldkeySwapAnnouncements: subtensor("ColdkeySwapAnnouncements", [twox(AccountId)], tuple(u32, Hash)),
  coldkeySwapDisputes: subtensor("ColdkeySwapDisputes", [twox(AccountId)], u32),
  rootAlphaDividendsPerSubnet: subtensor(
    "RootAlphaDividendsPerSubnet",
    [identity(u16), blake(AccountId)],
    u64,
    0n,
  ),
  rootClaimable: subtensor("RootClaimable", [blake(AccountId)], btreeMap(u16, FixedI128), []),
  rootClaimed: subtensor("RootClaimed", [identity(u16), blake(AccountId), blake(AccountId)], u128, 0n),
  rootClaimType: subtensor("RootClaimType", [blake(AccountId)], RootClaimType, { kind: "Swap", fields: {} }),
  prometheus: subtensor("Prometheus", [identity(u16), blake(AccountId)], PrometheusInfo),
  identitiesV2: subtensor("IdentitiesV2", [blake(AccountId)], ChainIdentity),
  subnetIdentitiesV3: subtensor("SubnetIdentitiesV3", [blake(u16)], SubnetIdentity),
};

/**
 * What SDK 11 asks of runtimes that are newer than spec 424 and has no other way without. Names and kinds are those of its
 * own tables of the chain; the values say that the feature is not used.
 */
export const NEWER = {
  subnetEpochConsensus: perSubnet(
    "SubnetEpochConsensus",
    variant("pallet_subtensor::pallet::EpochConsensus", { Yuma: bare(0), Null: bare(1) }),
    { kind: "Yuma", fields: {} },
  ),
  collateralLockShare: perSubnet("CollateralLockShare", u16, 0),
  collateralDrainRatio: perSubnet("CollateralDrainRatio", FixedU128, { bits: 1n << 64n }),
};

export const BALANCES = { totalIssuance: item("Balances", "TotalIssuance", [], u64, 0n) };
export const SUDO = { key: item("Sudo", "Key", [], AccountId) };
export const SWAP = { feeRate: item("Swap", "FeeRate", [twox(u16)], u16, 33) };

const shieldKey = bounded(bytes());
export const MEV_SHIELD = {
  currentKey: item("MevShield", "CurrentKey", [], shieldKey),
  nextKey: item("MevShield", "NextKey", [], shieldKey),
};

export const PROXY_TYPES = [
  "Any",
  "Owner",
  "NonCritical",
  "NonTransfer",
  "Senate",
  "NonFungible",
  "Triumvirate",
  "Governance",
  "Staking",
  "Registration",
  "Transfer",
  "SmallTransfer",
  "RootWeights",
  "ChildKeys",
  "SudoUncheckedSetCode",
  "SwapHotkey",
  "SubnetLeaseBeneficiary",
  "RootClaim",
];
const ProxyDefinition = struct("pallet_subtensor_proxy::ProxyDefinition", {
  delegate: AccountId,
  proxyType: variant(
    "subtensor_runtime_common::ProxyType",
    Object.fromEntries(PROXY_TYPES.map((name, index) => [name, bare(index)])),
  ),
  delay: u32,
});
const Announcement = struct("pallet_subtensor_proxy::Announcement", {
  real: AccountId,
  callHash: Hash,
  height: u32,
});
export const PROXY = {
  proxies: item("Proxy", "Proxies", [twox(AccountId)], tuple(bounded(vec(ProxyDefinition)), u64), [[], 0n]),
  announcements: item("Proxy", "Announcements", [twox(AccountId)], tuple(bounded(vec(Announcement)), u64), [
    [],
    0n,
  ]),
};

const LONGEST_RAW_BYTES = 128;
const Data = variant("pallet_commitments::types::Data", {
  None: bare(0),
  ...Object.fromEntries(
    Array.from({ length: LONGEST_RAW_BYTES + 1 }, (_, length) => [
      `Raw${length}`,
      at(length + 1, { 0: fixedBytes(length) }),
    ]),
  ),
  BlakeTwo256: at(130, { 0: fixedBytes(32) }),
  Sha256: at(131, { 0: fixedBytes(32) }),
  Keccak256: at(132, { 0: fixedBytes(32) }),
  ShaThree256: at(133, { 0: fixedBytes(32) }),
  TimelockEncrypted: at(134, { encrypted: bounded(bytes()), revealRound: u64 }),
  ResetBondsFlag: bare(135),
  BigRaw: at(136, { 0: bounded(bytes()) }),
});
const Registration = struct("pallet_commitments::types::Registration", {
  deposit: u64,
  block: u32,
  info: struct("pallet_commitments::types::CommitmentInfo", { fields: bounded(vec(Data)) }),
});
export const COMMITMENTS = {
  commitmentOf: item("Commitments", "CommitmentOf", [identity(u16), twox(AccountId)], Registration),
  lastBondsReset: item("Commitments", "LastBondsReset", [identity(u16), twox(AccountId)], u32),
  revealedCommitments: item(
    "Commitments",
    "RevealedCommitments",
    [identity(u16), twox(AccountId)],
    vec(tuple(bytes(), u64)),
  ),
};

const CrowdloanInfo = struct("pallet_crowdloan::CrowdloanInfo", {
  creator: AccountId,
  deposit: u64,
  minContribution: u64,
  end: u32,
  cap: u64,
  fundsAccount: AccountId,
  raised: u64,
  targetAddress: option(AccountId),
  call: option(
    variant("frame_support::traits::preimages::Bounded", {
      Legacy: at(0, { hash: Hash }),
      Inline: at(1, { 0: bounded(bytes()) }),
      Lookup: at(2, { hash: Hash, len: u32 }),
    }),
  ),
  finalized: bool,
  contributorsCount: u32,
});
export const CROWDLOAN = {
  crowdloans: item("Crowdloan", "Crowdloans", [twox(u32)], CrowdloanInfo),
  nextCrowdloanId: item("Crowdloan", "NextCrowdloanId", [], u32, 0),
  contributions: item("Crowdloan", "Contributions", [twox(u32), identity(AccountId)], u64),
};
