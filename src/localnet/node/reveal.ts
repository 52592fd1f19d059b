import { messageOf } from "../../base/error.ts";
import { log } from "../../base/log.ts";
import { decodeWeightsPayload, decryptTimelock, type WeightsPayload } from "../../chain/timelock.ts";
import { storageIndex } from "./neurons.ts";
import type { SubtensorEventValue } from "./outcome.ts";
import { epochOf } from "./schedule.ts";
import type { ChainState } from "./state.ts";
import { DRAND, SUBTENSOR } from "./storage.ts";
import { type AccountHex, toHex } from "./types.ts";
import { applyWeights } from "./weights.ts";

/**
 * Opens the commits of the epoch that lies RevealPeriodEpochs back and applies their weights, at the start of every
 * block as reveal_crv3_commits does. Only a commit whose pulse is not yet there waits for the next block; any other
 * failure drops it, with a trace line and nothing on chain.
 */
export function revealCommits(state: ChainState, netuid: number, height: number): SubtensorEventValue[] {
  const period = state.read(SUBTENSOR.revealPeriodEpochs, netuid);
  const current = epochOf(state, netuid, height);
  const revealed = current - period;
  const events: SubtensorEventValue[] = [];
  for (let mecid = 0; mecid < state.read(SUBTENSOR.mechanismCountCurrent, netuid); mecid++) {
    const index = storageIndex(netuid, mecid);
    if (revealed < 0) continue;
    // An epoch's number only ever grows by one, so what expires now is what was left of the epoch before.
    if (revealed > 0) state.remove(SUBTENSOR.timelockedWeightCommits, index, revealed - 1);
    const commits = state.read(SUBTENSOR.timelockedWeightCommits, index, revealed);
    if (commits.length === 0) continue;
    const waiting: typeof commits = [];
    for (const commit of commits) {
      const [hotkey, commitBlock, ciphertext, round] = commit;
      const pulse = state.get(DRAND.pulses, round);
      const trace = (reason: string): void =>
        log.trace("localnet dropped a commit", { hotkey, index, commitBlock, round, reason });
      if (pulse === null) {
        waiting.push(commit);
        continue;
      }
      const payload = open(ciphertext, pulse.signature, hotkey, trace);
      if (payload === null) continue;
      const { uids, values, versionKey } = payload;
      const outcome = applyWeights(state, hotkey, { netuid, mecid, uids, values, versionKey }, height);
      if ("error" in outcome) trace(outcome.error);
      else
        events.push(...outcome.events, {
          kind: "TimelockedWeightsRevealed",
          fields: { 0: index, 1: hotkey },
        });
    }
    if (waiting.length === commits.length) continue;
    if (waiting.length > 0) state.set(SUBTENSOR.timelockedWeightCommits, [index, revealed], waiting);
    else state.remove(SUBTENSOR.timelockedWeightCommits, index, revealed);
  }
  return events;
}

/**
 * The weights in a commit, or null when it does not open or was made for another hotkey. The payload without a hotkey
 * that old clients sent, and bytes after the payload, are refused here; the runtime still takes both.
 */
function open(
  ciphertext: Uint8Array,
  signature: Uint8Array,
  hotkey: AccountHex,
  trace: (reason: string) => void,
): WeightsPayload | null {
  try {
    const payload = decodeWeightsPayload(decryptTimelock(ciphertext, toHex(signature)));
    if (toHex(payload.hotkeyPublicKey) === hotkey) return payload;
    trace("the payload names another hotkey");
  } catch (error) {
    // Whatever a stranger's ciphertext breaks, the chain goes on without it.
    trace(messageOf(error));
  }
  return null;
}
