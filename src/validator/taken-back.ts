import { log } from "../base/log.ts";
import type { BlockNumber } from "../base/units.ts";
import type { Neuron } from "./ports.ts";
import { followReveal, forgetReveal } from "./reveals.ts";
import type { Session } from "./session.ts";
import { mechanismOf, tellWeights, weightsOf } from "./weights-event.ts";

/** A reorganisation moves a transaction by this many blocks at most; the weights before are older in any case. */
const MOVED_BLOCKS = 10;

/** Where weights are, once the height at which they were seen is final. */
export type Finality =
  /** Also where there is no record of them to go by. */
  | { state: "there" }
  /** A reorganisation put them into another block, which may not be final. */
  | { state: "moved"; block: BlockNumber }
  | { state: "taken-back" };

/**
 * Looks whether the chain still has weights that were seen in a block, once that height is final. Where a reorganisation took them back
 * they count as sent and not settled again, so that what sends the next ones finds out whether they may still come.
 * @throws Failure when the chain cannot be asked
 */
export async function confirmFinality<N extends Neuron>(
  session: Session<N>,
  mecid: number,
  block: BlockNumber,
): Promise<Finality> {
  const { recorder, modules } = session;
  const included = recorder.submissions.filter((one) => one.mecid === mecid && one.state === "included");
  const index = included.findIndex((one) => one.block === block);
  const record = included[index];
  if (record === undefined) return { state: "there" };
  const before = Math.max(included[index - 1]?.block ?? 0, block - MOVED_BLOCKS);
  const fate = await modules.chain.fateOf([{ ...record, block: before }], mecid);
  const revealId = record.extrinsic ?? record.id;
  if (fate.state === "included") {
    // What is further away is no move but a reveal, which counts as an update where commit-reveal was turned off since.
    if (fate.block === block || Math.abs(fate.block - block) > MOVED_BLOCKS) return { state: "there" };
    recorder.settleEarlier(record.id, { state: "included", block: fate.block });
    if (fate.pending) {
      forgetReveal(session, revealId);
      followReveal(session, { ...fate.pending, mecid, id: revealId, committed: fate.block });
    }
    return { state: "moved", block: fate.block };
  }
  const error = `the chain took block ${block} back, and them with it`;
  log.warn("The weights are no part of the chain any more and are set again", { block });
  recorder.settleEarlier(record.id, { state: "sent", error });
  forgetReveal(session, revealId, error);
  const weights = weightsOf({ uids: [...record.uids], values: [...record.values] });
  tellWeights(modules.feed, {
    ...mechanismOf({ mecid }),
    state: "sent",
    path: record.path,
    ...weights,
    error,
  });
  return { state: "taken-back" };
}
