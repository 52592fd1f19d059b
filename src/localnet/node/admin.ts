import { isIPv4 } from "node:net";
import { encodeAddress } from "@polkadot/util-crypto";
import { RAO_PER_TAO, U16_MAX } from "../../base/units.ts";
import type { Chain } from "./chain.ts";
import { SS58_PREFIX } from "./description.ts";
import type { Endpoint } from "./endpoint.ts";
import { parseFault } from "./fault-words.ts";
import { genesisAxon } from "./genesis.ts";
import { neuronsLite } from "./neuron-infos.ts";
import { uidOf } from "./neurons.ts";
import { refusedRequest, unexpected } from "./request.ts";
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
    localnet_fault: (texts) => {
      const faults = texts.map(String);
      // One that there is not leaves the others undone.
      for (const text of faults) parseFault(text);
      for (const text of faults) endpoint.fault(text);
    },
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
    localnet_serve: ([hotkey, address]) => {
      const account = accountOf(hotkey);
      const place = axonPlace(address);
      if (uidOf(chain.state, netuid, account) === null)
        throw refusedRequest("that hotkey is not registered; localnet register does that");
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

/** @throws Failure `localnet.bad-request` unless it is written `127.0.0.1:8091` */
function axonPlace(address: unknown): { ip: bigint; ipType: number; port: number } {
  const [, ip = "", port = "0"] = /^([\d.]+):(\d{1,5})$/.exec(String(address)) ?? [];
  if (!isIPv4(ip) || !(Number(port) >= 1 && Number(port) <= U16_MAX))
    throw unexpected("an IPv4 address and a port, such as 127.0.0.1:8091,", address);
  const numeric = ip.split(".").reduce((sum, part) => sum * 256n + BigInt(part), 0n);
  return { ip: numeric, ipType: 4, port: Number(port) };
}

function addressOf(value: unknown): string {
  accountOf(value);
  return String(value);
}
