import { isIPv4 } from "node:net";
import { encodeAddress } from "@polkadot/util-crypto";
import { RAO_PER_TAO, U16_MAX } from "../../base/units.ts";
import type { Chain } from "./chain.ts";
import { SS58_PREFIX } from "./description.ts";
import type { Endpoint } from "./endpoint.ts";
import { genesisAxon } from "./genesis.ts";
import { neuronsLite } from "./neuron-infos.ts";
import { uidOf } from "./neurons.ts";
import { refusedRequest, wholeOf } from "./request.ts";
import type { Method } from "./rpc.ts";
import { accountOf } from "./rpc-params.ts";
import { applySetting, type Controls } from "./settings.ts";
import { stakeWeight } from "./stakes.ts";
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
        throw refusedRequest(
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
      if (typeof ip !== "string" || !isIPv4(ip)) throw refusedRequest("the address is no IPv4 address");
      if (uidOf(chain.state, netuid, account) === null) throw refusedRequest("that hotkey is not registered");
      const numeric = ip.split(".").reduce((sum, part) => sum * 256n + BigInt(part), 0n);
      const place = { ip: numeric, ipType: 4, port: wholeOf(port, 1, U16_MAX) };
      const axon = genesisAxon({ ...place, version: AXON_VERSION, protocol: AXON_PROTOCOL });
      chain.state.set(SUBTENSOR.axons, [netuid, account], axon);
      return null;
    },
    localnet_set: (words) => applySetting(chain.state, netuid, controls, words.map(String)),
  };
}

export function neurons({ state }: Chain, netuid: number): NeuronView[] {
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

function addressOf(value: unknown): string {
  accountOf(value);
  return String(value);
}
