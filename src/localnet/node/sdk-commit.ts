import { U16_MAX } from "../../base/units.ts";
import { encodeWeightsPayload, encryptTimelock } from "../../chain/timelock.ts";
import type { Beacon } from "./beacon.ts";
import type { Chain } from "./chain.ts";
import { refusedRequest, wholeOf } from "./request.ts";
import { hexOf } from "./rpc-params.ts";
import { nextEpochBlock } from "./schedule.ts";
import { SUBTENSOR } from "./storage.ts";
import { fromHex, toHex } from "./types.ts";

/** The commit is in a block by then, and its round must not have passed. */
const LEAST_BLOCKS = 3;

/**
 * A timelocked commit that this network can open. The library of the SDK encrypts for the public beacon alone, whose secret
 * nobody here has, so that its function is to be replaced by this one (README).
 * @param params hotkey (32 bytes, hex), uids, values, version key
 */
export function sdkCommit(
  chain: Chain,
  netuid: number,
  beacon: Beacon,
  { nowMs, blockTimeMs }: { nowMs: number; blockTimeMs: number },
  [hotkey, uids, values, versionKey]: readonly unknown[],
): { commit: string; round: number } {
  const hotkeyPublicKey = fromHex(hexOf(hotkey));
  if (hotkeyPublicKey.length !== 32) throw refusedRequest("the hotkey has 32 bytes");
  if (!Array.isArray(uids) || !Array.isArray(values)) throw refusedRequest("uids and values are lists");
  const payload = encodeWeightsPayload({
    hotkeyPublicKey,
    uids: uids.map((uid) => wholeOf(uid, 0, U16_MAX)),
    values: values.map((value) => wholeOf(value, 0, U16_MAX)),
    versionKey: BigInt(wholeOf(versionKey, 0, Number.MAX_SAFE_INTEGER)),
  });
  const { state, head } = chain;
  const later = (state.read(SUBTENSOR.revealPeriodEpochs, netuid) - 1) * state.read(SUBTENSOR.tempo, netuid);
  const reveal = (nextEpochBlock(state, netuid, head.height) ?? head.height) + later;
  const waitMs = Math.max(LEAST_BLOCKS, reveal - head.height) * blockTimeMs;
  const round = beacon.roundAt(nowMs + waitMs);
  return { commit: `0x${toHex(encryptTimelock(payload, round, beacon.publicKeyHex))}`, round };
}
