import type { ApiPromise } from "@polkadot/api";
import { decodeAddress } from "@polkadot/util-crypto";
import type { DeadlineCode } from "../base/deadline.ts";
import { Failure, isFailure } from "../base/error.ts";
import { log } from "../base/log.ts";
import { asBlock, type BlockNumber, type Hotkey, type Netuid, type Uid } from "../base/units.ts";
import type { ChainConnection } from "./connection.ts";
import { type ChainCode, chainFailure } from "./errors.ts";
import {
  type ExtrinsicSigner,
  type Included,
  oneAtATime,
  sendExtrinsic,
  subtensorCall,
} from "./extrinsic.ts";
import { holderItem, lastUpdateItem, type MechanismPlace } from "./items.ts";
import { checkSubmission, type SubmissionState, type Weights } from "./precheck.ts";
import type { RefusalData } from "./refusals.ts";
import { type PendingReveal, readRevealBlock } from "./reveal.ts";
import { assertNew, COMMIT_VERSION, planReveal } from "./reveal-plan.ts";
import { readStorage } from "./storage.ts";
import { encodeWeightsPayload, encryptTimelock } from "./timelock.ts";

/** Weights that have passed every check and are about to be signed. */
export interface PreparedSubmission {
  path: "plain" | "timelocked";
  /** Head at which they were checked; the block that took them when they are on chain. */
  block: BlockNumber;
  uids: number[];
  values: number[];
  /** Of the extrinsic that is about to be signed. */
  nonce: number;
}

export interface SubmissionHooks {
  /**
   * Called before anything is signed, once for each attempt, so that a trace stays of what may reach the chain. What it
   * throws keeps the weights from being sent.
   */
  before?(prepared: PreparedSubmission): void;
  /**
   * Nonce of earlier weights that may still be taken (earlier.ts). These ones are signed with the same, so that the chain
   * takes one of the two at most.
   */
  nonce?: number | undefined;
  /** Aborted, nothing is sent any more; what is on its way is waited for. */
  signal?: AbortSignal | undefined;
}

/** Weights that a block holds. */
export type SubmittedWeights = Omit<PreparedSubmission, "nonce"> & { extrinsicHash: string } & (
    | { path: "plain" }
    | { path: "timelocked"; pending: PendingReveal }
  );

/** Largest commit that the chain takes (pallets/subtensor, MAX_COMMIT_SIZE). */
const MAX_COMMIT_BYTES = 5000;
/** Attempts where the chain changed under our hands, or the connection was lost before anything was sent. */
const ATTEMPTS = 3;
/** Blocks to look for an extrinsic whose fate is unknown; the next ones get its nonce, so that a late one does no harm. */
const VERIFY_BLOCKS = 3;
const MIN_VERIFY_MS = 5_000;

/**
 * Sets weights the way the subnet asks for at this moment: in the open, or locked until the next reveal. Every check
 * of the chain is made before; what the chain still refuses comes back as one sentence with a policy of retrying.
 * @param weights made when their turn has come, and anew for each attempt: uids change hands while others wait
 * @throws Failure of a `ChainCode`; `chain.rate-limited` holds `retryInBlocks`; `deadline.aborted` by the signal
 */
export function submitWeights(
  connection: ChainConnection,
  signer: ExtrinsicSigner,
  weights: Weights | (() => Promise<Weights>),
  hooks: SubmissionHooks = {},
): Promise<SubmittedWeights> {
  const make = typeof weights === "function" ? weights : async () => weights;
  return oneAtATime(connection, signer.hotkey, () => attempt({ connection, signer, hooks }, make, 1));
}

/** Who sends, over what, and who is told. */
interface Sender {
  connection: ChainConnection;
  signer: ExtrinsicSigner;
  hooks: SubmissionHooks;
  /** The chain has just refused the newer calls for weights (CallFiltered): the older ones may pass. */
  takesOldCalls?: boolean;
  /** What is wrong with this attempt leads to no other. */
  isLast?: boolean;
}

