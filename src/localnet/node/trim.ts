import { byWeakness, storageIndexes } from "./neurons.ts";
import type { ChainState } from "./state.ts";
import { SUBTENSOR } from "./storage.ts";
import type { StorageItem } from "./storage-item.ts";

/** Lists with one entry for each uid, by subnet. */
const LISTS = [
  SUBTENSOR.consensus,
  SUBTENSOR.dividends,
  SUBTENSOR.validatorTrust,
  SUBTENSOR.emission,
  SUBTENSOR.active,
  SUBTENSOR.validatorPermit,
] as StorageItem<[number], unknown[]>[];

/**
 * Makes a subnet smaller, as its owner can (trim_to_max_allowed_uids): the weakest go, here validators last, for a
 * localnet's earn nothing before their first weights. Those that stay keep their order and move together, so that most have
 * another uid than before; weights follow them.
 * @param size of the subnet from now on
 * @param height of the block in which it happens
 * @returns how many are gone
 */
export function trimSubnet(state: ChainState, netuid: number, size: number, height: number): number {
  const count = state.read(SUBTENSOR.subnetworkN, netuid);
  const permits = state.read(SUBTENSOR.validatorPermit, netuid);
  const order = byWeakness(state, netuid, count, height).sort(
    (a, b) => Number(permits[a]) - Number(permits[b]),
  );
  const gone = new Set(order.slice(0, Math.max(0, count - size)));
  const kept = Array.from({ length: count }, (_, uid) => uid).filter((uid) => !gone.has(uid));
  const newUid = new Map(kept.map((uid, index) => [uid, index]));
  const hotkeys = Array.from({ length: count }, (_, uid) => state.read(SUBTENSOR.keys, netuid, uid));
  const registered = hotkeys.map((_, uid) => state.read(SUBTENSOR.blockAtRegistration, netuid, uid));
  for (const uid of gone) {
    state.remove(SUBTENSOR.uids, netuid, hotkeys[uid]!);
    state.remove(SUBTENSOR.isNetworkMember, hotkeys[uid]!, netuid);
    state.remove(SUBTENSOR.axons, netuid, hotkeys[uid]!);
  }
  for (const [to, uid] of kept.entries()) {
    state.set(SUBTENSOR.keys, [netuid, to], hotkeys[uid]!);
    state.set(SUBTENSOR.uids, [netuid, hotkeys[uid]!], to);
    state.set(SUBTENSOR.blockAtRegistration, [netuid, to], registered[uid]!);
  }
  for (const list of LISTS) {
    const values = state.read(list, netuid);
    state.set(
      list,
      [netuid],
      kept.map((uid) => values[uid]),
    );
  }
  for (const index of storageIndexes(state, netuid)) {
    for (const list of [SUBTENSOR.lastUpdate, SUBTENSOR.incentive]) {
      const values = state.read(list, index);
      state.set(
        list,
        [index],
        kept.map((uid) => values[uid] ?? 0),
      );
    }
    const rows = kept.map((uid) => state.read(SUBTENSOR.weights, index, uid));
    for (const [to, row] of rows.entries())
      state.set(
        SUBTENSOR.weights,
        [index, to],
        row.flatMap(([uid, weight]): [number, number][] =>
          newUid.has(uid) ? [[newUid.get(uid)!, weight]] : [],
        ),
      );
    for (let uid = kept.length; uid < count; uid++) state.remove(SUBTENSOR.weights, index, uid);
  }
  for (let uid = kept.length; uid < count; uid++) {
    state.remove(SUBTENSOR.keys, netuid, uid);
    state.remove(SUBTENSOR.blockAtRegistration, netuid, uid);
  }
  state.set(SUBTENSOR.subnetworkN, [netuid], kept.length);
  state.set(SUBTENSOR.maxAllowedUids, [netuid], size);
  return gone.size;
}
