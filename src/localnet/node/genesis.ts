import { RAO_PER_TAO } from "../../base/units.ts";
import { setMechanisms } from "./mechanisms.ts";
import { storageIndexes } from "./neurons.ts";
import { own, ROOT_NETUID, setFreeBalance, setStake } from "./stakes.ts";
import type { ChainState } from "./state.ts";
import { SUBTENSOR } from "./storage.ts";
import type { AccountHex, AxonRecord } from "./types.ts";

/** Rules of the one subnet of a localnet, in blocks and in the chain's own units. */
export interface SubnetRules {
  netuid: number;
  tempo: number;
  /** When epochs run: so many blocks after each other, or on the blocks that the tempo divides. */
  epochs: "stateful" | "modulo";
  commitReveal: boolean;
  /** Epochs between a timelocked commit and its reveal. */
  revealPeriod: number;
  weightsRateLimit: number;
  servingRateLimit: number;
  minAllowedWeights: number;
  maxUids: number;
  mechanisms: number;
  versionKey: bigint;
  immunityPeriod: number;
  /** Least stake of a hotkey that sets weights, in TAO. */
  stakeThresholdTao: number;
  /** Price of a registration, in TAO; on the public chain it follows the demand. */
  burnTao: number;
}

export interface GenesisAccount {
  hotkey: AccountHex;
  coldkey: AccountHex;
  stakeTao: number;
  validatorPermit: boolean;
  axon?: Omit<AxonRecord, "block" | "placeholder1" | "placeholder2">;
}

/** TAO and alpha in the subnet's pool: as much of the one as of the other, for clients that take the price from there. */
const POOL_TAO = 1_000_000;

export const raoOf = (tao: number): bigint => BigInt(Math.round(tao * RAO_PER_TAO));

/** Axons of the genesis count as served in block 0, which no rate limit holds against their owners. */
export const genesisAxon = (axon: NonNullable<GenesisAccount["axon"]>): AxonRecord => ({
  ...axon,
  block: 0,
  placeholder1: 0,
  placeholder2: 0,
});

/** Writes the subnet and its first neurons, uid by uid in the order given. Their LastUpdate is 0: they may set weights at once. */
export function writeGenesis(
  state: ChainState,
  rules: SubnetRules,
  accounts: GenesisAccount[],
  purses: readonly { account: AccountHex; tao: number }[],
): void {
  const { netuid } = rules;
  for (const { account, tao } of purses) setFreeBalance(state, account, raoOf(tao));
  state.set(SUBTENSOR.totalNetworks, [], 2);
  state.set(SUBTENSOR.networksAdded, [ROOT_NETUID], true);
  state.set(SUBTENSOR.tokenSymbol, [ROOT_NETUID], Buffer.from("Τ"));
  state.set(SUBTENSOR.tempo, [ROOT_NETUID], rules.tempo);
  state.set(SUBTENSOR.networksAdded, [netuid], true);
  state.set(SUBTENSOR.tokenSymbol, [netuid], Buffer.from("α"));
  state.set(SUBTENSOR.subtokenEnabled, [netuid], true);
  state.set(SUBTENSOR.firstEmissionBlockNumber, [netuid], 1);
  state.set(SUBTENSOR.burn, [netuid], raoOf(rules.burnTao));
  for (const subnet of [ROOT_NETUID, netuid])
    for (const pool of [SUBTENSOR.subnetTao, SUBTENSOR.subnetAlphaIn])
      state.set(pool, [subnet], raoOf(POOL_TAO));
  state.set(SUBTENSOR.tempo, [netuid], rules.tempo);
  if (rules.epochs === "stateful") state.set(SUBTENSOR.subnetEpochIndex, [netuid], 0);
  state.set(SUBTENSOR.commitRevealWeightsEnabled, [netuid], rules.commitReveal);
  state.set(SUBTENSOR.revealPeriodEpochs, [netuid], rules.revealPeriod);
  state.set(SUBTENSOR.weightsSetRateLimit, [netuid], rules.weightsRateLimit);
  state.set(SUBTENSOR.servingRateLimit, [netuid], rules.servingRateLimit);
  state.set(SUBTENSOR.minAllowedWeights, [netuid], rules.minAllowedWeights);
  state.set(SUBTENSOR.maxAllowedUids, [netuid], rules.maxUids);
  state.set(SUBTENSOR.weightsVersionKey, [netuid], rules.versionKey);
  state.set(SUBTENSOR.immunityPeriod, [netuid], rules.immunityPeriod);
  state.set(SUBTENSOR.stakeThreshold, [], raoOf(rules.stakeThresholdTao));

  const fill = <T>(value: T): T[] => accounts.map(() => value);
  state.set(SUBTENSOR.subnetworkN, [netuid], accounts.length);
  for (const name of ["consensus", "dividends", "validatorTrust"] as const)
    state.set(SUBTENSOR[name], [netuid], fill(0));
  setMechanisms(state, netuid, rules.mechanisms);
  state.set(SUBTENSOR.emission, [netuid], fill(0n));
  state.set(SUBTENSOR.active, [netuid], fill(true));
  for (const index of storageIndexes(state, netuid))
    for (const item of [SUBTENSOR.lastUpdate, SUBTENSOR.incentive]) state.set(item, [index], fill(0));
  state.set(
    SUBTENSOR.validatorPermit,
    [netuid],
    accounts.map(({ validatorPermit }) => validatorPermit),
  );
  for (const [uid, { hotkey, coldkey, stakeTao, axon }] of accounts.entries()) {
    state.set(SUBTENSOR.keys, [netuid, uid], hotkey);
    state.set(SUBTENSOR.uids, [netuid, hotkey], uid);
    state.set(SUBTENSOR.isNetworkMember, [hotkey, netuid], true);
    own(state, hotkey, coldkey);
    setStake(state, { hotkey, coldkey, netuid }, raoOf(stakeTao));
    state.set(SUBTENSOR.blockAtRegistration, [netuid, uid], 0);
    if (axon) state.set(SUBTENSOR.axons, [netuid, hotkey], genesisAxon(axon));
  }
}