async function attempt(
  sender: Sender,
  make: () => Promise<Weights>,
  number: number,
): Promise<SubmittedWeights> {
  const { connection, signer, hooks } = sender;
  assertWanted(hooks.signal);
  const weights = await make();
  const state = await connection.ask("checking the weights against the chain", (api) =>
    checkSubmission(api, signer.hotkey, weights),
  );
  assertWanted(hooks.signal);
  try {
    const isLast = number >= ATTEMPTS;
    return state.commitReveal
      ? await commit({ ...sender, isLast }, weights, state)
      : await setPlain(sender, weights, state);
  } catch (error) {
    const refusal = isFailure<ChainCode>(error) ? (error.data as RefusalData | undefined) : undefined;
    const isWorthAnother = refusal?.again === true;
    if (!isWorthAnother || number >= ATTEMPTS) throw error;
    log.info("The weights are sent once more", { reason: error });
    await connection.waitForBlock(state.head + 1, Math.max(MIN_VERIFY_MS, 2 * connection.blockTimeMs));
    return attempt({ ...sender, takesOldCalls: refusal?.reason === "CallFiltered" }, make, number + 1);
  }
}

function assertWanted(signal: AbortSignal | undefined): void {
  if (!signal?.aborted) return;
  throw new Failure<DeadlineCode>("deadline.aborted", { message: "stopped before the weights were sent" });
}

async function setPlain(sender: Sender, weights: Weights, state: SubmissionState): Promise<SubmittedWeights> {
  const { netuid, mecid = 0, uids, values, versionKey } = weights;
  const included = await sendVerified(sender, state, weights, "plain", (api) =>
    subtensorCall(
      api,
      ...choicesFor(
        sender,
        mecid,
        ["setMechanismWeights", [netuid, mecid, uids, values, versionKey]],
        ["setWeights", [netuid, uids, values, versionKey]],
      ),
    ),
  );
  const { block, extrinsicHash } = included;
  return { path: "plain", block, uids: [...uids], values: [...values], extrinsicHash };
}

type CallChoice = [name: string, args: unknown[]];

/**
 * @param newest as the chain's own software calls it
 * @param oldest for older chains, and for newer ones in safe mode; it knows the first mechanism alone
 */
function choicesFor(
  { takesOldCalls = false }: Sender,
  mecid: number,
  newest: CallChoice,
  oldest: CallChoice,
): CallChoice[] {
  if (mecid > 0) return [newest];
  return takesOldCalls ? [oldest] : [newest, oldest];
}

async function commit(sender: Sender, weights: Weights, state: SubmissionState): Promise<SubmittedWeights> {
  const { connection, signer } = sender;
  const { netuid, mecid = 0, uids, values, versionKey } = weights;
  const plan = await connection.ask("planning the reveal", (api) => planReveal(connection, api, weights));
  const payload = encodeWeightsPayload({
    hotkeyPublicKey: decodeAddress(signer.hotkey),
    uids: [...uids],
    values: [...values],
    versionKey: BigInt(versionKey),
  });
  const sealed = encryptTimelock(payload, plan.round, plan.publicKeyHex);
  if (sealed.length > MAX_COMMIT_BYTES)
    throw chainFailure("chain.bad-weights", {
      message: `a commit of ${uids.length} weights has ${sealed.length} bytes; the chain takes ${MAX_COMMIT_BYTES}`,
      retry: "next-window",
    });
  assertWanted(sender.hooks.signal);
  const make = (api: ApiPromise) =>
    subtensorCall(
      api,
      ...choicesFor(
        sender,
        mecid,
        ["commitTimelockedMechanismWeights", [netuid, mecid, [...sealed], plan.round, COMMIT_VERSION]],
        ["commitTimelockedWeights", [netuid, [...sealed], plan.round, COMMIT_VERSION]],
      ),
    );
  // Weights that may be read an epoch early are better than none.
  const assertPlanned = (): void => {
    if (!sender.isLast) assertNew(plan, connection.blockTimeMs);
  };
  const included = await sendVerified(sender, state, weights, "timelocked", make, assertPlanned);
  const revealBlock = await revealBlockOf(connection, netuid, included, plan.block);
  return {
    path: "timelocked",
    block: included.block,
    uids: [...uids],
    values: [...values],
    extrinsicHash: included.extrinsicHash,
    pending: {
      netuid,
      mecid,
      uid: state.uid,
      uids: [...uids],
      values: [...values],
      revealBlock,
      revealRound: plan.round,
    },
  };
}

