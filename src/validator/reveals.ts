import { isFailure, messageOf } from "../base/error.ts";
import { log } from "../base/log.ts";
import type { BlockNumber } from "../base/units.ts";
import type { RevealBody } from "../events/schema.ts";
import type { CommittedWeights, Neuron } from "./ports.ts";
import type { Session } from "./session.ts";
import { mechanismOf } from "./weights-event.ts";

/**
 * Follows a commit to its reveal, which comes epochs later and maybe in another run: until its fate is known, or cannot
 * be known any more, the state keeps it.
 */
export function followReveal<N extends Neuron>(session: Session<N>, commit: CommittedWeights): void {
  const { modules, recorder, signal } = session;
  const tell = (state: RevealBody["state"], error: string | null, block?: BlockNumber): void => {
    const { committed, revealRound } = commit;
    modules.feed.emit(
      {
        kind: "reveal",
        ...mechanismOf(commit),
        state,
        committed,
        reveal_round: revealRound ?? null,
        error,
      },
      block,
    );
  };
  recorder.saveReveal(commit);
  tell("pending", null);
  modules.chain.followReveal(commit, signal).then(
    (block) => {
      if (signal.aborted) return;
      log.info("The committed weights were revealed", { block, committed: commit.committed });
      recorder.settleReveal(commit);
      tell("revealed", null, block);
    },
    (error: unknown) => {
      if (signal.aborted) return;
      const isMissing = isFailure(error, "chain.reveal-missing");
      // Blocks that no node shows any more are not shown to a later run either, which would ask and complain for ever.
      const isFinal = isMissing || isFailure(error, "chain.reveal-unknown");
      log.error(
        isMissing
          ? "The committed weights were not revealed"
          : "It is unknown whether the committed weights were revealed",
        { error, committed: commit.committed },
      );
      if (isFinal) recorder.settleReveal(commit);
      tell(isMissing ? "missing" : "unknown", messageOf(error));
    },
  );
}
