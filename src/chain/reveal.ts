import type { ApiPromise } from "@polkadot/api";
import type { Codec } from "@polkadot/types/types";
import type { DeadlineCode } from "../base/deadline.ts";
import { Failure } from "../base/error.ts";
import { log } from "../base/log.ts";
import { asBlock, type BlockNumber, type Hotkey, type Netuid, type Uid } from "../base/units.ts";
import type { ChainConnection } from "./connection.ts";
import { chainFailure } from "./errors.ts";
import { hasSchedule, type MechanismPlace, scheduleItems, storageIndex, weightsItem } from "./items.ts";
import { closed } from "./opening.ts";
import { legacyRevealBlock, revealBlock, revealBlockOfIncluded } from "./schedule.ts";
import { hasStorage, numberItem, readStorage } from "./storage.ts";

/** A commit that the chain has taken and not yet revealed. Plain data, so that it can be followed after a restart. */
export interface PendingReveal extends MechanismPlace {
  /** Own uid at the commit. */
  uid: number;
  uids: number[];
  values: number[];
  /** Block in which the chain should reveal it, by the schedule at the commit. */
  revealBlock: number;
  /** Beacon round that opens it; undefined where it was not kept. */
  revealRound?: number | undefined;
}

/** Blocks after the expected one in which the reveal still counts as on time: the beacon's pulse may come late. */
const GRACE_BLOCKS = 10;
/** Failed readings of one block, each at another head, after which the node is taken not to have it. */
const READ_ATTEMPTS = 3;
/** How often a wait looks whether it is still wanted. */
const WAIT_SLICE_MS = 60_000;

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
  const items = scheduleItems(netuid);
  const revealPeriod = numberItem("revealPeriodEpochs", netuid);
  if (!hasSchedule(api)) {
    const { tempo, period } = await readStorage(api, at.blockHash, {
      tempo: items.tempo,
      period: revealPeriod,
    });
    return legacyRevealBlock(commit === "next" ? at.block + 1 : at.block, netuid, tempo, period);
  }
  const { period, ...schedule } = await readStorage(api, at.blockHash, { ...items, period: revealPeriod });
  const state = { head: at.block, ...schedule };
  return commit === "next" ? revealBlock(state, period) : revealBlockOfIncluded(state, period);
}

/**
 * Follows a commit to its reveal, also one of an earlier run. The chain drops a commit that it cannot use without a word,
 * so without this nobody would notice. Blocks that have passed are read like those to come, and while the chain is out
 * of reach there is no verdict: an outage around the reveal says nothing of the reveal.
 * @param sliceMs after so long without a block a wait looks whether it is still wanted; it never ends by this
 * @returns the block of the reveal
 * @throws Failure `chain.reveal-missing` when the blocks were read and none reveals it, nor does the chain still hold the
 * commit; `chain.reveal-unknown` when no node shows blocks of that time any more; `chain.closed`; `deadline.aborted`
 */
