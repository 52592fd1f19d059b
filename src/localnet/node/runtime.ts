import {
  at,
  bare,
  bool,
  bytes,
  compact,
  height,
  struct,
  u8,
  u16,
  u32,
  u64,
  u128,
  type Value,
  variant,
  vec,
} from "./codec.ts";
import { ERROR_INDEX, type PalletError } from "./errors.ts";
import { AccountId, CommitBytes, DispatchError, DispatchInfo, Hash, Phase } from "./types.ts";

export const PALLET = { System: 0, Timestamp: 2, Aura: 3, SubtensorModule: 7, Drand: 26 } as const;

export const SystemCall = variant("frame_system::pallet::Call", { remark: at(0, { remark: bytes() }) });
export const TimestampCall = variant("pallet_timestamp::pallet::Call", {
  set: at(0, { now: compact(height) }),
});
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

export const RuntimeCall = variant("node_subtensor_runtime::RuntimeCall", {
  System: at(PALLET.System, { 0: SystemCall }),
  Timestamp: at(PALLET.Timestamp, { 0: TimestampCall }),
  SubtensorModule: at(PALLET.SubtensorModule, { 0: SubtensorCall }),
});
export type RuntimeCallValue = Value<typeof RuntimeCall>;

export const SystemEvent = variant("frame_system::pallet::Event", {
  ExtrinsicSuccess: at(0, { dispatchInfo: DispatchInfo }),
  ExtrinsicFailed: at(1, { dispatchError: DispatchError, dispatchInfo: DispatchInfo }),
  CodeUpdated: bare(2),
  NewAccount: at(3, { account: AccountId }),
});
export const SubtensorEvent = variant("pallet_subtensor::pallet::Event", {
  WeightsSet: at(5, { 0: u16, 1: u16 }),
  NeuronRegistered: at(6, { 0: u16, 1: u16, 2: AccountId }),
  AxonServed: at(28, { 0: u16, 1: AccountId }),
  CommitRevealEnabled: at(101, { 0: u16, 1: bool }),
  TimelockedWeightsCommitted: at(107, { 0: AccountId, 1: u16, 2: Hash, 3: u64 }),
  TimelockedWeightsRevealed: at(108, { 0: u16, 1: AccountId }),
});
export const DrandEvent = variant("pallet_drand::pallet::Event", { NewPulse: at(1, { rounds: vec(u64) }) });

export const RuntimeEvent = variant("node_subtensor_runtime::RuntimeEvent", {
  System: at(PALLET.System, { 0: SystemEvent }),
  SubtensorModule: at(PALLET.SubtensorModule, { 0: SubtensorEvent }),
  Drand: at(PALLET.Drand, { 0: DrandEvent }),
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

const errorCases = Object.fromEntries(
  Object.entries(ERROR_INDEX).map(([name, index]) => [name, bare(index)]),
) as Record<PalletError, ReturnType<typeof bare>>;
export const SubtensorError = variant("pallet_subtensor::pallet::Error", errorCases);
export const RuntimeError = variant("node_subtensor_runtime::RuntimeError", {
  SubtensorModule: at(PALLET.SubtensorModule, { 0: SubtensorError }),
});

/** Fee-free, weightless dispatch: the node does not meter, and all its calls are `Pays::No` on the real chain. */
export const FREE: Value<typeof DispatchInfo> = {
  weight: { refTime: 0n, proofSize: 0n },
  class: { kind: "Normal", fields: {} },
  paysFee: { kind: "No", fields: {} },
};
