import { log } from "../base/log.ts";
import type { BlockNumber } from "../base/units.ts";
import type { Neuron } from "./ports.ts";
import { followReveal } from "./reveals.ts";
import type { Session } from "./session.ts";
import { mechanismOf, tellWeights, weightsOf } from "./weights-event.ts";

/** What the next weights have to heed. */
export interface Settled {
  /** Block that holds weights which nobody had seen arrive. */
  included?: BlockNumber;
  /** Nonce of weights that may still be taken: the next ones are signed with it, so that the chain takes one at most. */
  nonce?: number;
}

/**
 * Settles weights of which nobody knows whether the chain has them: the run was killed between signing and hearing of
 * them, or the chain was out of reach. Without this a window could get two vectors, and a commit be followed by nobody.
 * @throws Failure when the chain cannot be asked; they stay as they are then
 */
export async function settleEarlierWeights<N extends Neuron>(
  session: Session<N>,
  mecid: number,
): Promise<Settled> {
  const { recorder, modules } = session;
  const open = recorder.unsettled(mecid);
  if (open.length === 0) return {};
  const fate = await modules.chain.fateOf(open, mecid);
  if (session.signal.aborted) return {};
  if (fate.state === "open") return fate.nonce === null ? {} : { nonce: fate.nonce };
  for (const { id, path, uids, values, extrinsic } of open) {
    const weights = {
      ...mechanismOf({ mecid }),
      path,
      ...weightsOf({ uids: [...uids], values: [...values] }),
      extrinsic,
    };
    if (fate.state !== "included" || id !== fate.id) {
      const error =
        fate.state === "gone"
          ? "nobody saw them arrive, and they never reached the chain"
          : "others of the same nonce took their place";
      recorder.settleEarlier(id, { state: "refused", error });
      tellWeights(modules.feed, { state: "refused", ...weights, error });
      continue;
    }
    const { block, pending } = fate;
    recorder.settleEarlier(id, { state: "included", block });
    log.info("Weights that nobody saw arrive are on chain", { block });
    tellWeights(modules.feed, { state: "included", ...weights }, block);
    if (pending) followReveal(session, { ...pending, mecid, id: extrinsic ?? id, committed: block });
    else if (path === "timelocked")
      modules.feed.emit({
        kind: "reveal",
        ...mechanismOf({ mecid }),
        state: "unknown",
        committed: block,
        reveal_round: null,
        error: "the run that committed was killed, and no node shows the block of the commit any more",
      });
  }
  return fate.state === "included" ? { included: fate.block } : {};
}
