import type { ApiPromise } from "@polkadot/api";
import { type Netuid, U16_MAX, type Uid } from "../base/units.ts";
import { chainFailure } from "./errors.ts";
import { lastUpdateItem } from "./items.ts";
import { hasStorage, numberItem, numbersOf, optional, readStorage, subtensorItem } from "./storage.ts";

/** One mechanism of a subnet as one of its validators has to know it. */
export interface Mechanism {
  mecid: number;
  /** How many the subnet has. */
  of: number;
  /** Share of the subnet's emission that goes by its weights, 0..1; undefined where the subnet has no such mechanism. */
  share: number | undefined;
  /** Block of the validator's last update of weights, or of its registration; 0 = never. */
  ownLastUpdate: number;
}

/**
 * Shares of a subnet's emission by mechanism. A runtime without mechanisms has one. A subnet whose owner said nothing
 * shares alike (split_emissions).
 */
export async function readShares(api: ApiPromise, blockHash: string, netuid: number): Promise<number[]> {
  if (!hasStorage(api, "subtensorModule.mechanismCountCurrent")) return [1];
  const { count, split } = await readStorage(api, blockHash, {
    count: numberItem("mechanismCountCurrent", netuid),
    split: subtensorItem("mechanismEmissionSplit", [netuid], optional(numbersOf)),
  });
  return Array.from({ length: count }, (_, mecid) =>
    split?.length === count ? split[mecid]! / U16_MAX : 1 / count,
  );
}

/** @param count of mechanisms that the subnet has */
export function unknownMechanism(netuid: number, mecid: number, count: number): Error {
  return chainFailure("chain.unknown-mechanism", {
    message: `subnet ${netuid} has no mechanism ${mecid}: it has ${count}, counted from 0`,
    hint: "Check --neuron.mecid; the subnet's owner can change their number.",
    retry: "next-window",
  });
}

/**
 * The mechanisms `mecids` of a subnet at one block, for one of its validators.
 * @param lastUpdate its last one in the first mechanism, which the metagraph has told already
 */
export async function readMechanisms(
  api: ApiPromise,
  blockHash: string,
  {
    netuid,
    uid,
    mecids,
    lastUpdate,
  }: { netuid: Netuid; uid: Uid; mecids: readonly number[]; lastUpdate: number },
): Promise<Mechanism[]> {
  const shares = await readShares(api, blockHash, netuid);
  const others = mecids.filter((mecid) => mecid > 0 && mecid < shares.length);
  const updates =
    others.length === 0
      ? {}
      : await readStorage(
          api,
          blockHash,
          Object.fromEntries(others.map((mecid) => [mecid, lastUpdateItem({ netuid, mecid })])),
        );
  return mecids.map((mecid) => ({
    mecid,
    of: shares.length,
    share: shares[mecid],
    ownLastUpdate: mecid === 0 ? lastUpdate : (updates[mecid]?.[uid] ?? 0),
  }));
}
