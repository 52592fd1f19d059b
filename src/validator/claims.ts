import type { Uid } from "../base/units.ts";
import { findLapsed, type LapsedScore, type Registration } from "../weights/scores.ts";
import { canBeAsked } from "./choose.ts";
import type { Neuron, WeightsOrder } from "./ports.ts";
import type { RunState, ValidatorSettings } from "./session.ts";

/** What a claim to weight rests on. */
export interface Claims<N extends Neuron> {
  state: Pick<RunState<N>, "subnet" | "scores" | "asked" | "lapsed">;
  settings: Pick<ValidatorSettings, "vpermitTaoLimit">;
}

/** Scores by those who hold the uids when weights are made: an absent miner has no claim, nor has who took a uid over. */
export function claimsOf<N extends Neuron>(
  given: Claims<N>,
): Required<Pick<WeightsOrder, "scoresFor" | "neverAsked">> {
  const { state } = given;
  return {
    scoresFor: (holders) =>
      Float32Array.from(
        byHolder(given, holders, 0, { held: (uid) => state.scores[uid]!, lapsed: ({ score }) => score }),
      ),
    neverAsked: (holders) =>
      byHolder(given, holders, 1, { held: (uid) => state.asked[uid]!, lapsed: ({ asked }) => asked }).map(
        (times) => times === 0,
      ),
  };
}

/** A value by uid of those who hold the uids now, `other` for who cannot be asked. */
function byHolder<N extends Neuron>(
  { state, settings }: Claims<N>,
  holders: readonly Registration[],
  other: number,
  of: { held: (uid: Uid) => number; lapsed: (one: LapsedScore) => number },
): number[] {
  const isAsked = (neuron: N): boolean => canBeAsked({ state, settings }, neuron);
  const byHotkey = new Map(state.subnet.neurons.filter(isAsked).map((neuron) => [neuron.hotkey, neuron]));
  return holders.map(({ hotkey, registeredAt }) => {
    const neuron = byHotkey.get(hotkey);
    if (neuron !== undefined && neuron.registeredAt === registeredAt) return of.held(neuron.uid);
    // Who took the uid over was read from a block that the chain took back since.
    const back = findLapsed(state.lapsed, { hotkey, registeredAt });
    return back !== undefined && isAsked(back.neuron) ? of.lapsed(back) : other;
  });
}