export async function confirmReveal(
  connection: ChainConnection,
  signer: { hotkey: Hotkey },
  pending: PendingReveal,
  signal?: AbortSignal,
  sliceMs = WAIT_SLICE_MS,
): Promise<BlockNumber> {
  const reader = new BlockReader(connection, signal, sliceMs);
  const isRevealed = (block: number, attempts?: number): Promise<boolean | undefined> =>
    reader.read(
      block,
      "looking for the reveal",
      (api, hash) => isRevealedIn(api, { block, hash }, signer.hotkey, pending),
      attempts,
    );
  const unread: number[] = [];
  let isHeld: boolean | undefined;
  let last = pending.revealBlock + GRACE_BLOCKS;
  for (let block = pending.revealBlock; ; block++) {
    const answer = await isRevealed(block);
    if (answer) return asBlock(block);
    if (answer === undefined) unread.push(block);
    if (block < last) continue;
    // A tempo that was changed after the commit, or a late beacon, moves the reveal; the commit stays on chain until then.
    isHeld = await reader.readAnywhere(block, "looking for the commit", (api, hash) =>
      isCommitHeld(api, hash, signer.hotkey, pending),
    );
    if (!isHeld) break;
    last = block + GRACE_BLOCKS;
  }
  const { netuid, revealBlock } = pending;
  // A node that refused to read for a while may do so now.
  const missing: number[] = [];
  for (const block of unread) {
    const answer = await isRevealed(block, 1);
    if (answer) return asBlock(block);
    if (answer === undefined) missing.push(block);
  }
  const found = await revealedElsewhere(connection, missing, signer.hotkey, pending);
  if (typeof found === "number") return asBlock(found);
  if (found === undefined || isHeld === undefined)
    throw chainFailure("chain.reveal-unknown", {
      message: `it cannot be told whether the committed weights were revealed: no chain node shows ${
        found === undefined
          ? `${missing.length} of the blocks from ${revealBlock} to ${last}`
          : `whether block ${last} still holds them`
      }`,
      hint: "Nodes keep the state of some 256 blocks; an archive node, named with the others, keeps all.",
      data: { revealBlock, netuid },
    });
  throw chainFailure("chain.reveal-missing", {
    message: `the committed weights were not revealed by block ${last}; the chain dropped them`,
    hint: "Its reason is in the node's trace log only. Check this machine's clock and the hotkey's permit and stake.",
    data: { revealBlock, netuid },
    retry: "next-window",
  });
}

/**
 * Looks for the reveal in blocks that the node in use does not show.
 * @returns the block; null where they are read and none has it; undefined where no other node shows them either
 */
async function revealedElsewhere(
  connection: ChainConnection,
  blocks: readonly number[],
  hotkey: Hotkey,
  pending: PendingReveal,
): Promise<number | null | undefined> {
  if (blocks.length === 0) return null;
  return connection.askElsewhere("looking for the reveal", async (api) => {
    for (const block of blocks) {
      const hash = (await api.rpc.chain.getBlockHash(block)).toHex();
      if (await isRevealedIn(api, { block, hash }, hotkey, pending)) return block;
    }
    return null;
  });
}

/** Reads blocks in turn, each when it is there, however long that takes. */
class BlockReader {
  readonly #connection: ChainConnection;
  readonly #signal: AbortSignal | undefined;
  readonly #sliceMs: number;

  constructor(connection: ChainConnection, signal: AbortSignal | undefined, sliceMs: number) {
    this.#connection = connection;
    this.#signal = signal;
    this.#sliceMs = sliceMs;
  }

