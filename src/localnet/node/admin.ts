import { isIPv4 } from "node:net";
import { encodeAddress } from "@polkadot/util-crypto";
import { Failure } from "../../base/error.ts";
import { RAO_PER_TAO, U16_MAX } from "../../base/units.ts";
import type { Chain } from "./chain.ts";
import { SS58_PREFIX } from "./description.ts";
import type { Endpoint } from "./endpoint.ts";
import { genesisAxon, raoOf } from "./genesis.ts";
import { MOST_MECHANISMS, setMechanisms } from "./mechanisms.ts";
import { neuronsLite } from "./neuron-infos.ts";
import { uidOf } from "./neurons.ts";
import { accountOf } from "./rpc-params.ts";
import type { LocalnetCode } from "./scale.ts";
import { setFreeBalance, setStake, stakeWeight } from "./stakes.ts";
import { SUBTENSOR } from "./storage.ts";
import { type AccountHex, fromHex } from "./types.ts";

/** What a miner of SDK 10.2.0 writes on chain; it tells the protocol. */
export const AXON_VERSION = 10_002_000;
export const AXON_PROTOCOL = 4;

/** A neuron for people to read; stake in TAO, incentive 0 to 1. */
export interface NeuronView {
  uid: number;
  hotkey: string;
  coldkey: string;
  /** `ip:port`; null when it does not serve. */
  axon: string | null;
  stakeTao: number;
  permit: boolean;
  incentive: number;
}

/** What a running node can be told beside what is written straight into its state. */
export interface Controls {
  register(neuron: { hotkey: string; coldkey: string; stakeTao: number; validatorPermit: boolean }): number;
  setCommitReveal(enabled: boolean): void;
  setVersionKey(versionKey: bigint): void;
  setValidatorPermit(uid: number, permit: boolean): void;
  triggerEpoch(): void;
  upgradeRuntime(): number;
  pause(): void;
  resume(): void;
  step(blocks: number): number;
}

/** What an administrator may turn, by name, with the values that it takes. */
export const SETTINGS = {
  tempo: "BLOCKS",
  "commit-reveal": "true|false",
  "version-key": "NUMBER",
  stake: "UID TAO",
  permit: "UID true|false",
  mechanisms: "COUNT [PERCENT …]",
  balance: "ADDRESS TAO",
  epoch: "",
  upgrade: "",
  pause: "",
  step: "BLOCKS",
  resume: "",
} as const;
export type SettingName = keyof typeof SETTINGS;

type Method = (params: unknown[]) => unknown;

/** JSON-RPC methods beside those of a real node: what the commands `localnet …` ask of a running one. */
export function adminMethods(
  chain: Chain,
  netuid: number,
  controls: Controls,
  endpoint: Endpoint,
): Record<string, Method> {
  return {
    localnet_faults: () => endpoint.faults(),
    localnet_fault: ([text]) => endpoint.fault(String(text)),
    localnet_heal: ([text]) => {
      const gone = endpoint.heal(text === undefined ? undefined : String(text));
      if (text !== undefined && gone.length === 0)
        throw refused(
          `the fault ${JSON.stringify(text)} is not there; there are ${endpoint.faults().join(", ") || "none"}`,
        );
      return gone;
    },
    localnet_neurons: () => neurons(chain, netuid),
    localnet_register: ([hotkey, coldkey]) =>
      controls.register({
        hotkey: addressOf(hotkey),
        coldkey: addressOf(coldkey ?? hotkey),
        stakeTao: 0,
        validatorPermit: false,
      }),
    localnet_serve: ([hotkey, ip, port]) => {
      const account = accountOf(hotkey);
      if (typeof ip !== "string" || !isIPv4(ip)) throw refused("the address is no IPv4 address");
      if (uidOf(chain.state, netuid, account) === null) throw refused("that hotkey is not registered");
      const numeric = ip.split(".").reduce((sum, part) => sum * 256n + BigInt(part), 0n);
      const place = { ip: numeric, ipType: 4, port: numberOf(port, 1, 65_535) };
      const axon = genesisAxon({ ...place, version: AXON_VERSION, protocol: AXON_PROTOCOL });
      chain.state.set(SUBTENSOR.axons, [netuid, account], axon);
      return null;
    },
    localnet_set: ([name, ...values]) => set(chain, netuid, controls, String(name), values),
  };
}

