import type { Uid } from "../base/units.ts";
import type { Neuron } from "./ports.ts";

export interface ChooseOptions {
  ownUid: Uid;
  /** Permit holders above this stake are validators that do not answer. */
  vpermitTaoLimit: number;
  sampleSize: number;
  /** Asked already in this forward pass; taken again only when the others do not suffice. */
  excluded: ReadonlySet<Uid>;
  /** 0 ≤ random() < 1 */
  random: () => number;
}

/** Draws at most `sampleSize` miners at random, fewer when the subnet has fewer; the order is random too. */
export function chooseMiners<N extends Neuron>(neurons: readonly N[], options: ChooseOptions): N[] {
  const candidates = neurons.filter(
    (neuron) =>
      neuron.uid !== options.ownUid &&
      neuron.isServing &&
      !(neuron.hasValidatorPermit && neuron.stakeTao > options.vpermitTaoLimit),
  );
  const fresh = shuffle(
    candidates.filter((neuron) => !options.excluded.has(neuron.uid)),
    options.random,
  );
  const used = shuffle(
    candidates.filter((neuron) => options.excluded.has(neuron.uid)),
    options.random,
  );
  return [...fresh, ...used].slice(0, options.sampleSize);
}

function shuffle<T>(items: T[], random: () => number): T[] {
  for (let last = items.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [items[last], items[other]] = [items[other]!, items[last]!];
  }
  return items;
}
