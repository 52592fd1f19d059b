import {
  DelegateInfo,
  DynamicInfo,
  HyperparamEntry,
  LockState,
  NeuronInfo,
  ProxyTypeInfo,
  SimSwapResult,
  StakeAvailability,
  StakeInfo,
  SubnetHyperparams,
  SubnetHyperparamsV2,
  SubnetInfo,
  SubnetInfoV2,
  SubnetPrice,
  SubnetState,
} from "./api-types.ts";
import {
  type AnyCodec,
  type Codec,
  compact,
  compactBig,
  encode,
  type Fields,
  type FieldValues,
  height,
  option,
  readFields,
  snake,
  tuple,
  u8,
  u16,
  u32,
  u64,
  vec,
  wrapped,
} from "./codec.ts";
import { Extrinsic } from "./extensions.ts";
import type { ApiDescription } from "./metadata.ts";
import { metagraph, selectiveMetagraph } from "./metagraph-fields.ts";
import { Metagraph, SelectiveMetagraph } from "./metagraph-type.ts";
import { neurons, neuronsLite } from "./neuron-infos.ts";
import { hasMechanism } from "./neurons.ts";
import { FREE } from "./runtime.ts";
import type { ScaleReader } from "./scale.ts";
import { nextEpochBlock } from "./schedule.ts";
import { availability, delegateInfo, delegates, stakeInfo, stakesOf } from "./stake-infos.ts";
import { isOwned } from "./stakes.ts";
import type { StateView } from "./state.ts";
import { SYSTEM } from "./storage.ts";
import { PROXY_TYPES, READ_ONLY } from "./storage-clients.ts";
import {
  dynamicInfo,
  hyperparameterList,
  hyperparameters,
  subnetInfo,
  subnetState,
  subnets,
} from "./subnet-infos.ts";
import { AccountId, btreeMap, FeeInfo, FixedU128, NeuronInfoLite } from "./types.ts";

interface Moment {
  state: StateView;
  height: number;
}
interface Method {
  name: string;
  inputs: Fields;
  output: AnyCodec;
  run(input: ScaleReader, moment: Moment): Uint8Array;
}

/** One method: how clients see it, and what it does. */
function method<I extends Fields, O>(
  name: string,
  inputs: I,
  output: Codec<O>,
  answer: (args: FieldValues<I>, moment: Moment) => O,
): Method {
  return {
    name,
    inputs,
    output,
    run: (input, moment) => encode(output, answer(readFields(input, inputs), moment)),
  };
}

const SentExtrinsic = wrapped("fp_self_contained::unchecked_extrinsic::UncheckedExtrinsic", Extrinsic);
const netuid = { netuid: u16 };
const coldkey = { coldkeyAccount: AccountId };
const stakePlace = option(tuple(AccountId, u16));
/** Rao for one alpha: subnets of a localnet are "stable". */
const PRICE_RAO = 1_000_000_000n;
/** A swap at that price, without fee and without slippage. */
const swap = (amount: bigint) => ({
  taoAmount: amount,
  alphaAmount: amount,
  taoFee: 0n,
  alphaFee: 0n,
  taoSlippage: 0n,
  alphaSlippage: 0n,
});
const mechagraph = ({ netuid, mecid }: { netuid: number; mecid: number }, { state, height }: Moment) =>
  hasMechanism(state, netuid, mecid) ? metagraph(state, netuid, height, mecid) : null;

