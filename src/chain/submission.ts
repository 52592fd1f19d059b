import type { ApiPromise } from "@polkadot/api";
import { decodeAddress } from "@polkadot/util-crypto";
import { isFailure } from "../base/error.ts";
import { log } from "../base/log.ts";
import { asBlock, type BlockNumber, type Hotkey, type Uid } from "../base/units.ts";
import { beaconNowSeconds, readBeacon, warnOfForeignBeacon } from "./beacon.ts";
import type { ChainConnection } from "./connection.ts";
import { type ChainCode, chainFailure } from "./errors.ts";
import {
  type ExtrinsicSigner,
  type Included,
  oneAtATime,
  sendExtrinsic,
  subtensorCall,
} from "./extrinsic.ts";
import { checkSubmission, type SubmissionState, type Weights } from "./precheck.ts";
import type { RefusalData } from "./refusals.ts";
import { confirmReveal, type PendingReveal, readRevealBlock } from "./reveal.ts";
import { roundAfterBlock } from "./schedule.ts";
import { numberItem, numbersOf, readStorage } from "./storage.ts";
import { encodeWeightsPayload, encryptTimelock } from "./timelock.ts";

export interface WeightsSubmission extends Weights {
  /** Wait until a timelocked commit is revealed: an epoch or more. */
  waitForReveal?: boolean;
}

export type SubmittedWeights =
  | { path: "plain"; block: BlockNumber; extrinsicHash: string }
  | ({ path: "timelocked"; block: BlockNumber; extrinsicHash: string; revealRound: number } & PendingReveal);

/** The first mechanism of a subnet; openvalidator scores one. */
const MECHANISM = 0;
/** Largest commit that the chain takes (pallets/subtensor, MAX_COMMIT_SIZE). */
const MAX_COMMIT_BYTES = 5000;
/** One more attempt where the chain changed under our hands. */
const ATTEMPTS = 2;
/** Blocks to look for an extrinsic whose fate is unknown. */
const VERIFY_BLOCKS = 5;
const MIN_VERIFY_MS = 5_000;

/**
 * Sets weights the way the subnet asks for at this moment: in the open, or locked until the next reveal. Every check
 * of the chain is made before; what the chain still refuses comes back as one sentence with a policy of retrying.
 * @throws Failure of a `ChainCode`; `chain.rate-limited` holds `blocksLeft`
 */
export async function submitWeights(
  connection: ChainConnection,
  signer: ExtrinsicSigner,
  submission: WeightsSubmission,
): Promise<SubmittedWeights> {
  const sent = await oneAtATime(connection, signer.hotkey, () => attempt(connection, signer, submission, 1));
  if (submission.waitForReveal && sent.path === "timelocked") await confirmReveal(connection, signer, sent);
  return sent;
}

async function attempt(
  connection: ChainConnection,
  signer: ExtrinsicSigner,
  submission: WeightsSubmission,
  number: number,
): Promise<SubmittedWeights> {
  const state = await connection.ask("checking the weights against the chain", (api) =>
    checkSubmission(api, signer.hotkey, submission),
  );
  try {
    return state.commitReveal
      ? await commit(connection, signer, submission, state)
      : await setPlain(connection, signer, submission, state);
  } catch (error) {
    const isWorthAnother =
      isFailure<ChainCode>(error) && (error.data as RefusalData | undefined)?.again === true;
    if (!isWorthAnother || number >= ATTEMPTS) throw error;
    log.info("The weights are sent once more", { reason: error });
    await connection.waitForBlock(state.head + 1, Math.max(MIN_VERIFY_MS, 2 * connection.blockTimeMs));
    return attempt(connection, signer, submission, number + 1);
  }
}

async function setPlain(
  connection: ChainConnection,
  signer: ExtrinsicSigner,
  { netuid, uids, values, versionKey }: Weights,
  state: SubmissionState,
): Promise<SubmittedWeights> {
  const included = await sendVerified(connection, signer, state, netuid, "set-weights", (api) =>
    subtensorCall(
      api,
      ["setMechanismWeights", [netuid, MECHANISM, uids, values, versionKey]],
      ["setWeights", [netuid, uids, values, versionKey]],
    ),
  );
  return { path: "plain", block: included.block, extrinsicHash: included.extrinsicHash };
}

