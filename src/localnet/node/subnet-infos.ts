import {
  type DynamicInfoValue,
  HYPERPARAMETERS_V2,
  type HyperparamEntryValue,
  type HyperparametersValue,
  type SubnetInfo,
  type SubnetInfoV2,
  type SubnetState,
} from "./api-types.ts";
import { type Shape, snake, u16, type Value } from "./codec.ts";
import { metagraph } from "./metagraph-fields.ts";
import type { StateView } from "./state.ts";
import { SUBTENSOR } from "./storage.ts";

/** Every subnet of this chain by number: the root network and the one of the localnet. */
export const subnets = (state: StateView): number[] =>
  Array.from({ length: HIGHEST_NETUID + 1 }, (_, netuid) => netuid).filter((netuid) =>
    state.read(SUBTENSOR.networksAdded, netuid),
  );
const HIGHEST_NETUID = 128;

const SCALING_LAW_POWER = 50;
const YUMA_VERSION = 2;
/** 1000, in 32.32 fixed point. */
const SIGMOID_STEEPNESS = { bits: 1000n << 32n };
/** Emission of the epochs before: nothing keeps it here. */
const NO_HISTORY: bigint[][] = [];

export function dynamicInfo(state: StateView, netuid: number, height: number): DynamicInfoValue | null {
  const all = metagraph(state, netuid, height);
  if (!all) return null;
  const { name, symbol, identity, subnetEmission, ...same } = all;
  return {
    ...same,
    subnetName: name,
    tokenSymbol: symbol,
    subnetIdentity: identity,
    emission: subnetEmission,
  };
}

export function subnetState(
  state: StateView,
  netuid: number,
  height: number,
): Value<typeof SubnetState> | null {
  const all = metagraph(state, netuid, height);
  return all && { ...all, emissionHistory: NO_HISTORY };
}

/** For both versions of the API. */
export function subnetInfo(
  state: StateView,
  netuid: number,
  height: number,
): (Value<typeof SubnetInfo> & Value<typeof SubnetInfoV2>) | null {
  const all = metagraph(state, netuid, height);
  return (
    all && {
      ...all,
      maxAllowedValidators: all.maxValidators,
      scalingLawPower: SCALING_LAW_POWER,
      subnetworkN: all.numUids,
      maxAllowedUids: all.maxUids,
      networkModality: 0,
      networkConnect: [],
      emissionValues: all.subnetEmission,
      emissionValue: all.subnetEmission,
      owner: all.ownerColdkey,
    }
  );
}

export function hyperparameters(
  state: StateView,
  netuid: number,
  height: number,
): HyperparametersValue | null {
  const all = metagraph(state, netuid, height);
  return (
    all && {
      ...all,
      alphaSigmoidSteepness: SIGMOID_STEEPNESS,
      yumaVersion: YUMA_VERSION,
      subnetIsActive: true,
      transfersEnabled: true,
      bondsResetEnabled: false,
      userLiquidityEnabled: false,
    }
  );
}

/** What version 3 no longer names. */
const GONE = new Set([
  "adjustmentAlpha",
  "adjustmentInterval",
  "difficulty",
  "minDifficulty",
  "maxDifficulty",
  "rho",
]);
const MONEY = new Set(["minBurn", "maxBurn"]);

/** The same as a list of named values. */
export function hyperparameterList(
  state: StateView,
  netuid: number,
  height: number,
): HyperparamEntryValue[] | null {
  const all = hyperparameters(state, netuid, height);
  return (
    all &&
    Object.entries(HYPERPARAMETERS_V2)
      .filter(([name]) => !GONE.has(name))
      .map(([name, { shape }]) => ({
        name: Buffer.from(snake(name)),
        value: entryValue(all[name as keyof typeof all], MONEY.has(name), shape),
      }))
  );
}

function entryValue(
  value: HyperparametersValue[keyof HyperparametersValue],
  isMoney: boolean,
  shape: Shape,
): HyperparamEntryValue["value"] {
  if (typeof value === "boolean") return { kind: "Bool", fields: { 0: value } };
  if (typeof value === "object") return { kind: "I32F32", fields: { 0: value } };
  if (isMoney) return { kind: "TaoBalance", fields: { 0: BigInt(value) } };
  const isShort = shape.kind === "compact" && shape.of === u16;
  return isShort
    ? { kind: "U16", fields: { 0: Number(value) } }
    : { kind: "U64", fields: { 0: BigInt(value) } };
}