const APIS: Record<string, readonly Method[]> = {
  AccountNonceApi: [
    method(
      "account_nonce",
      { account: AccountId },
      u32,
      ({ account }, { state }) => state.read(SYSTEM.account, account).nonce,
    ),
  ],
  TransactionPaymentApi: [
    method("query_info", { uxt: SentExtrinsic, len: u32 }, FeeInfo, () => ({ ...FREE, partialFee: 0n })),
  ],
  NeuronInfoRuntimeApi: [
    method("get_neurons", netuid, vec(NeuronInfo), ({ netuid }, { state }) => neurons(state, netuid)),
    method(
      "get_neuron",
      { netuid: u16, uid: u16 },
      option(NeuronInfo),
      ({ netuid, uid }, { state }) => neurons(state, netuid)[uid] ?? null,
    ),
    method("get_neurons_lite", netuid, vec(NeuronInfoLite), ({ netuid }, { state }) =>
      neuronsLite(state, netuid),
    ),
    method(
      "get_neuron_lite",
      { netuid: u16, uid: u16 },
      option(NeuronInfoLite),
      ({ netuid, uid }, { state }) => neuronsLite(state, netuid)[uid] ?? null,
    ),
  ],
  SubnetInfoRuntimeApi: [
    method("get_subnet_info", netuid, option(SubnetInfo), ({ netuid }, { state, height }) =>
      subnetInfo(state, netuid, height),
    ),
    method("get_subnets_info", {}, vec(option(SubnetInfo)), (_none, { state, height }) =>
      subnets(state).map((netuid) => subnetInfo(state, netuid, height)),
    ),
    method("get_subnet_info_v2", netuid, option(SubnetInfoV2), ({ netuid }, { state, height }) =>
      subnetInfo(state, netuid, height),
    ),
    method("get_subnets_info_v2", {}, vec(option(SubnetInfoV2)), (_none, { state, height }) =>
      subnets(state).map((netuid) => subnetInfo(state, netuid, height)),
    ),
    method("get_subnet_hyperparams", netuid, option(SubnetHyperparams), ({ netuid }, { state, height }) =>
      hyperparameters(state, netuid, height),
    ),
    method(
      "get_subnet_hyperparams_v2",
      netuid,
      option(SubnetHyperparamsV2),
      ({ netuid }, { state, height }) => hyperparameters(state, netuid, height),
    ),
    method(
      "get_subnet_hyperparams_v3",
      netuid,
      option(vec(HyperparamEntry)),
      ({ netuid }, { state, height }) => hyperparameterList(state, netuid, height),
    ),
    method("get_all_dynamic_info", {}, vec(option(DynamicInfo)), (_none, { state, height }) =>
      subnets(state).map((netuid) => dynamicInfo(state, netuid, height)),
    ),
    method("get_dynamic_info", netuid, option(DynamicInfo), ({ netuid }, { state, height }) =>
      dynamicInfo(state, netuid, height),
    ),
    method("get_all_metagraphs", {}, vec(option(Metagraph)), (_none, { state, height }) =>
      subnets(state).map((netuid) => metagraph(state, netuid, height)),
    ),
    method("get_metagraph", netuid, option(Metagraph), ({ netuid }, { state, height }) =>
      metagraph(state, netuid, height),
    ),
    method("get_mechagraph", { netuid: u16, mecid: u8 }, option(Metagraph), mechagraph),
    method("get_subnet_state", netuid, option(SubnetState), ({ netuid }, { state, height }) =>
      subnetState(state, netuid, height),
    ),
    method(
      "get_selective_metagraph",
      { netuid: u16, metagraphIndexes: vec(u16) },
      option(SelectiveMetagraph),
      ({ netuid, metagraphIndexes }, { state, height }) =>
        selectiveMetagraph(state, netuid, metagraphIndexes, height),
    ),
    method(
      "get_selective_mechagraph",
      { netuid: u16, subid: u8, metagraphIndexes: vec(u16) },
      option(SelectiveMetagraph),
      ({ netuid, subid, metagraphIndexes }, { state, height }) =>
        hasMechanism(state, netuid, subid)
          ? selectiveMetagraph(state, netuid, metagraphIndexes, height, subid)
          : null,
    ),
    method("get_next_epoch_start_block", netuid, option(height), ({ netuid }, { state, height }) =>
      nextEpochBlock(state, netuid, height),
    ),
    method(
      "get_coldkey_auto_stake_hotkey",
      { coldkey: AccountId, netuid: u16 },
      option(AccountId),
      ({ coldkey, netuid }, { state }) => state.get(READ_ONLY.autoStakeDestination, coldkey, netuid),
    ),
    method("get_subnet_to_prune", {}, option(u16), () => null),
  ],
  DelegateInfoRuntimeApi: [
    method("get_delegates", {}, vec(DelegateInfo), (_none, { state }) => delegates(state)),
    method(
      "get_delegate",
      { delegateAccount: AccountId },
      option(DelegateInfo),
      ({ delegateAccount }, { state }) =>
        isOwned(state, delegateAccount) ? delegateInfo(state, delegateAccount) : null,
    ),
    method(
      "get_delegated",
      { delegateeAccount: AccountId },
      vec(tuple(DelegateInfo, tuple(compact(u16), compactBig(u64)))),
      ({ delegateeAccount }, { state }) =>
        stakesOf(state, delegateeAccount).map(({ hotkey, netuid, stake }) => [
          delegateInfo(state, hotkey),
          [netuid, stake],
        ]),
    ),
  ],
  StakeInfoRuntimeApi: [
    method("get_stake_info_for_coldkey", coldkey, vec(StakeInfo), ({ coldkeyAccount }, { state }) =>
      stakesOf(state, coldkeyAccount),
    ),
    method(
      "get_stake_info_for_coldkeys",
      { coldkeyAccounts: vec(AccountId) },
      vec(tuple(AccountId, vec(StakeInfo))),
      ({ coldkeyAccounts }, { state }) =>
        coldkeyAccounts.map((account) => [account, stakesOf(state, account)]),
    ),
    method(
      "get_stake_info_for_hotkey_coldkey_netuid",
      { hotkeyAccount: AccountId, coldkeyAccount: AccountId, netuid: u16 },
      option(StakeInfo),
      ({ hotkeyAccount, coldkeyAccount, netuid }, { state }) =>
        stakeInfo(state, { hotkey: hotkeyAccount, coldkey: coldkeyAccount, netuid }),
    ),
    method(
      "get_stake_availability_for_coldkeys",
      { coldkeyAccounts: vec(AccountId), netuids: option(vec(u16)) },
      btreeMap(AccountId, btreeMap(u16, StakeAvailability)),
      ({ coldkeyAccounts, netuids }, { state }) =>
        coldkeyAccounts.map((account) => [account, availability(state, account, netuids)]),
    ),
    method(
      "get_stake_fee",
      {
        origin: stakePlace,
        originColdkeyAccount: AccountId,
        destination: stakePlace,
        destinationColdkeyAccount: AccountId,
        amount: u64,
      },
      u64,
      () => 0n,
    ),
    method("get_coldkey_lock", { coldkey: AccountId, netuid: u16 }, option(LockState), () => null),
    method("get_hotkey_conviction", { hotkey: AccountId, netuid: u16 }, FixedU128, () => ({ bits: 0n })),
    method("get_most_convicted_hotkey_on_subnet", netuid, option(AccountId), () => null),
  ],
  SubnetRegistrationRuntimeApi: [
    method("get_network_registration_cost", {}, u64, (_none, { state }) =>
      state.read(READ_ONLY.networkMinLockCost),
    ),
  ],
  SwapRuntimeApi: [
    method("current_alpha_price", netuid, u64, () => PRICE_RAO),
    method("current_alpha_price_all", {}, vec(SubnetPrice), (_none, { state }) =>
      subnets(state).map((netuid) => ({ netuid, price: PRICE_RAO })),
    ),
    method("sim_swap_tao_for_alpha", { netuid: u16, tao: u64 }, SimSwapResult, ({ tao }) => swap(tao)),
    method("sim_swap_alpha_for_tao", { netuid: u16, alpha: u64 }, SimSwapResult, ({ alpha }) => swap(alpha)),
  ],
  // Newer than spec 424: SDK 11 asks it for every balance.
  BetaBasketRuntimeApi: [
    method("get_root_basket_positions", { coldkey: AccountId }, vec(tuple(AccountId, u64, u64)), () => []),
    method("get_root_basket_owed", { coldkey: AccountId }, u64, () => 0n),
  ],
  ProxyFilterRuntimeApi: [
    method("get_proxy_types", {}, vec(ProxyTypeInfo), () =>
      PROXY_TYPES.map((name, index) => ({ name: Buffer.from(name), index, deprecated: false })),
    ),
  ],
};

/** How the metadata tells of them. */
export const API_DESCRIPTIONS: ApiDescription[] = Object.entries(APIS).map(([name, methods]) => ({
  name,
  methods: methods.map(({ name, inputs, output }) => ({
    name,
    inputs: Object.entries(inputs).map(([field, codec]) => ({ name: snake(field), codec })),
    output,
  })),
}));

const METHODS = new Map<string, Method>(
  Object.entries(APIS).flatMap(([api, methods]) =>
    methods.map((one) => [`${api}_${one.name}`, one] as const),
  ),
);

/** The answer of a runtime API by the name that `state_call` uses; null for those that this runtime does not have. */
export const callRuntime = (
  method: string,
  input: ScaleReader,
  state: StateView,
  height: number,
): Uint8Array | null => METHODS.get(method)?.run(input, { state, height }) ?? null;
