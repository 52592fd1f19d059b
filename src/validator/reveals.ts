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
  const { modules, recorder, state } = session;
  const stop = new AbortController();
  const { signal } = stop;
  const end = (): void => stop.abort();
  // Weights may come into a block when the run has been told to end: what it hears then is for the next one.
  if (session.signal.aborted) end();
  else session.signal.addEventListener("abort", end, { once: true });
  state.reveals.set(commit.id, stop);
  const tell = (...of: [RevealBody["state"], error: string | null, block?: BlockNumber]): void =>
    tellReveal(session, commit, ...of);
  recorder.saveReveal(commit);
  tell("pending", null);
  const following = modules.chain.followReveal(commit, signal).then(
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
  void following.finally(() => {
    session.signal.removeEventListener("abort", end);
    if (state.reveals.get(commit.id) === stop) state.reveals.delete(commit.id);
  });
}

/**
 * Follows a commit no more, because the block that it was in is no part of the chain.
 * @param error what is told of it; undefined where it is in another block, which is told by what follows it there
 */
export function forgetReveal<N extends Neuron>(session: Session<N>, id: string, error?: string): void {
  const { recorder, state } = session;
  state.reveals.get(id)?.abort();
  const commit = recorder.pendingReveals().find((one) => one.id === id);
  if (commit === undefined) return;
  recorder.settleReveal(commit);
  if (error !== undefined) tellReveal(session, commit, "missing", error);
}

function tellReveal<N extends Neuron>(
  { modules }: Session<N>,
  commit: CommittedWeights,
  state: RevealBody["state"],
  error: string | null,
  block?: BlockNumber,
): void {
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
}
