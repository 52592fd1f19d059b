import { decodeAddress } from "@polkadot/util-crypto";
import type { GenesisAccount, SubnetRules } from "./genesis.ts";
import { toHex } from "./types.ts";

/** A neuron that the network starts with; its uid is its place in the list. */
export interface GenesisNeuron {
  /** SS58 address. */
  hotkey: string;
  coldkey: string;
  stakeTao: number;
  validatorPermit: boolean;
  /** May lie on loopback, which the call serve_axon refuses as on the real chain. */
  axon?: GenesisAccount["axon"];
}

/** Times in milliseconds, periods and limits in blocks. */
export interface NodeOptions {
  accounts: GenesisNeuron[];
  /** 0 takes a free one. */
  port?: number;
  host?: string;
  blockTimeMs?: number;
  /** No block comes before `resume` or `step`. */
  paused?: boolean | undefined;
  netuid?: number;
  tempo?: number;
  epochs?: SubnetRules["epochs"] | undefined;
  commitReveal?: boolean;
  revealPeriod?: number;
  weightsRateLimit?: number;
  servingRateLimit?: number;
  minAllowedWeights?: number;
  maxUids?: number;
  mechanisms?: number;
  versionKey?: bigint;
  immunityPeriod?: number;
  stakeThresholdTao?: number;
  /** What a registration costs; nothing where it is not said. */
  burnTao?: number;
  /** Who may turn what a subnet's owner may, by SS58 address; nobody unless said. */
  owner?: string | undefined;
  /** Accounts with money, by SS58 address. */
  purses?: readonly { address: string; tao: number }[];
  /** What the chain takes for the time: of its blocks and of its beacon. Tests move it. */
  nowMs?: () => number;
  /** 0 to 1, for faults that happen now and then. */
  random?: () => number;
  /** With 0x; its own unless given. Tests let a network look like a public one. */
  genesisHash?: string | undefined;
}

/** By schedule: the newest runtime whose metadata this node was compared with, and one of before the schedule changed. */
export const FIRST_SPEC_VERSION = { stateful: 424, modulo: 393 } as const;
/** Scaled down from the real chain (360, 100, 50, 4096) so that a demo sees an epoch within a minute. */
const DEFAULT_RULES: Omit<SubnetRules, "netuid" | "maxUids"> = {
  tempo: 20,
  epochs: "stateful",
  commitReveal: true,
  revealPeriod: 1,
  weightsRateLimit: 5,
  servingRateLimit: 5,
  minAllowedWeights: 1,
  mechanisms: 1,
  versionKey: 0n,
  immunityPeriod: 100,
  stakeThresholdTao: 0,
  burnTao: 0,
};
export const DEFAULT_BLOCK_TIME_MS = 1000;
export const DEFAULT_MAX_UIDS = 256;
export const MOST_UIDS = 65_535;
export function rulesOf(options: NodeOptions & { maxUids: number }, netuid: number): SubnetRules {
  const given = Object.fromEntries(
    Object.keys(DEFAULT_RULES)
      .map((name) => [name, options[name as keyof typeof DEFAULT_RULES]])
      .filter(([, value]) => value !== undefined),
  ) as Partial<SubnetRules>;
  return { ...DEFAULT_RULES, ...given, netuid, maxUids: options.maxUids };
}

export function accountOf({ hotkey, coldkey, ...rest }: GenesisNeuron): GenesisAccount {
  return { ...rest, hotkey: toHex(decodeAddress(hotkey)), coldkey: toHex(decodeAddress(coldkey)) };
}
