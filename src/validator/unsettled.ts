import { log } from "../base/log.ts";
import { asBlock } from "../base/units.ts";
import type { Neuron } from "./ports.ts";
import type { Session } from "./session.ts";
import { tellWeights, weightsOf } from "./weights-event.ts";

/** A signed extrinsic dies after so many blocks at the latest (chain/extrinsic.ts, its era), so none lands later. */
const DEAD_AFTER_BLOCKS = 64;

/**
 * Settles the last weights of an earlier run that was killed between signing and hearing of them: the chain knows, by the
 * block of this validator's last update, what became of them. Without this they would stay open for ever.
 */
export function settleEarlierWeights<N extends Neuron>({ state, recorder, modules }: Session<N>): void {
  const last = recorder.submissions.at(-1);
  if (last === undefined || !(last.state === "prepared" || last.state === "sent")) return;
  const { ownLastUpdate } = state.subnet;
  const weights = { uids: [...last.uids], values: [...last.values] };
  if (ownLastUpdate >= last.block) {
    recorder.settleEarlier(last.id, { state: "included", block: ownLastUpdate });
    log.info("The last weights of an earlier run are on chain", { block: ownLastUpdate });
    tellWeights(
      modules.feed,
      { state: "included", path: last.path, ...weightsOf(weights), extrinsic: last.extrinsic },
      asBlock(ownLastUpdate),
    );
    // Its reveal block was not learnt any more, so that nobody can follow it.
    if (last.path === "timelocked")
      modules.feed.emit({
        kind: "reveal",
        state: "unknown",
        committed: ownLastUpdate,
        reveal_round: null,
        error: "the run that committed was killed before it learnt the block of the reveal",
      });
    return;
  }
  if (modules.chain.head() - last.block < DEAD_AFTER_BLOCKS) return;
  const error = "the run that signed them was killed, and they never reached the chain";
  recorder.settleEarlier(last.id, { state: "refused", error });
  tellWeights(modules.feed, { state: "refused", path: last.path, ...weightsOf(weights), error });
}
