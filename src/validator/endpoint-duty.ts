import { asBlock } from "../base/units.ts";
import type { Duty } from "./clock.ts";
import type { Neuron } from "./ports.ts";
import type { Session } from "./session.ts";
import type { WeightsDuty } from "./weights-duty.ts";

/** Before a window the connection is left alone: twice what looking at another endpoint and opening it may take. */
const MARGIN_MS = 60_000;

/**
 * Goes back to the endpoint that the user prefers between windows of weights, and while no commit is about to be revealed: where that
 * takes epochs, one always waits.
 */
export function endpointDuty<N extends Neuron>(
  { modules: { chain }, recorder }: Session<N>,
  weights: readonly Pick<WeightsDuty<N>, "isWindow">[],
): Duty {
  const mayLeave = (): boolean => {
    const block = asBlock(chain.head() + Math.ceil(MARGIN_MS / chain.blockTimeMs));
    return (
      !recorder.pendingReveals().some(({ revealBlock }) => revealBlock <= block) &&
      !weights.some((duty) => duty.isWindow(block))
    );
  };
  return {
    name: "endpoint",
    isDue: () => chain.isSecondChoice() && mayLeave(),
    run: () => chain.preferEndpoint(mayLeave),
  };
}