/** The commit is on chain whatever becomes of this reading, so the planned block stands in where it fails. */
async function revealBlockOf(
  connection: ChainConnection,
  netuid: Netuid,
  included: Included,
  plannedBlock: number,
): Promise<number> {
  try {
    return await connection.ask("finding the block of the reveal", (api) =>
      readRevealBlock(api, netuid, included, "included"),
    );
  } catch (error) {
    log.warn("The block of the reveal cannot be read; the planned one is taken", { error, plannedBlock });
    return plannedBlock;
  }
}

/** Sends, and where the outcome is unknown looks on chain whether the weights arrived. */
async function sendVerified(
  { connection, signer, hooks }: Sender,
  state: SubmissionState,
  weights: Weights,
  path: PreparedSubmission["path"],
  make: Parameters<typeof sendExtrinsic>[3],
  assertSound: () => void = () => undefined,
): Promise<Included> {
  const assertSendable = (): void => {
    assertWanted(hooks.signal);
    assertSound();
  };
  const kind = path === "plain" ? "set-weights" : "commit-weights";
  try {
    return await sendExtrinsic(connection, signer, kind, make, {
      nonce: hooks.nonce,
      beforeSigning(nonce) {
        assertSendable();
        const { uids, values } = weights;
        hooks.before?.({ path, block: asBlock(state.head), uids: [...uids], values: [...values], nonce });
      },
      beforeSending: assertSendable,
    });
  } catch (error) {
    if (!isFailure<ChainCode>(error, "chain.outcome-unknown")) throw error;
    log.warn("The fate of the weights is unknown; looking on chain", { error });
    const found = await findUpdate(connection, signer.hotkey, weights, state).catch((cause: unknown) => {
      // An outage says nothing of what was sent before it.
      log.debug("The chain cannot be looked at for the weights", { error: cause });
      return null;
    });
    if (found === null) throw error;
    const { extrinsicHash } = error.data as { extrinsicHash: string };
    return { ...found, extrinsicHash };
  }
}

/** The block of a newer update of our weights than `state` knows; null when none comes. */
async function findUpdate(
  connection: ChainConnection,
  hotkey: Hotkey,
  place: MechanismPlace,
  state: SubmissionState,
): Promise<Omit<Included, "extrinsicHash"> | null> {
  const last = connection.head() + VERIFY_BLOCKS;
  while (true) {
    const seen = await connection.ask("looking for the weights on chain", (api) =>
      readLastUpdate(api, hotkey, place, state.uid),
    );
    if (seen.lastUpdate > Math.max(state.lastUpdate, state.head))
      return { block: asBlock(seen.lastUpdate), blockHash: seen.blockHash };
    if (connection.head() >= last) return null;
    const waitMs = Math.max(MIN_VERIFY_MS, 2 * connection.blockTimeMs);
    if (!(await connection.waitForBlock(connection.head() + 1, waitMs))) return null;
  }
}

async function readLastUpdate(
  api: ApiPromise,
  hotkey: Hotkey,
  place: MechanismPlace,
  uid: Uid,
): Promise<{ lastUpdate: number; blockHash: string }> {
  const blockHash = (await api.rpc.chain.getBlockHash()).toHex();
  const { updates, holder } = await readStorage(api, blockHash, {
    updates: lastUpdateItem(place),
    holder: holderItem(place.netuid, uid),
  });
  // Registration also counts as an update; it must not be taken for ours.
  return { lastUpdate: holder === hotkey ? (updates[uid] ?? 0) : 0, blockHash };
}
