import {
  bool,
  bytes,
  type Codec,
  compact,
  compactBig,
  type Fields,
  type FieldValues,
  height,
  option,
  struct,
  tuple,
  u8,
  u16,
  u64,
  u128,
  type Value,
  vec,
} from "./codec.ts";
import { AccountId, AxonInfo, FixedI128 } from "./types.ts";

export const text = vec(compact(u8));
export const amount = compactBig(u64);
export const block = compact(height);
export const short = compact(u16);

export const SubnetIdentity = struct("pallet_subtensor::pallet::SubnetIdentityV3", {
  subnetName: bytes(),
  githubRepo: bytes(),
  subnetContact: bytes(),
  subnetUrl: bytes(),
  discord: bytes(),
  description: bytes(),
  logoUrl: bytes(),
  additional: bytes(),
});
export const ChainIdentity = struct("pallet_subtensor::pallet::ChainIdentityV2", {
  name: bytes(),
  url: bytes(),
  githubRepo: bytes(),
  image: bytes(),
  discord: bytes(),
  description: bytes(),
  additional: bytes(),
});

/** What a subnet's pool holds and earns, as several answers tell it. */
export const POOL_FIELDS = {
  alphaIn: amount,
  alphaOut: amount,
  taoIn: amount,
  alphaOutEmission: amount,
  alphaInEmission: amount,
  taoInEmission: amount,
  pendingAlphaEmission: amount,
  pendingRootEmission: amount,
  subnetVolume: compactBig(u128),
};

/** What get_metagraph answers whole. */
export const WHOLE_FIELDS = {
  netuid: short,
  name: text,
  symbol: text,
  identity: option(SubnetIdentity),
  networkRegisteredAt: block,
  ownerHotkey: AccountId,
  ownerColdkey: AccountId,
  block: block,
  tempo: short,
  lastStep: block,
  blocksSinceLastStep: block,
  subnetEmission: amount,
  ...POOL_FIELDS,
  movingPrice: FixedI128,
  rho: short,
  kappa: short,
  minAllowedWeights: short,
  maxWeightsLimit: short,
  weightsVersion: amount,
  weightsRateLimit: block,
  activityCutoff: block,
  maxValidators: short,
  numUids: short,
  maxUids: short,
  burn: amount,
  difficulty: amount,
  registrationAllowed: bool,
  powRegistrationAllowed: bool,
  immunityPeriod: short,
  minDifficulty: amount,
  maxDifficulty: amount,
  minBurn: amount,
  maxBurn: amount,
  adjustmentAlpha: amount,
  adjustmentInterval: short,
  targetRegsPerInterval: short,
  maxRegsPerBlock: short,
  servingRateLimit: block,
  commitRevealWeightsEnabled: bool,
  commitRevealPeriod: block,
  liquidAlphaEnabled: bool,
  alphaHigh: short,
  alphaLow: short,
  bondsMovingAvg: amount,
  hotkeys: vec(AccountId),
  coldkeys: vec(AccountId),
  identities: vec(option(ChainIdentity)),
  axons: vec(AxonInfo),
  active: vec(bool),
  validatorPermit: vec(bool),
  pruningScore: vec(short),
  lastUpdate: vec(block),
  emission: vec(amount),
  dividends: vec(short),
  incentives: vec(short),
  consensus: vec(short),
  trust: vec(short),
  rank: vec(short),
  blockAtRegistration: vec(block),
  alphaStake: vec(amount),
  taoStake: vec(amount),
  totalStake: vec(amount),
  taoDividendsPerHotkey: vec(tuple(AccountId, amount)),
  alphaDividendsPerHotkey: vec(tuple(AccountId, amount)),
};
const FIELDS = {
  ...WHOLE_FIELDS,
  validators: vec(short),
  commitments: vec(tuple(AccountId, text)),
};

export const Metagraph = struct("pallet_subtensor::rpc_info::metagraph::Metagraph", WHOLE_FIELDS);
export type MetagraphValue = Value<typeof Metagraph>;
export type MetagraphFields = FieldValues<typeof FIELDS>;

type Optional<F extends Fields> = { [K in keyof F]: Codec<Value<F[K]> | null> };
const { netuid, ...others } = FIELDS;
/** Field `n` of this table is what index `n` of a get_selective_metagraph request asks for; `netuid` is always there. */
export const METAGRAPH_FIELDS = {
  netuid,
  ...(Object.fromEntries(
    Object.entries(others).map(([name, codec]) => [name, option(codec as Codec<unknown>)]),
  ) as Optional<typeof others>),
};

export const SelectiveMetagraph = struct(
  "pallet_subtensor::rpc_info::metagraph::SelectiveMetagraph",
  METAGRAPH_FIELDS,
);
export type SelectiveMetagraphValue = Value<typeof SelectiveMetagraph>;