async function commit(
  connection: ChainConnection,
  signer: ExtrinsicSigner,
  weights: Weights,
  state: SubmissionState,
): Promise<SubmittedWeights> {
  const { netuid, uids, values, versionKey } = weights;
  const plan = await connection.ask("planning the reveal", (api) =>
    planReveal(connection, api, weights, state),
  );
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
  const included = await sendVerified(connection, signer, state, netuid, "commit-weights", (api) =>
    subtensorCall(
      api,
      ["commitTimelockedMechanismWeights", [netuid, MECHANISM, [...sealed], plan.round, plan.version]],
      ["commitTimelockedWeights", [netuid, [...sealed], plan.round, plan.version]],
    ),
  );
  const revealBlock = await connection.ask("finding the block of the reveal", (api) =>
    readRevealBlock(api, netuid, included, "included"),
  );
  return {
    path: "timelocked",
    block: included.block,
    extrinsicHash: included.extrinsicHash,
    revealRound: plan.round,
    netuid,
    uid: state.uid,
    uids: [...uids],
    values: [...values],
    revealBlock,
  };
}

interface RevealPlan {
  round: number;
  publicKeyHex: string;
  /** CommitRevealWeightsVersion of the chain. */
  version: number;
}

async function planReveal(
  connection: ChainConnection,
  api: ApiPromise,
  { netuid }: Weights,
  state: SubmissionState,
): Promise<RevealPlan> {
  const at = { block: asBlock(state.head), blockHash: state.blockHash };
  const [block, beacon, { version }] = await Promise.all([
    readRevealBlock(api, netuid, at, "next"),
    readBeacon(api, state.blockHash),
    readStorage(api, state.blockHash, { version: numberItem("commitRevealWeightsVersion") }),
  ]);
  warnOfForeignBeacon(beacon, connection.endpoint);
  const now = {
    head: state.head,
    nowSeconds: beaconNowSeconds(beacon, Date.now() / 1000),
    blockTimeSeconds: connection.blockTimeMs / 1000,
  };
  return { round: roundAfterBlock(block, now, beacon), publicKeyHex: beacon.publicKeyHex, version };
}

/** Sends, and where the outcome is unknown looks on chain whether the weights arrived. */
async function sendVerified(
  connection: ChainConnection,
  signer: ExtrinsicSigner,
  state: SubmissionState,
  netuid: number,
  kind: "set-weights" | "commit-weights",
  make: Parameters<typeof sendExtrinsic>[3],
): Promise<Included> {
  try {
    return await sendExtrinsic(connection, signer, kind, make);
  } catch (error) {
    if (!isFailure<ChainCode>(error, "chain.outcome-unknown")) throw error;
    log.warn("The fate of the weights is unknown; looking on chain", { error });
    const found = await findUpdate(connection, signer.hotkey, netuid, state);
    if (found === null) throw error;
    const { extrinsicHash } = error.data as { extrinsicHash: string };
    return { ...found, extrinsicHash };
  }
}

/** The block of a newer update of our weights than `state` knows; null when none comes. */
async function findUpdate(
  connection: ChainConnection,
  hotkey: Hotkey,
  netuid: number,
  state: SubmissionState,
): Promise<Omit<Included, "extrinsicHash"> | null> {
  const last = connection.head() + VERIFY_BLOCKS;
  while (true) {
    const seen = await connection.ask("looking for the weights on chain", (api) =>
      readLastUpdate(api, hotkey, netuid, state.uid),
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
  netuid: number,
  uid: Uid,
): Promise<{ lastUpdate: number; blockHash: string }> {
  const blockHash = (await api.rpc.chain.getBlockHash()).toHex();
  const { updates, key } = await readStorage(api, blockHash, {
    updates: { name: "subtensorModule.lastUpdate", keys: [netuid], decode: numbersOf },
    key: { name: "subtensorModule.keys", keys: [netuid, uid], decode: (value) => value.toString() },
  });
  // Registration also counts as an update; it must not be taken for ours.
  return { lastUpdate: key === hotkey ? (updates[uid] ?? 0) : 0, blockHash };
}
