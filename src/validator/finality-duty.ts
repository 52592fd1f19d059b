import type { Duty } from "./clock.ts";
import type { Neuron } from "./ports.ts";
import type { Session } from "./session.ts";

/** Looks at each head how far the final blocks are behind it; asks nothing of the chain. */
export function finalityDuty<N extends Neuron>({ modules: { chain }, watch }: Session<N>): Duty {
  return {
    name: "finality",
    isDue: () => true,
    async run(block) {
      const finalized = chain.finalized();
      if (finalized !== undefined) watch.noteFinality(block, finalized);
    },
  };
}
