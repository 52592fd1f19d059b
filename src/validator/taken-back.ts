import { log } from "../base/log.ts";
import type { BlockNumber } from "../base/units.ts";
import type { Neuron } from "./ports.ts";
import type { Session } from "./session.ts";
import { mechanismOf, tellWeights, weightsOf } from "./weights-event.ts";

/** A reorganisation moves a transaction by this many blocks at most; the weights before are older in any case. */
const MOVED_BLOCKS = 10;

/**
 * Looks whether the chain still has weights that were seen in a block, once that height is final. Where a reorganisation took them back
 * they count as sent and not settled again, so that what sends the next ones finds out whether they may still come.
 * @returns whether they were taken back
 * @throws Failure when the chain cannot be asked
 */
export async function wereTakenBack<N extends Neuron>(
  { recorder, modules }: Session<N>,
  mecid: number,
  block: BlockNumber,
): Promise<boolean> {
  const included = recorder.submissions.filter((one) => one.mecid === mecid && one.state === "included");
  const index = included.findIndex((one) => one.block === block);
  const record = included[index];
  if (record === undefined) return false;
  const before = Math.max(included[index - 1]?.block ?? 0, block - MOVED_BLOCKS);
  const fate = await modules.chain.fateOf([{ ...record, block: before }], mecid);
  if (fate.state === "included") {
    if (fate.block !== block) recorder.settleEarlier(record.id, { state: "included", block: fate.block });
    return false;
  }
  const error = `the chain took block ${block} back, and them with it`;
  log.warn("The weights are no part of the chain any more and are set again", { block });
  recorder.settleEarlier(record.id, { state: "sent", error });
  const weights = weightsOf({ uids: [...record.uids], values: [...record.values] });
  tellWeights(modules.feed, {
    ...mechanismOf({ mecid }),
    state: "sent",
    path: record.path,
    ...weights,
    error,
  });
  return true;
}
