import { Failure } from "../base/error.ts";
import { isPublicGenesis } from "../chain/networks.ts";
import type { ConfigCode } from "../config/kinds.ts";
import type { Settings } from "../config/options.ts";
import { VERSION } from "../config/version.ts";
import { chainAddress } from "../miners/address.ts";
import { Dendrite, type MinerTarget } from "../miners/ask.ts";
import { readOwnAddresses } from "../miners/own-addresses.ts";
import type { HotkeySigner } from "../wallet/signer.ts";
import type { Opened } from "./opened.ts";
import type { Miners } from "./ports.ts";
import type { AxonNeuron } from "./subtensor.ts";

export type MinersSettings = Pick<
  Settings,
  "minersAllowPrivate" | "minersMaxRequests" | "neuronMockDendritePool" | "axonExternalIp" | "axonPort"
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
  const isPublic = isPublicGenesis(genesis);
  if (settings.minersAllowPrivate && isPublic)
    throw new Failure<ConfigCode>("config.conflict", {
      message:
        "--miners.allow_private is for local subnets; on a public network a miner could aim this validator at your own network",
      hint: "leave the flag out",
    });
  const policy = {
    // The only addresses called with a mock pool are this machine's own miners.
    allowPrivate: !isPublic || settings.neuronMockDendritePool,
    ownAddresses: readOwnAddresses(settings.axonExternalIp),
  };
  const dendrite = new Dendrite({ signer, policy, externalIp: settings.axonExternalIp, version: VERSION });
  const targetsOf =
    settings.neuronMockDendritePool && startStandIns
      ? await standInsFor(startStandIns, signer.hotkey, opened)
      : (neurons: readonly AxonNeuron[]): MinerTarget[] => [...neurons];
  return {
    async ask(neurons, prompt, timeoutMs, signal) {
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
    outageOf: () => undefined,
    isAnyReachable: async () => false,
    mayAsk: () => true,
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