  /** @returns undefined when the block cannot be read, though the connection stands */
  async read<T>(
    block: number,
    name: string,
    work: (api: ApiPromise, blockHash: string) => Promise<T>,
    attempts = READ_ATTEMPTS,
  ): Promise<T | undefined> {
    await this.#reach(block);
    for (let failures = 0; ; ) {
      const headBefore = this.#connection.head();
      try {
        return await this.#connection.ask(name, async (api) =>
          work(api, (await api.rpc.chain.getBlockHash(block)).toHex()),
        );
      } catch (error) {
        if (!(error instanceof Failure) || error.retry !== "soon") throw error;
        log.debug("A block could not be read", { block, error });
        // Only a node that goes on is to blame for what it does not show; an outage is waited out.
        await this.#reach(headBefore + 1);
        if (++failures >= attempts) return undefined;
      }
    }
  }

  /** As `read`, and where the node in use cannot tell any more, of another one. */
  async readAnywhere<T>(
    block: number,
    name: string,
    work: (api: ApiPromise, blockHash: string) => Promise<T>,
  ): Promise<T | undefined> {
    const ofThisNode = await this.read(block, name, work);
    if (ofThisNode !== undefined) return ofThisNode;
    return this.#connection.askElsewhere(name, async (api) =>
      work(api, (await api.rpc.chain.getBlockHash(block)).toHex()),
    );
  }

  async #reach(block: number): Promise<void> {
    do {
      if (this.#signal?.aborted)
        throw new Failure<DeadlineCode>("deadline.aborted", { message: "stopped before the reveal" });
      if (this.#connection.isClosed) throw closed();
    } while (!(await this.#connection.waitForBlock(block, this.#sliceMs, this.#signal)));
  }
}

/** By the event of the reveal, or by weights on chain that are ours and were others a block before. */
async function isRevealedIn(
  api: ApiPromise,
  { block, hash }: { block: number; hash: string },
  hotkey: Hotkey,
  pending: PendingReveal,
): Promise<boolean> {
  const row = weightsItem(pending, pending.uid);
  const { events, weights } = await readStorage(api, hash, {
    events: { name: "system.events", keys: [], decode: (value) => value },
    weights: row,
  });
  if (hasRevealEvent(events, storageIndex(pending), hotkey)) return true;
  if (!isSameRow(weights, pending)) return false;
  const before = (await api.rpc.chain.getBlockHash(block - 1)).toHex();
  const { previous } = await readStorage(api, before, { previous: row });
  log.debug("Weights on chain are the committed ones without an event", { block });
  return !isSameRow(previous, pending);
}

/** Whether the chain still holds the commit, to be revealed in this epoch or a later one. */
async function isCommitHeld(
  api: ApiPromise,
  blockHash: string,
  hotkey: Hotkey,
  { netuid, mecid, revealRound }: PendingReveal,
): Promise<boolean> {
  // Without a round it cannot be told from a later commit.
  if (revealRound === undefined) return false;
  const commits = await readCommits(api, blockHash, { netuid, mecid });
  return commits.some((commit) => commit.hotkey === hotkey && commit.round === revealRound);
}

/** Commits of a mechanism that wait for their reveal at a block; none where the chain is too old to list them. */
export async function readCommits(
  api: ApiPromise,
  blockHash: string,
  place: MechanismPlace,
): Promise<{ hotkey: string; block: number; round: number }[]> {
  const held = "subtensorModule.timelockedWeightCommits";
  if (!hasSchedule(api) || !hasStorage(api, held)) return [];
  const { epoch, period } = await readStorage(api, blockHash, {
    epoch: numberItem("subnetEpochIndex", place.netuid),
    period: numberItem("revealPeriodEpochs", place.netuid),
  });
  const epochs = Array.from({ length: period + 1 }, (_, back) => epoch - back).filter((index) => index >= 0);
  const commits = await readStorage(
    api,
    blockHash,
    Object.fromEntries(
      epochs.map((index) => [index, { name: held, keys: [storageIndex(place), index], decode: commitsOf }]),
    ),
  );
  return Object.values(commits).flat();
}

/** Decoder of Vec<(AccountId, block, ciphertext, round)>. */
const commitsOf = (value: Codec): { hotkey: string; block: number; round: number }[] =>
  [...(value as Codec & Iterable<Codec & Iterable<Codec>>)].map((entry) => {
    const [account, block, , round] = [...entry];
    return { hotkey: String(account), block: Number(block), round: Number(round) };
  });

type EventRecord = { event: { section: string; method: string; data: Iterable<Codec> } };

function hasRevealEvent(events: Codec, wanted: number, hotkey: Hotkey): boolean {
  for (const { event } of events as Codec & Iterable<EventRecord>) {
    if (event.section !== "subtensorModule" || event.method !== "TimelockedWeightsRevealed") continue;
    const [index, account] = [...event.data];
    if (Number(index?.toString()) === wanted && account?.toString() === hotkey) return true;
  }
  return false;
}

/** Whether a row of weights on chain is the one that was sent. */
export function isSameRow(
  onChain: readonly (readonly [Uid, number])[],
  { uids, values }: { uids: readonly number[]; values: readonly number[] },
): boolean {
  const wanted = new Map(uids.map((uid, index) => [uid, values[index]]));
  return onChain.length === wanted.size && onChain.every(([uid, value]) => wanted.get(uid) === value);
}
