/** Items of SubtensorModule's storage that more than one reader needs: where each lies and what it means. */
import type { ApiPromise } from "@polkadot/api";
import { asUid, type Hotkey, type Netuid, type Uid } from "../base/units.ts";
import {
  bigintOf,
  booleanOf,
  hasStorage,
  numberItem,
  numberOf,
  numbersOf,
  optional,
  readStorage,
  type StorageItem,
  subtensorItem,
  textOf,
} from "./storage.ts";

/** More than there can be subnets: an index of storage has 16 bits, and the subnet takes twelve of them. */
const STRIDE = 4096;

/** A subnet's mechanism; its first when `mecid` is left out. */
export interface MechanismPlace {
  netuid: Netuid;
  mecid?: number | undefined;
}

/**
 * Where the chain keeps what each mechanism of a subnet has of its own: weights, updates, commits and incentives
 * (pallets/subtensor/src/subnets/mechanism.rs). The first one's index is the netuid.
 */
export const storageIndex = ({ netuid, mecid = 0 }: MechanismPlace): number => netuid + STRIDE * mecid;

/** Blocks of the last updates of weights, by uid; registration counts as one. 0 = never. */
export const lastUpdateItem = (place: MechanismPlace): StorageItem<number[]> =>
  subtensorItem("lastUpdate", [storageIndex(place)], numbersOf);

/** Weights that a validator has on chain, as pairs of uid and u16. */
export const weightsItem = (place: MechanismPlace, uid: number): StorageItem<[Uid, number][]> =>
  subtensorItem("weights", [storageIndex(place), uid], (value) =>
    (value.toJSON() as [number, number][]).map(([of, weight]) => [asUid(of), weight]),
  );

/** null for a hotkey without a uid. */
export const uidItem = (netuid: Netuid, hotkey: Hotkey): StorageItem<Uid | null> =>
  subtensorItem(
    "uids",
    [netuid, hotkey],
    optional((value) => asUid(numberOf(value))),
  );

/** Hotkey that holds a uid. */
export const holderItem = (netuid: Netuid, uid: number): StorageItem<string> =>
  subtensorItem("keys", [netuid, uid], textOf);

export const ownerItem = (netuid: Netuid): StorageItem<string> =>
  subtensorItem("subnetOwnerHotkey", [netuid], textOf);

export const commitRevealItem = (netuid: Netuid): StorageItem<boolean> =>
  subtensorItem("commitRevealWeightsEnabled", [netuid], booleanOf);

/** Stake in rao that weights need; only newer chains ask for one. */
export const stakeThresholdItem = (): StorageItem<bigint> => subtensorItem("stakeThreshold", [], bigintOf);

/** What decides when a subnet's epochs run; nothing but the tempo where the chain knows only the grid of before spec 420. */
export const scheduleItems = (netuid: Netuid) => ({
  tempo: numberItem("tempo", netuid),
  lastEpochBlock: numberItem("lastEpochBlock", netuid),
  pendingEpochAt: numberItem("pendingEpochAt", netuid),
  subnetEpochIndex: numberItem("subnetEpochIndex", netuid),
  blocksSinceLastStep: numberItem("blocksSinceLastStep", netuid),
});

/** Whether the chain keeps a schedule for each subnet (spec 420 and later). */
export const hasSchedule = (api: ApiPromise): boolean => hasStorage(api, "subtensorModule.subnetEpochIndex");

/** A validator's own place and weights at one block; null for a hotkey without a uid. */
export async function readOwn(
  api: ApiPromise,
  blockHash: string,
  hotkey: Hotkey,
  place: MechanismPlace,
): Promise<{ uid: Uid; lastUpdate: number; weights: [Uid, number][] } | null> {
  const { netuid } = place;
  const { uid } = await readStorage(api, blockHash, { uid: uidItem(netuid, hotkey) });
  if (uid === null) return null;
  const { updates, holder, weights } = await readStorage(api, blockHash, {
    updates: lastUpdateItem(place),
    holder: holderItem(netuid, uid),
    weights: weightsItem(place, uid),
  });
  return holder === hotkey ? { uid, lastUpdate: updates[uid] ?? 0, weights } : null;
}
