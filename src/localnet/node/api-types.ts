import {
  array,
  at,
  bool,
  bytes,
  compact,
  compactBig,
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
import { amount, block, POOL_FIELDS, SubnetIdentity, short, text, WHOLE_FIELDS } from "./metagraph-type.ts";
import { AccountId, FixedI64, FixedI128, FixedU128, NEURON_FIELDS } from "./types.ts";

// What the runtime APIs of spec 424 answer, beside the metagraph.

const { pruningScore, ...neuron } = NEURON_FIELDS;
export const NeuronInfo = struct("pallet_subtensor::rpc_info::neuron_info::NeuronInfo", {
  ...neuron,
  weights: vec(tuple(short, short)),
  bonds: vec(tuple(short, short)),
  pruningScore,
});

export const DelegateInfo = struct("pallet_subtensor::rpc_info::delegate_info::DelegateInfo", {
  delegateSs58: AccountId,
  take: short,
  nominators: vec(tuple(AccountId, vec(tuple(short, amount)))),
  ownerSs58: AccountId,
  registrations: vec(short),
  validatorPermits: vec(short),
  returnPer_1000: amount,
  totalDailyReturn: amount,
});
export type DelegateInfoValue = Value<typeof DelegateInfo>;

export const StakeInfo = struct("pallet_subtensor::rpc_info::stake_info::StakeInfo", {
  hotkey: AccountId,
  coldkey: AccountId,
  netuid: short,
  stake: amount,
  locked: amount,
  emission: amount,
  taoEmission: amount,
  drain: amount,
  isRegistered: bool,
});
export type StakeInfoValue = Value<typeof StakeInfo>;
export const StakeAvailability = struct("pallet_subtensor::rpc_info::stake_info::StakeAvailability", {
  total: amount,
  locked: amount,
  available: amount,
});

const subnetFields = {
  netuid: short,
  rho: short,
  kappa: short,
  difficulty: amount,
  immunityPeriod: short,
  maxAllowedValidators: short,
  minAllowedWeights: short,
  maxWeightsLimit: short,
  scalingLawPower: short,
  subnetworkN: short,
  maxAllowedUids: short,
  blocksSinceLastStep: block,
  tempo: short,
  networkModality: short,
  networkConnect: vec(array(2, u16)),
};
export const SubnetInfo = struct("pallet_subtensor::rpc_info::subnet_info::SubnetInfo", {
  ...subnetFields,
  emissionValues: amount,
  burn: amount,
  owner: AccountId,
});
export const SubnetInfoV2 = struct("pallet_subtensor::rpc_info::subnet_info::SubnetInfov2", {
  ...subnetFields,
  emissionValue: amount,
  burn: amount,
  owner: AccountId,
  identity: option(SubnetIdentity),
});

const HYPERPARAMETERS = {
  rho: short,
  kappa: short,
  immunityPeriod: short,
  minAllowedWeights: short,
  maxWeightsLimit: short,
  tempo: short,
  minDifficulty: amount,
  maxDifficulty: amount,
  weightsVersion: amount,
  weightsRateLimit: block,
  adjustmentInterval: short,
  activityCutoff: block,
  registrationAllowed: bool,
  targetRegsPerInterval: short,
  minBurn: amount,
  maxBurn: amount,
  bondsMovingAvg: amount,
  maxRegsPerBlock: short,
  servingRateLimit: block,
  maxValidators: short,
  adjustmentAlpha: amount,
  difficulty: amount,
  commitRevealPeriod: block,
  commitRevealWeightsEnabled: bool,
  alphaHigh: short,
  alphaLow: short,
  liquidAlphaEnabled: bool,
};
export const SubnetHyperparams = struct(
  "pallet_subtensor::rpc_info::subnet_info::SubnetHyperparams",
  HYPERPARAMETERS,
);
export const HYPERPARAMETERS_V2 = {
  ...HYPERPARAMETERS,
  alphaSigmoidSteepness: FixedI64,
  yumaVersion: short,
  subnetIsActive: bool,
  transfersEnabled: bool,
  bondsResetEnabled: bool,
  userLiquidityEnabled: bool,
};
export const SubnetHyperparamsV2 = struct(
  "pallet_subtensor::rpc_info::subnet_info::SubnetHyperparamsV2",
  HYPERPARAMETERS_V2,
);
export type HyperparametersValue = Value<typeof SubnetHyperparamsV2>;
export const HyperparamEntry = struct("pallet_subtensor::rpc_info::subnet_info::HyperparamEntry", {
  name: bytes(),
  value: variant("pallet_subtensor::rpc_info::subnet_info::HyperparamValue", {
    Bool: at(0, { 0: bool }),
    U16: at(1, { 0: short }),
    U32: at(2, { 0: compact(u32) }),
    U64: at(3, { 0: amount }),
    U128: at(4, { 0: compactBig(u128) }),
    TaoBalance: at(5, { 0: amount }),
    I32F32: at(6, { 0: FixedI64 }),
    U64F64: at(7, { 0: FixedU128 }),
  }),
});
export type HyperparamEntryValue = Value<typeof HyperparamEntry>;

export const DynamicInfo = struct("pallet_subtensor::rpc_info::dynamic_info::DynamicInfo", {
  netuid: short,
  ownerHotkey: AccountId,
  ownerColdkey: AccountId,
  subnetName: text,
  tokenSymbol: text,
  tempo: short,
  lastStep: block,
  blocksSinceLastStep: block,
  emission: amount,
  ...POOL_FIELDS,
  networkRegisteredAt: block,
  subnetIdentity: option(SubnetIdentity),
  movingPrice: FixedI128,
});
export type DynamicInfoValue = Value<typeof DynamicInfo>;

const { hotkeys, coldkeys, active, validatorPermit, lastUpdate, emission, dividends, incentives } =
  WHOLE_FIELDS;
const { consensus, trust, rank, blockAtRegistration, alphaStake, taoStake, totalStake } = WHOLE_FIELDS;
export const SubnetState = struct("pallet_subtensor::rpc_info::show_subnet::SubnetState", {
  netuid: short,
  hotkeys,
  coldkeys,
  active,
  validatorPermit,
  pruningScore: WHOLE_FIELDS.pruningScore,
  lastUpdate,
  emission,
  dividends,
  incentives,
  consensus,
  trust,
  rank,
  blockAtRegistration,
  alphaStake,
  taoStake,
  totalStake,
  emissionHistory: vec(vec(amount)),
});

export const LockState = struct("pallet_subtensor::staking::lock::LockState", {
  lockedMass: u64,
  conviction: FixedU128,
  lastUpdate: u64,
});
export const SubnetPrice = struct("pallet_subtensor_swap_runtime_api::SubnetPrice", {
  netuid: u16,
  price: u64,
});
export const SimSwapResult = struct("pallet_subtensor_swap_runtime_api::SimSwapResult", {
  taoAmount: u64,
  alphaAmount: u64,
  taoFee: u64,
  alphaFee: u64,
  taoSlippage: u64,
  alphaSlippage: u64,
});
export const ProxyTypeInfo = struct("subtensor_runtime_common::ProxyTypeInfo", {
  name: bytes(),
  index: u8,
  deprecated: bool,
});
