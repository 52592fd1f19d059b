import { isPublicGenesis } from "../../chain/networks.ts";
import type { Settings } from "../../config/options.ts";
import { listAdapters } from "../../inference/adapters.ts";
import { visibleAdapters } from "../../inference/worker/adapter-choice.ts";
import { defaultProfile, largestMemory } from "../first-start.ts";
import type { Nodes } from "./nodes.ts";

/** What of a validator the choice rests on. */
interface Asked {
  settings: Settings;
  environment: Readonly<Record<string, string | undefined>>;
  nodes: Nodes;
  isOffline: boolean;
}

export interface ChosenProfile {
  /** Name, or the path of a file. */
  profile: string;
  /** Why a run takes it, where nobody named one. */
  reason?: string;
  /** Whether strangers write to the chain; undefined where that could not be asked. */
  isPublic: boolean | undefined;
}

/**
 * The profile that a run with these settings scores with. A chain whose genesis nobody knows beforehand is asked for it, unless
 * that is not wanted or it does not answer: then it counts as a local one.
 */
export async function chooseProfile(asked: Asked): Promise<ChosenProfile> {
  const { settings, environment } = asked;
  const isPublic = await isPublicChain(asked);
  if (settings.modelsProfile !== undefined) return { profile: settings.modelsProfile, isPublic };
  const gpuBytes = isPublic ? bestGpuBytes(settings, environment) : 0;
  return { ...defaultProfile(isPublic ?? false, gpuBytes), isPublic };
}

async function isPublicChain({ settings, nodes, isOffline }: Asked): Promise<boolean | undefined> {
  if (settings.mock) return false;
  // Endpoints of another chain are refused where one is expected.
  if (nodes.network.expectedGenesis !== undefined) return true;
  const node = isOffline ? undefined : await nodes.best();
  return node && isPublicGenesis(node.connection.genesisHash);
}

function bestGpuBytes({ neuronDevice }: Settings, environment: Asked["environment"]): number {
  if (neuronDevice.device === "cpu") return 0;
  return largestMemory(visibleAdapters(listAdapters() ?? [], environment.CUDA_VISIBLE_DEVICES));
}
