import type { ApiPromise } from "@polkadot/api";
import type { Codec } from "@polkadot/types/types";
import { log } from "../base/log.ts";
import { asBlock, type BlockNumber, type Hotkey, type Netuid, type Uid } from "../base/units.ts";
import type { ChainConnection } from "./connection.ts";
import { chainFailure } from "./errors.ts";
import { weightsOf } from "./metagraph.ts";
import { legacyRevealBlock, revealBlock, revealBlockOfIncluded } from "./schedule.ts";
import { hasStorage, numberItem, readStorage } from "./storage.ts";

/** A commit that the chain has taken and not yet revealed. */
export interface PendingReveal {
  netuid: Netuid;
  uid: Uid;
  uids: number[];
  values: number[];
  /** Block in which the chain should reveal it. */
  revealBlock: number;
}

/** Blocks after the expected one in which the reveal still counts as on time: the beacon's pulse may come late. */
const GRACE_BLOCKS = 10;
/** Slots are missed now and then; this many times the nominal time is allowed for. */
const SLOW_CHAIN_FACTOR = 3;
const MIN_WAIT_MS = 60_000;

/**
 * Block in which the chain reveals a commit, from the schedule at one block.
 * @param commit `next`: it will be in the block after `at`; `included`: it is in the block `at`
 */
export async function readRevealBlock(
  api: ApiPromise,
  netuid: Netuid,
  at: { block: BlockNumber; blockHash: string },
  commit: "next" | "included",
): Promise<number> {
  const one = (name: string) => numberItem(name, netuid);
  if (!hasStorage(api, "subtensorModule.subnetEpochIndex")) {
    const { tempo, period } = await readStorage(api, at.blockHash, {
      tempo: one("tempo"),
      period: one("revealPeriodEpochs"),
    });
    return legacyRevealBlock(commit === "next" ? at.block + 1 : at.block, netuid, tempo, period);
  }
  const { period, ...schedule } = await readStorage(api, at.blockHash, {
    tempo: one("tempo"),
    lastEpochBlock: one("lastEpochBlock"),
    pendingEpochAt: one("pendingEpochAt"),
    subnetEpochIndex: one("subnetEpochIndex"),
    blocksSinceLastStep: one("blocksSinceLastStep"),
    period: one("revealPeriodEpochs"),
  });
  const state = { head: at.block, ...schedule };
  return commit === "next" ? revealBlock(state, period) : revealBlockOfIncluded(state, period);
}

/**
 * Waits for the reveal of a commit. The chain drops a commit that it cannot use without a word, so without this
 * nobody would notice.
 * @returns the block of the reveal
 * @throws Failure `chain.reveal-missing` when the weights on chain are still others some blocks after the reveal
 */
export async function confirmReveal(
  connection: ChainConnection,
  signer: { hotkey: Hotkey },
  pending: PendingReveal,
): Promise<BlockNumber> {
  const last = pending.revealBlock + GRACE_BLOCKS;
  for (let block = pending.revealBlock; block <= last; block++) {
    const blocksAway = Math.max(1, block - connection.head());
    const waitMs = Math.max(MIN_WAIT_MS, SLOW_CHAIN_FACTOR * blocksAway * connection.blockTimeMs);
    if (!(await connection.waitForBlock(block, waitMs))) break;
    const isRevealed = await connection.ask("looking for the reveal", (api) =>
      isRevealedIn(api, block, signer.hotkey, pending),
    );
    if (isRevealed) return asBlock(block);
  }
  throw chainFailure("chain.reveal-missing", {
    message: `the committed weights were not revealed by block ${last}; the chain dropped them`,
    hint: "Its reason is in the node's trace log only. Check this machine's clock and the hotkey's permit and stake.",
    data: { revealBlock: pending.revealBlock, netuid: pending.netuid },
    retry: "next-window",
  });
}

/** By the event of the reveal, or by weights on chain that are ours and were others a block before. */
async function isRevealedIn(
  api: ApiPromise,
  block: number,
  hotkey: Hotkey,
  pending: PendingReveal,
): Promise<boolean> {
  const hash = (await api.rpc.chain.getBlockHash(block)).toHex();
  const { events, weights } = await readStorage(api, hash, {
    events: { name: "system.events", keys: [], decode: (value) => value },
    weights: { name: "subtensorModule.weights", keys: [pending.netuid, pending.uid], decode: weightsOf },
  });
  if (hasRevealEvent(events, pending.netuid, hotkey)) return true;
  if (!isSame(weights, pending)) return false;
  const before = (await api.rpc.chain.getBlockHash(block - 1)).toHex();
  const { previous } = await readStorage(api, before, {
    previous: { name: "subtensorModule.weights", keys: [pending.netuid, pending.uid], decode: weightsOf },
  });
  log.debug("Weights on chain are the committed ones without an event", { block });
  return !isSame(previous, pending);
}

type EventRecord = { event: { section: string; method: string; data: Iterable<Codec> } };

function hasRevealEvent(events: Codec, netuid: Netuid, hotkey: Hotkey): boolean {
  for (const { event } of events as Codec & Iterable<EventRecord>) {
    if (event.section !== "subtensorModule" || event.method !== "TimelockedWeightsRevealed") continue;
    const [index, account] = [...event.data];
    if (Number(index?.toString()) === netuid && account?.toString() === hotkey) return true;
  }
  return false;
}

function isSame(onChain: [Uid, number][], { uids, values }: PendingReveal): boolean {
  const wanted = new Map(uids.map((uid, index) => [uid, values[index]]));
  return onChain.length === wanted.size && onChain.every(([uid, value]) => wanted.get(uid) === value);
}
