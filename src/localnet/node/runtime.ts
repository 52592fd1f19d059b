import {
  at,
  bare,
  bool,
  bytes,
  compact,
  compactBig,
  height,
  option,
  struct,
  tuple,
  u8,
  u16,
  u32,
  u64,
  u128,
  type Value,
  variant,
  vec,
} from "./codec.ts";
import { ADMIN_ERROR_INDEX, ERROR_INDEX, SYSTEM_ERROR_INDEX } from "./errors.ts";
import { SubnetIdentity } from "./metagraph-type.ts";
import {
  AccountId,
  CommitBytes,
  DispatchError,
  DispatchInfo,
  Hash,
  MultiAddress,
  Phase,
  ShieldedBytes,
} from "./types.ts";

/** Pallets of which clients only read what is stored. */
export const STORAGE_PALLET = {
  Sudo: 12,
  Proxy: 16,
  Commitments: 18,
  Crowdloan: 27,
  Swap: 28,
} as const;
export const PALLET = {
  System: 0,
  Timestamp: 2,
  Aura: 3,
  Balances: 5,
  SubtensorModule: 7,
  AdminUtils: 19,
  Drand: 26,
  MevShield: 30,
} as const;

export const SystemCall = variant("frame_system::pallet::Call", { remark: at(0, { remark: bytes() }) });
export const TimestampCall = variant("pallet_timestamp::pallet::Call", {
  set: at(0, { now: compact(height) }),
});
const transfer = { dest: MultiAddress, value: compactBig(u64) };
export const BalancesCall = variant("pallet_balances::pallet::Call", {
  transfer_allow_death: at(0, transfer),
  transfer_keep_alive: at(3, transfer),
  transfer_all: at(4, { dest: MultiAddress, keepAlive: bool }),
});
export type BalancesCallValue = Value<typeof BalancesCall>;

const salted = { uids: vec(u16), values: vec(u16), salt: vec(u16), versionKey: u64 };
export const SubtensorCall = variant("pallet_subtensor::pallet::Call", {
  set_weights: at(0, { netuid: u16, dests: vec(u16), weights: vec(u16), versionKey: u64 }),
  set_mechanism_weights: at(119, {
    netuid: u16,
    mecid: u8,
    dests: vec(u16),
    weights: vec(u16),
    versionKey: u64,
  }),
  serve_axon: at(4, {
    netuid: u16,
    version: u32,
    ip: u128,
    port: u16,
    ipType: u8,
    protocol: u8,
    placeholder1: u8,
    placeholder2: u8,
  }),
  burned_register: at(7, { netuid: u16, hotkey: AccountId }),
  register_limit: at(134, { netuid: u16, hotkey: AccountId, limitPrice: u64 }),
  add_stake: at(2, { hotkey: AccountId, netuid: u16, amountStaked: u64 }),
  remove_stake: at(3, { hotkey: AccountId, netuid: u16, amountUnstaked: u64 }),
  add_stake_limit: at(88, {
    hotkey: AccountId,
    netuid: u16,
    amountStaked: u64,
    limitPrice: u64,
    allowPartial: bool,
  }),
  remove_stake_limit: at(89, {
    hotkey: AccountId,
    netuid: u16,
    amountUnstaked: u64,
    limitPrice: u64,
    allowPartial: bool,
  }),
  register_network: at(59, { hotkey: AccountId }),
  register_network_with_identity: at(79, { hotkey: AccountId, identity: option(SubnetIdentity) }),
  swap_hotkey: at(70, { hotkey: AccountId, newHotkey: AccountId, netuid: option(u16) }),
  set_tempo: at(139, { netuid: u16, tempo: u16 }),
  commit_weights: at(96, { netuid: u16, commitHash: Hash }),
  commit_mechanism_weights: at(115, { netuid: u16, mecid: u8, commitHash: Hash }),
  batch_commit_weights: at(100, { netuids: vec(compact(u16)), commitHashes: vec(Hash) }),
  reveal_weights: at(97, { netuid: u16, ...salted }),
  reveal_mechanism_weights: at(116, { netuid: u16, mecid: u8, ...salted }),
  batch_reveal_weights: at(98, {
    netuid: u16,
    uidsList: vec(vec(u16)),
    valuesList: vec(vec(u16)),
    saltsList: vec(vec(u16)),
    versionKeys: vec(u64),
  }),
  batch_set_weights: at(80, {
    netuids: vec(compact(u16)),
    weights: vec(vec(tuple(compact(u16), compact(u16)))),
    versionKeys: vec(compactBig(u64)),
  }),
  try_associate_hotkey: at(91, { hotkey: AccountId }),
  commit_timelocked_weights: at(113, {
    netuid: u16,
    commit: CommitBytes,
    revealRound: u64,
    commitRevealVersion: u16,
  }),
  commit_timelocked_mechanism_weights: at(118, {
    netuid: u16,
    mecid: u8,
    commit: CommitBytes,
    revealRound: u64,
    commitRevealVersion: u16,
  }),
});
export type SubtensorCallValue = Value<typeof SubtensorCall>;

