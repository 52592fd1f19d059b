import { isPublicGenesis } from "../chain/networks.ts";
import type { Settings } from "../config/options.ts";
import { VERSION } from "../config/version.ts";
import { chainAddress } from "../miners/address.ts";
import { Dendrite, type MinerTarget } from "../miners/ask.ts";
import { DEFAULT_BUDGET, RequestBudget } from "../miners/budget.ts";
import { commonCause } from "../miners/fault.ts";
import { readOwnAddresses } from "../miners/own-addresses.ts";
import { addressPolicy } from "../miners/policy.ts";
import { acceptsConnection } from "../miners/reach.ts";
import type { HotkeySigner } from "../wallet/signer.ts";
import type { Opened } from "./opened.ts";
import type { Miners } from "./ports.ts";
import type { AxonNeuron } from "./subtensor.ts";

export type MinersSettings = Pick<
  Settings,
  | "minersAllowPrivate"
  | "minersMaxRequests"
  | "neuronMockDendritePool"
  | "axonExternalIp"
  | "axonExternalPort"
  | "axonPort"
>;

/** Miners of this machine, asked in place of those that the chain names. */
export interface StandIns {
  /** In turn by uid: the miner number `uid % miners.length`. */
  miners: readonly { hotkey: MinerTarget["hotkey"]; host: string; port: number }[];
  stop(): Promise<void>;
}

/** Starts miners that answer this hotkey alone. */
export type StartStandIns = (hotkey: string) => Promise<StandIns>;

/**
 * What asks the miners of a subnet.
 * @throws Failure `config.conflict` when private addresses are to be called on a public network
 */
export async function openMiners(
  settings: MinersSettings,
  genesis: string,
  signer: HotkeySigner,
  opened: Opened,
  startStandIns: StartStandIns | undefined,
): Promise<Miners<AxonNeuron>> {
  const { axonExternalIp: ip, axonExternalPort, axonPort } = settings;
  const policy = addressPolicy({
    isPublicChain: isPublicGenesis(genesis),
    allowPrivate: settings.minersAllowPrivate,
    isMockPool: settings.neuronMockDendritePool,
    ownAddresses: readOwnAddresses(),
    external: ip === undefined ? undefined : { ip, port: axonExternalPort ?? axonPort },
  });
  const dendrite = new Dendrite({ signer, policy, externalIp: ip, version: VERSION });
  const targetsOf =
    settings.neuronMockDendritePool && startStandIns
      ? await standInsFor(startStandIns, signer.hotkey, opened)
      : (neurons: readonly AxonNeuron[]): MinerTarget[] => [...neurons];
  const budget = new RequestBudget({ ...DEFAULT_BUDGET, requests: settings.minersMaxRequests });
  return {
    async ask(neurons, prompt, timeoutMs, signal) {
      for (const { hotkey } of neurons) budget.spend(hotkey, performance.now());
      const replies = await dendrite.ask(
        targetsOf(neurons),
        { roles: ["user"], messages: [prompt] },
        { timeoutMs, signal },
      );
      return replies.map((reply, index) => ({
        ...reply,
        uid: neurons[index]!.uid,
        hotkey: neurons[index]!.hotkey,
      }));
    },
    outageOf: commonCause,
    isAnyReachable: (neurons, signal) =>
      acceptsConnection(
        targetsOf(neurons).map(({ axon }) => axon),
        policy,
        signal,
      ),
    mayAsk: (hotkey) => budget.allows(hotkey, performance.now()),
  };
}

/** Miners of this machine that answer for every uid. */
async function standInsFor(
  start: StartStandIns,
  validator: string,
  opened: Opened,
): Promise<(neurons: readonly AxonNeuron[]) => MinerTarget[]> {
  const { miners } = opened.add("stand-ins", await start(validator), (open) => open.stop());
  return (neurons) =>
    neurons.map(({ uid }) => {
      const { hotkey, host, port } = miners[uid % miners.length]!;
      return { uid, hotkey, axon: { ...chainAddress(host), port } };
    });
}
