import type { Neuron } from "./ports.ts";
import type { Session } from "./session.ts";
import type { StepCommit } from "./state/content.ts";

/**
 * What a session has that a restart should find.
 * @param all with what is written only now and then; for the end of a run
 */
export function commitOf<N extends Neuron>({ state, modules }: Session<N>, all = false): StepCommit {
  return {
    steps: state.steps,
    evidence: state.evidence,
    scores: { neurons: state.subnet.neurons, scores: state.scores, asked: state.asked },
    judge: modules.judge.changes({ all }),
    router: modules.router.changes({ all }),
  };
}