/** What the owner of a subnet may turn. */
export const AdminCall = variant("pallet_admin_utils::pallet::Call", {
  sudo_set_serving_rate_limit: at(3, { netuid: u16, servingRateLimit: height }),
  sudo_set_weights_version_key: at(6, { netuid: u16, weightsVersionKey: u64 }),
  sudo_set_weights_set_rate_limit: at(7, { netuid: u16, weightsSetRateLimit: height }),
  sudo_set_immunity_period: at(13, { netuid: u16, immunityPeriod: u16 }),
  sudo_set_min_allowed_weights: at(14, { netuid: u16, minAllowedWeights: u16 }),
  sudo_set_max_allowed_uids: at(15, { netuid: u16, maxAllowedUids: u16 }),
  sudo_set_max_allowed_validators: at(25, { netuid: u16, maxAllowedValidators: u16 }),
  sudo_set_network_registration_allowed: at(19, { netuid: u16, registrationAllowed: bool }),
  sudo_set_tempo: at(30, { netuid: u16, tempo: u16 }),
  sudo_set_commit_reveal_weights_enabled: at(49, { netuid: u16, enabled: bool }),
  sudo_set_commit_reveal_weights_interval: at(57, { netuid: u16, interval: height }),
  sudo_set_mechanism_count: at(76, { netuid: u16, mechanismCount: u8 }),
  sudo_trim_to_max_allowed_uids: at(78, { netuid: u16, maxN: u16 }),
});
export type AdminCallValue = Value<typeof AdminCall>;

export const ShieldCall = variant("pallet_shield::pallet::Call", {
  submit_encrypted: at(1, { ciphertext: ShieldedBytes }),
});

export const RuntimeCall = variant("node_subtensor_runtime::RuntimeCall", {
  System: at(PALLET.System, { 0: SystemCall }),
  Timestamp: at(PALLET.Timestamp, { 0: TimestampCall }),
  Balances: at(PALLET.Balances, { 0: BalancesCall }),
  SubtensorModule: at(PALLET.SubtensorModule, { 0: SubtensorCall }),
  AdminUtils: at(PALLET.AdminUtils, { 0: AdminCall }),
  MevShield: at(PALLET.MevShield, { 0: ShieldCall }),
});
export type RuntimeCallValue = Value<typeof RuntimeCall>;

