import type { ApiPromise } from "@polkadot/api";
import { asBlock } from "../base/units.ts";
import { beaconNowSeconds, readBeacon, warnOfForeignBeacon } from "./beacon.ts";
import type { ChainConnection } from "./connection.ts";
import { chainFailure } from "./errors.ts";
import type { MechanismPlace } from "./items.ts";
import type { RefusalData } from "./refusals.ts";
import { readRevealBlock } from "./reveal.ts";
import { roundAfterBlock } from "./schedule.ts";
import { numberItem, readStorage } from "./storage.ts";

/**
 * CommitRevealWeightsVersion that our commits are of. With another version comes another form of the payload, as with each before, and
 * the chain would drop ours without a word when it is revealed.
 */
export const COMMIT_VERSION = 4;
/**
 * Blocks after which the plan of a reveal is made anew: a node that hangs between plan and sending could let an epoch begin, and weights
 * that are revealed an epoch later would be there to read before.
 */
const PLAN_BLOCKS = 2;
/** With fast blocks a busy machine needs more of them. */
const MIN_PLAN_MS = 5_000;

/** When a commit that is sent now is revealed. */
export interface RevealPlan {
  /** When it was begun, by a clock that only grows. */
  atMs: number;
  /** Block of the reveal, for a commit in the block after the head. */
  block: number;
  round: number;
  publicKeyHex: string;
}

/** @throws Failure `chain.version-too-old`, `chain.no-beacon`, `chain.no-epoch` */
export async function planReveal(
  connection: ChainConnection,
  api: ApiPromise,
  { netuid }: MechanismPlace,
): Promise<RevealPlan> {
  // Taken before the head, which must not be older than they are: the checks before may have waited for a node that hung.
  const atMs = performance.now();
  const clockSeconds = Date.now() / 1000;
  const header = await api.rpc.chain.getHeader();
  const at = { block: asBlock(header.number.toNumber()), blockHash: header.hash.toHex() };
  const [block, beacon, { version }] = await Promise.all([
    readRevealBlock(api, netuid, at, "next"),
    readBeacon(api, at.blockHash),
    readStorage(api, at.blockHash, { version: numberItem("commitRevealWeightsVersion") }),
  ]);
  if (version !== COMMIT_VERSION)
    throw chainFailure("chain.version-too-old", {
      message: `the chain asks for version ${version} of commit-reveal, and this program knows version ${COMMIT_VERSION}`,
      hint: "Update openvalidator.",
      retry: "next-window",
    });
  warnOfForeignBeacon(beacon, connection.endpoint);
  const now = {
    head: at.block,
    nowSeconds: beaconNowSeconds(beacon, clockSeconds),
    blockTimeSeconds: connection.blockTimeMs / 1000,
  };
  return { atMs, block, round: roundAfterBlock(block, now, beacon), publicKeyHex: beacon.publicKeyHex };
}

/** @throws Failure that leads to another attempt, where the chain has gone on since the plan was made */
export function assertNew({ atMs }: RevealPlan, blockTimeMs: number): void {
  if (performance.now() - atMs <= Math.max(MIN_PLAN_MS, PLAN_BLOCKS * blockTimeMs)) return;
  const data: RefusalData = { reason: "an old plan", again: true };
  throw chainFailure("chain.unreachable", {
    message: "the chain node was silent for so long that the plan of the reveal is old",
    data,
    retry: "soon",
  });
}
