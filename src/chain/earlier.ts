import type { ApiPromise } from "@polkadot/api";
import { log } from "../base/log.ts";
import { asBlock, type BlockNumber, type Hotkey } from "../base/units.ts";
import type { ChainConnection } from "./connection.ts";
import { MORTAL_BLOCKS } from "./extrinsic.ts";
import { type MechanismPlace, readOwn } from "./items.ts";
import { isSameRow, type PendingReveal, readCommits, readRevealBlock } from "./reveal.ts";
import { readStorage } from "./storage.ts";

/** Weights that were signed, by this run or one before it, and of which nothing was heard. */
export interface EarlierSubmission {
  id: string;
  path: "plain" | "timelocked";
  /** Head when they were made. */
  block: number;
  uids: readonly number[];
  values: readonly number[];
  /** Of their extrinsic; null where it was not kept. */
  nonce: number | null;
}

/** What became of them, as the chain has it. */
export type EarlierFate =
  /** One of them is on chain. `pending` is the reveal to follow, undefined where its block cannot be told any more. */
  | { state: "included"; id: string; block: BlockNumber; pending: PendingReveal | undefined }
  /** The newest may still be taken; who sends others with its nonce makes sure that only one of the two is. */
  | { state: "open"; nonce: number | null }
  | { state: "gone" };

/**
 * Finds out what became of weights that may or may not be on chain, so that a restart neither sends a window's weights
 * twice nor forgets a commit.
 * @param earlier of one hotkey and one mechanism, oldest first; at least one
 */
export async function fateOfEarlier(
  connection: ChainConnection,
  hotkey: Hotkey,
  place: MechanismPlace,
  earlier: readonly EarlierSubmission[],
): Promise<EarlierFate> {
  const newest = earlier.at(-1)!;
  const oldest = earlier[0]!;
  const fate = await connection.ask("looking for earlier weights on chain", async (api) => {
    const header = await api.rpc.chain.getHeader();
    const blockHash = header.hash.toHex();
    const head = header.number.toNumber();
    const own = await readOwn(api, blockHash, hotkey, place);
    const next = await readNonce(api, blockHash, hotkey);
    // The nonces of one hotkey only grow. Where the chain has used none of these, the update is a reveal: once commit-reveal
    // is off, that counts as one too. So does a registration, but nobody registers who holds the uid already.
    const isUntouched = oldest.nonce !== null && next <= oldest.nonce;
    if (own !== null && own.lastUpdate > oldest.block && !isUntouched) return own;
    const isDead = head > newest.block + MORTAL_BLOCKS;
    const isUsed = newest.nonce !== null && next > newest.nonce;
    return isDead || isUsed
      ? ({ state: "gone" } as const)
      : ({ state: "open", nonce: newest.nonce } as const);
  });
  if ("state" in fate) return fate;
  const { uid, lastUpdate, weights } = fate;
  const block = asBlock(lastUpdate);
  const taken = earlier.find((one) => isSameRow(weights, one)) ?? newest;
  const committed = { block, hotkey, ...place, uid };
  const pending = taken.path === "plain" ? undefined : await readPending(connection, committed, taken);
  return { state: "included", id: taken.id, block, pending };
}

/** The number of the next extrinsic that a block takes of this hotkey; those in the pool do not count. */
async function readNonce(api: ApiPromise, blockHash: string, hotkey: Hotkey): Promise<number> {
  const { nonce } = await readStorage(api, blockHash, {
    nonce: {
      name: "system.account",
      keys: [hotkey],
      decode: (account) => Number((account as unknown as { nonce: { toString(): string } }).nonce.toString()),
    },
  });
  return nonce;
}

interface Committed extends MechanismPlace {
  block: BlockNumber;
  hotkey: Hotkey;
  uid: number;
}

/** What of the commit is to be followed, from whichever node shows its block still. */
async function readPending(
  connection: ChainConnection,
  committed: Committed,
  { uids, values }: EarlierSubmission,
): Promise<PendingReveal | undefined> {
  const name = "looking for the commit of earlier weights";
  const { block, netuid, mecid, uid } = committed;
  const read = (api: ApiPromise) => readReveal(api, committed);
  const reveal = await connection.ask(name, read).catch((error: unknown) => {
    log.debug("The node does not show the block of earlier weights", { block, error });
    return connection.askElsewhere(name, read);
  });
  if (reveal !== undefined) return { netuid, mecid, uid, uids: [...uids], values: [...values], ...reveal };
  log.warn("The reveal of earlier weights cannot be followed: no node shows their block any more", {
    block,
    hint: "an archive node, named with the others, keeps all blocks",
  });
  return undefined;
}

async function readReveal(
  api: ApiPromise,
  { block, hotkey, netuid, mecid }: Committed,
): Promise<Pick<PendingReveal, "revealBlock" | "revealRound">> {
  const blockHash = (await api.rpc.chain.getBlockHash(block)).toHex();
  const revealBlock = await readRevealBlock(api, netuid, { block, blockHash }, "included");
  const commits = await readCommits(api, blockHash, { netuid, mecid });
  const own = commits.findLast((commit) => commit.hotkey === hotkey && commit.block === block);
  return { revealBlock, revealRound: own?.round };
}