export const SystemEvent = variant("frame_system::pallet::Event", {
  ExtrinsicSuccess: at(0, { dispatchInfo: DispatchInfo }),
  ExtrinsicFailed: at(1, { dispatchError: DispatchError, dispatchInfo: DispatchInfo }),
  CodeUpdated: bare(2),
  NewAccount: at(3, { account: AccountId }),
});
export const BalancesEvent = variant("pallet_balances::pallet::Event", {
  Transfer: at(2, { from: AccountId, to: AccountId, amount: u64 }),
});
const staked = { 0: AccountId, 1: AccountId, 2: u64, 3: u64, 4: u16, 5: u64 };
export const SubtensorEvent = variant("pallet_subtensor::pallet::Event", {
  StakeAdded: at(2, staked),
  StakeRemoved: at(3, staked),
  WeightsSet: at(5, { 0: u16, 1: u16 }),
  WeightsCommitted: at(85, { 0: AccountId, 1: u16, 2: Hash }),
  WeightsRevealed: at(86, { 0: AccountId, 1: u16, 2: Hash }),
  WeightsBatchRevealed: at(87, { 0: AccountId, 1: u16, 2: vec(Hash) }),
  BatchWeightsCompleted: at(88, { 0: vec(compact(u16)), 1: AccountId }),
  BatchCompletedWithErrors: bare(89),
  BatchWeightItemFailed: at(90, { 0: u16, 1: DispatchError }),
  NeuronRegistered: at(6, { 0: u16, 1: u16, 2: AccountId }),
  AxonServed: at(28, { 0: u16, 1: AccountId }),
  HotkeySwapped: at(66, { coldkey: AccountId, oldHotkey: AccountId, newHotkey: AccountId }),
  HotkeySwappedOnSubnet: at(102, {
    coldkey: AccountId,
    oldHotkey: AccountId,
    newHotkey: AccountId,
    netuid: u16,
  }),
  MaxAllowedUidsSet: at(9, { 0: u16, 1: u16 }),
  MinAllowedWeightSet: at(19, { 0: u16, 1: u16 }),
  WeightsSetRateLimitSet: at(22, { 0: u16, 1: height }),
  ImmunityPeriodSet: at(23, { 0: u16, 1: u16 }),
  MaxAllowedValidatorsSet: at(27, { 0: u16, 1: u16 }),
  RegistrationAllowed: at(50, { 0: u16, 1: bool }),
  WeightsVersionKeySet: at(32, { 0: u16, 1: u64 }),
  ServingRateLimitSet: at(35, { 0: u16, 1: height }),
  TempoSet: at(52, { 0: u16, 1: u16 }),
  CommitRevealPeriodsSet: at(100, { 0: u16, 1: height }),
  CommitRevealEnabled: at(101, { 0: u16, 1: bool }),
  TimelockedWeightsCommitted: at(107, { 0: AccountId, 1: u16, 2: Hash, 3: u64 }),
  TimelockedWeightsRevealed: at(108, { 0: u16, 1: AccountId }),
});
export const ShieldEvent = variant("pallet_shield::pallet::Event", {
  EncryptedSubmitted: at(0, { id: Hash, who: AccountId }),
});
export const DrandEvent = variant("pallet_drand::pallet::Event", { NewPulse: at(1, { rounds: vec(u64) }) });

export const RuntimeEvent = variant("node_subtensor_runtime::RuntimeEvent", {
  System: at(PALLET.System, { 0: SystemEvent }),
  Balances: at(PALLET.Balances, { 0: BalancesEvent }),
  SubtensorModule: at(PALLET.SubtensorModule, { 0: SubtensorEvent }),
  Drand: at(PALLET.Drand, { 0: DrandEvent }),
  MevShield: at(PALLET.MevShield, { 0: ShieldEvent }),
});
export type RuntimeEventValue = Value<typeof RuntimeEvent>;

export const EventRecord = struct(
  "frame_system::EventRecord",
  { phase: Phase, event: RuntimeEvent, topics: vec(Hash) },
  [
    { name: "E", codec: RuntimeEvent },
    { name: "T", codec: Hash },
  ],
);
export type EventRecordValue = Value<typeof EventRecord>;

/** Clients in Python call an error without docs unknown: its name in words stands there, for our own sentence would say no more. */
const errorsOf = (path: string, index: Readonly<Record<string, number>>) =>
  variant(
    path,
    Object.fromEntries(
      Object.entries(index).map(([name, at]) => [name, { ...bare(at), docs: `${inWords(name)}.` }]),
    ),
  );
const inWords = (name: string): string =>
  name[0]! +
  name
    .slice(1)
    .replace(/(?<=[a-z])(?=[A-Z])/g, " ")
    .toLowerCase();
export const SubtensorError = errorsOf("pallet_subtensor::pallet::Error", ERROR_INDEX);
export const SystemPalletError = errorsOf("frame_system::pallet::Error", SYSTEM_ERROR_INDEX);
export const AdminUtilsError = errorsOf("pallet_admin_utils::pallet::Error", ADMIN_ERROR_INDEX);
export const RuntimeError = variant("node_subtensor_runtime::RuntimeError", {
  System: at(PALLET.System, { 0: SystemPalletError }),
  SubtensorModule: at(PALLET.SubtensorModule, { 0: SubtensorError }),
  AdminUtils: at(PALLET.AdminUtils, { 0: AdminUtilsError }),
});

/** Fee-free, weightless dispatch: the node does not meter, and all its calls are `Pays::No` on the real chain. */
export const FREE: Value<typeof DispatchInfo> = {
  weight: { refTime: 0n, proofSize: 0n },
  class: { kind: "Normal", fields: {} },
  paysFee: { kind: "No", fields: {} },
};
