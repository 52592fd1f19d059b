import type { Uid } from "../base/units.ts";
import type { Question } from "../base/vocabulary.ts";
import { epochStart } from "./epochs.ts";
import type { Neuron } from "./ports.ts";
import type { RunState, Session, ValidatorSettings } from "./session.ts";

/** Whether a miner stands behind this neuron that may be asked at all; everything else has no claim to weight. */
export function canBeAsked<N extends Neuron>(
  {
    state,
    settings,
  }: { state: Pick<RunState<N>, "subnet">; settings: Pick<ValidatorSettings, "vpermitTaoLimit"> },
  neuron: N,
): boolean {
  return (
    neuron.uid !== state.subnet.ownUid &&
    neuron.isServing &&
    !(neuron.hasValidatorPermit && neuron.stakeTao > settings.vpermitTaoLimit)
  );
}

/** Chance, 0..1, that one miner of this subnet is in a sample of this size. */
export function sampledShare<N extends Neuron>(session: Session<N>, sampleSize: number): number {
  const miners = session.state.subnet.neurons.filter((neuron) => canBeAsked(session, neuron)).length;
  return Math.min(1, sampleSize / Math.max(1, miners));
}

/** The miners of one step, by the settings of the run; marks them as asked in this pass. */
export async function chooseForStep<N extends Neuron>(
  session: Session<N>,
  question: Question,
  plan: { sampleSize: number; asked: Set<Uid> },
): Promise<{ miners: N[]; routed: ReadonlySet<Uid> }> {
  const { modules, settings, state, random } = session;
  const scores = settings.explore < 1 ? await modules.router.scores(question.prompt) : undefined;
  const routed = new Set<Uid>();
  const since = settings.covers ? epochStart(state.subnet, modules.chain.head()) : undefined;
  const miners = chooseMiners(state.subnet.neurons, {
    ...(since !== undefined && { isFirst: ({ hotkey }: N) => !state.turns.hadOneSince(hotkey, since) }),
    isCandidate: (neuron) => canBeAsked(session, neuron) && modules.miners.mayAsk(neuron.hotkey),
    sampleSize: plan.sampleSize,
    excluded: plan.asked,
    random,
    explore: settings.explore,
    scores,
    routed,
  });
  for (const neuron of miners) plan.asked.add(neuron.uid);
  return { miners, routed };
}

export interface ChooseOptions<N extends Neuron> {
  isCandidate(neuron: N): boolean;
  sampleSize: number;
  /** Asked already in this forward pass; taken again only when the others do not suffice. */
  excluded: ReadonlySet<Uid>;
  /** Whose turn comes before that of others who are not excluded; nobody's when left out. */
  isFirst?(neuron: N): boolean;
  /** 0 ≤ random() < 1 */
  random: () => number;
  /** Share of the sample that is random, 0..1; the rest are the miners with the highest scores. 1 when left out. */
  explore?: number;
  /** Gating scores by uid for this prompt; all of the sample is random without them. */
  scores?: Float32Array | undefined;
  /** Takes in those that were chosen by their scores. */
  routed?: Set<Uid>;
}

/** Chooses at most `sampleSize` miners, fewer when the subnet has fewer; their order is random. */
export function chooseMiners<N extends Neuron>(neurons: readonly N[], options: ChooseOptions<N>): N[] {
  const { sampleSize, excluded, random } = options;
  const candidates = neurons.filter((neuron) => options.isCandidate(neuron));
  const used = candidates.filter((neuron) => excluded.has(neuron.uid));
  const fresh = candidates.filter((neuron) => !excluded.has(neuron.uid));
  const isFirst = (neuron: N): boolean => options.isFirst?.(neuron) ?? false;
  const chosen: N[] = [];
  for (const pool of [fresh.filter(isFirst), fresh.filter((neuron) => !isFirst(neuron)), used])
    chosen.push(...draw(pool, sampleSize - chosen.length, options));
  return shuffle(chosen, random);
}

/** At most `count` of the pool: the best by score first, then the explored share at random from the others. */
function draw<N extends Neuron>(
  pool: N[],
  count: number,
  { random, explore = 1, scores, routed }: ChooseOptions<N>,
): N[] {
  const shuffled = shuffle(pool, random);
  const wanted = Math.min(count, pool.length);
  if (scores === undefined || explore >= 1 || wanted === 0) return shuffled.slice(0, wanted);
  // A fraction of a miner is drawn for, so that small samples explore as well.
  const explored = Math.floor(explore * wanted + random());
  const score = ({ uid }: N): number => scores[uid] ?? Number.NEGATIVE_INFINITY;
  // The sort is stable, so that miners of one score stand in random order.
  const ranked = shuffled.toSorted((a, b) => compare(score(b), score(a)));
  const best = ranked.slice(0, wanted - explored);
  for (const { uid } of best) routed?.add(uid);
  return [...best, ...shuffle(ranked.slice(best.length), random).slice(0, explored)];
}

/** As a − b, but equal infinities are equal. */
function compare(a: number, b: number): number {
  return a === b ? 0 : a - b;
}

function shuffle<T>(items: T[], random: () => number): T[] {
  for (let last = items.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [items[last], items[other]] = [items[other]!, items[last]!];
  }
  return items;
}