function neurons({ state }: Chain, netuid: number): NeuronView[] {
  const address = (account: AccountHex): string => encodeAddress(fromHex(account), SS58_PREFIX);
  return neuronsLite(state, netuid).map(({ axonInfo, ...neuron }) => ({
    uid: neuron.uid,
    hotkey: address(neuron.hotkey),
    coldkey: address(neuron.coldkey),
    axon: axonInfo.ip === 0n ? null : `${dotted(axonInfo.ip)}:${axonInfo.port}`,
    stakeTao: Number(stakeWeight(state, netuid, neuron.hotkey)) / RAO_PER_TAO,
    permit: neuron.validatorPermit,
    incentive: neuron.incentive / U16_MAX,
  }));
}

const dotted = (ip: bigint): string => [24n, 16n, 8n, 0n].map((shift) => (ip >> shift) & 255n).join(".");

function set({ state }: Chain, netuid: number, controls: Controls, name: string, values: unknown[]): unknown {
  const uid = (): number => {
    const count = state.read(SUBTENSOR.subnetworkN, netuid);
    return numberOf(values[0], 0, count - 1);
  };
  const tao = (): bigint => raoOf(numberOf(values[1], 0, 21_000_000));
  switch (name as SettingName) {
    case "tempo":
      return state.set(SUBTENSOR.tempo, [netuid], numberOf(values[0], 1, 65_535));
    case "commit-reveal":
      return controls.setCommitReveal(switchOf(values[0]));
    case "version-key":
      return controls.setVersionKey(BigInt(numberOf(values[0], 0, Number.MAX_SAFE_INTEGER)));
    case "stake": {
      const hotkey = state.read(SUBTENSOR.keys, netuid, uid());
      return setStake(state, { hotkey, coldkey: state.read(SUBTENSOR.owner, hotkey), netuid }, tao());
    }
    case "permit":
      return controls.setValidatorPermit(uid(), switchOf(values[1]));
    case "mechanisms": {
      const [count, ...percents] = values;
      const shares = percents.map((percent) => numberOf(percent, 0, 100));
      return setMechanisms(state, netuid, numberOf(count, 1, MOST_MECHANISMS), shares);
    }
    case "balance":
      return setFreeBalance(state, accountOf(values[0]), tao());
    case "epoch":
      return controls.triggerEpoch();
    case "upgrade":
      return controls.upgradeRuntime();
    case "pause":
      return controls.pause();
    case "step":
      return controls.step(numberOf(values[0] ?? 1, 1, 10_000));
    case "resume":
      return controls.resume();
    default:
      throw refused(
        `there is nothing named ${JSON.stringify(name)} to set; there are ${Object.keys(SETTINGS).join(", ")}`,
      );
  }
}

function numberOf(value: unknown, min: number, max: number): number {
  const number = Number(value);
  if (value === undefined || value === "" || !Number.isFinite(number) || !(number >= min && number <= max))
    throw refused(`a number from ${min} to ${max} is expected`);
  return number;
}

function switchOf(value: unknown): boolean {
  if (String(value) !== "true" && String(value) !== "false") throw refused("true or false is expected");
  return String(value) === "true";
}

function addressOf(value: unknown): string {
  accountOf(value);
  return String(value);
}

const refused = (reason: string): Failure<LocalnetCode> =>
  new Failure<LocalnetCode>("localnet.bad-request", { message: `Cannot do that: ${reason}` });
