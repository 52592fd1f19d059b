import { orAborted } from "../base/deadline.ts";
import { Failure } from "../base/error.ts";
import { log } from "../base/log.ts";
import type { Memory, MemoryChanges, Question } from "../base/vocabulary.ts";
import { isUsable, maskFactors, normalizeUsable, penaltyColumns, usableOrNull } from "./columns.ts";
import { RunningNormalizer } from "./normalize.ts";
import type { Mask, MaskVerdict, Penalty, RewardModel, RewardsCode, Watcher } from "./parts.ts";
import { changesOf, loadMemory } from "./pipeline-memory.ts";
import { RESPONSE_TIME_COLUMN, timeFactors } from "./response-time.ts";
import { sumOfWeights } from "./roles.ts";
import { scoredText } from "./scored-text.ts";

export interface RewardColumn {
  name: string;
  /** One per completion; null where the miner failed or the model gave no finite number. */
  raw: (number | null)[];
  normalized?: (number | null)[];
}

export interface StepRewards {
  /** One per completion, 0..1; 0 where the miner failed. */
  rewards: number[];
  columns: RewardColumn[];
  /** Milliseconds from the start of the step until a part had its numbers, by the part's name. Parts work side by side. */
  timings: Record<string, number>;
  /** What the inference processes did meanwhile; undefined where nothing tells. */
  inference?: InferenceTimes | undefined;
}

/** Summed over the requests that were served, so it may be more than the time that passed. */
export interface InferenceTimes {
  /** Waiting behind earlier work. */
  queueMs: number;
  computeMs: number;
}

/** Knows what the inference processes do. */
export interface ServedMeter {
  during<T>(work: () => Promise<T>): Promise<{ result: T; served: InferenceTimes }>;
}

export interface WeightedModel {
  model: RewardModel;
  weight: number;
}

export interface PipelineOptions {
  models: WeightedModel[];
  masks: Mask[];
  /** Computed beside the others; counts for nothing. */
  shadow?: Watcher[];
  penalties?: Penalty[];
  /** Most that a slow answer loses, 0..1: `timeFactors`. */
  timeWeight?: number;
  /** Told at each step which texts encoders will be asked for, so that these can travel in one batch. */
  expectTexts?: (texts: readonly string[]) => void;
  meter?: ServedMeter | undefined;
}

/** What belongs to a step beside the question and what came back. */
export interface StepScoring {
  /** Gives the step up at once, also while a model does not come back. */
  signal?: AbortSignal | undefined;
  /** Per completion, the part of the allowed time that it took (`timeFactors`); as if at once when left out. */
  taken?: readonly number[] | undefined;
}

/** What the parts gave for one step, in their order. */
interface PartNumbers {
  raws: number[][];
  verdicts: MaskVerdict[];
  penalties: number[][];
  watched: (number | null)[][];
}

/**
 * Scores the completions of one step: Σ weight · normalised reward over the models, times every mask
 * (openvalidators 1.2.0, forward.run_step), times what every penalty leaves (text-prompting 2.1), times what the time that it
 * took leaves. Steps are scored one after another, in the order of the calls. A step that fails or is given up changes neither the running statistics nor
 * the memory of a mask; one that is not to count must not be shown to it at all.
 */
export class RewardPipeline {
  readonly #models: { model: RewardModel; weight: number; normalizer: RunningNormalizer }[];
  readonly #masks: Mask[];
  readonly #shadow: Watcher[];
  readonly #penalties: Penalty[];
  readonly #timeWeight: number;
  readonly #expectTexts: (texts: readonly string[]) => void;
  /** Models, masks and penalties that gave a number that is none, so that each is reported once. */
  readonly #reported = new Set<string>();
  #queue: Promise<unknown> = Promise.resolve();
  readonly #meter: ServedMeter | undefined;

  /**
   * @throws Failure `rewards.bad-weights` when weights are negative or do not sum to 1, `rewards.bad-penalty` when a
   * penalty could take more than the whole reward, or less than nothing
   */
  constructor({
    models,
    masks,
    penalties = [],
    shadow = [],
    timeWeight = 0,
    expectTexts = () => {},
    meter,
  }: PipelineOptions) {
    const sum = sumOfWeights(models.map(({ model, weight }) => ({ name: model.name, weight })));
    const strange = penalties.find(({ max }) => !(max >= 0 && max <= 1));
    if (strange !== undefined)
      throw new Failure<RewardsCode>("rewards.bad-penalty", {
        message: `the penalty ${strange.name} has the maximum ${strange.max}, which is not from 0 to 1`,
        hint: "a maximum of 1 takes the whole reward",
      });
    this.#models = models
      .filter(({ weight }) => weight > 0)
      .map(({ model, weight }) => ({ model, weight: weight / sum, normalizer: new RunningNormalizer() }));
    this.#masks = masks;
    this.#shadow = shadow;
    this.#penalties = penalties;
    this.#timeWeight = timeWeight;
    this.#expectTexts = expectTexts;
    this.#meter = meter;
  }

  /** Masks keep what belongs to one forward pass under its id, `Question.forward`, until `endForward`. */
  beginForward(forward: string): void {
    for (const mask of this.#masks) mask.beginForward?.(forward);
  }

  endForward(forward: string): void {
    for (const mask of this.#masks) mask.endForward?.(forward);
  }

  /**
   * @param completions one per asked miner; null, or nothing but white space, where it gave no usable text
   * @throws what a model or mask throws, or Failure `deadline.aborted` when the signal is aborted
   */
  score(
    question: Question,
    completions: readonly (string | null)[],
    about: StepScoring = {},
  ): Promise<StepRewards> {
    const scored = this.#queue.then(() => this.#score(question, completions, about));
    this.#queue = scored.catch(() => undefined);
    return about.signal === undefined ? scored : orAborted(scored, about.signal);
  }

  async #score(
    question: Question,
    completions: readonly (string | null)[],
    { signal, taken = [] }: StepScoring,
  ): Promise<StepRewards> {
    signal?.throwIfAborted();
    const texts = completions.map(scoredText);
    const usable = [...texts.keys()].filter((index) => texts[index] !== "");
    const works = usable.map((index) => texts[index]!);
    this.#expectTexts([question.prompt, question.basePrompt, ...works]);
    const timings: Record<string, number> = {};
    const ask = (): Promise<PartNumbers> => this.#ask(question, works, timings);
    const { result: numbers, served } = this.#meter
      ? await this.#meter.during(ask)
      : { result: await ask(), served: undefined };
    signal?.throwIfAborted();

    // Nothing fails from here on: what the step came to is worked out and taken into the memories.
    const spread = <T>(values: T[]): (T | null)[] => {
      const row: (T | null)[] = completions.map(() => null);
      for (const [position, index] of usable.entries()) row[index] = values[position]!;
      return row;
    };
    const totals = works.map(() => 0);
    const columns = this.#columns(numbers, totals, spread);
    if (this.#timeWeight > 0) {
      const factors = timeFactors(
        this.#timeWeight,
        usable.map((index) => taken[index] ?? 0),
      );
      multiply(totals, factors);
      columns.push({ name: RESPONSE_TIME_COLUMN, raw: spread(factors) });
    }
    for (const { learn } of numbers.verdicts) await learn?.();
    this.#remember(question, works, totals);
    const rewards = spread(totals).map((reward) => Math.min(1, reward ?? 0));
    return { rewards, columns, timings, inference: served };
  }

  /** All parts are asked at once: devices work side by side, and each takes its models in this order, shadow scorers last. */
  async #ask(
    question: Question,
    completions: string[],
    timings: Record<string, number>,
  ): Promise<PartNumbers> {
    const began = performance.now();
    const timed = async <T>(name: string, work: Promise<T>): Promise<T> => {
      try {
        return await work;
      } finally {
        timings[name] = performance.now() - began;
      }
    };
    const raws = this.#models.map(({ model }) =>
      timed(
        model.name,
        this.#numbers(model.name, completions, () => model.score(question, completions)),
      ),
    );
    const verdicts = this.#masks.map((mask) => timed(mask.name, this.#verdict(mask, question, completions)));
    const penalties = this.#penalties.map((penalty) =>
      timed(
        penalty.name,
        this.#numbers(penalty.name, completions, () => penalty.apply(question, completions)),
      ),
    );
    const watched = this.#shadow.map((scorer) => timed(scorer.name, scorer.score(question, completions)));
    // Waits for every part, also when one fails: nothing of a failed step may run into the next one.
    await Promise.allSettled([...raws, ...verdicts, ...penalties, ...watched]);
    return {
      raws: await Promise.all(raws),
      verdicts: await Promise.all(verdicts),
      penalties: await Promise.all(penalties),
      watched: await Promise.all(watched),
    };
  }

  /** The columns of the events; multiplies and adds up `totals`, one per usable completion, on the way. */
  #columns(
    { raws, verdicts, penalties, watched }: PartNumbers,
    totals: number[],
    spread: <T>(values: T[]) => (T | null)[],
  ): RewardColumn[] {
    const columns: RewardColumn[] = [];
    for (const [m, { model, weight, normalizer }] of this.#models.entries()) {
      const normalized = model.isAbsolute
        ? raws[m]!.map(usableOrNull)
        : normalizeUsable(normalizer, raws[m]!);
      for (const [position, value] of normalized.entries()) totals[position]! += weight * (value ?? 0);
      columns.push({
        name: model.name,
        raw: spread(raws[m]!.map(usableOrNull)),
        normalized: spread(normalized),
      });
    }
    for (const [m, { name }] of this.#masks.entries()) {
      const { factors, details = {} } = verdicts[m]!;
      multiply(totals, maskFactors(factors));
      columns.push({ name, raw: spread(factors.map(usableOrNull)) });
      for (const [detail, values] of Object.entries(details))
        columns.push({ name: `${name}_${detail}`, raw: spread(values.map(usableOrNull)) });
    }
    for (const [p, { name, max }] of this.#penalties.entries()) {
      const { raw, adjusted, applied } = penaltyColumns(penalties[p]!, max);
      multiply(totals, applied);
      for (const [form, values] of Object.entries({ raw, adjusted, applied }))
        columns.push({ name: `${name}_${form}`, raw: spread(values) });
    }
    for (const [s, { name }] of this.#shadow.entries()) columns.push({ name, raw: spread(watched[s]!) });
    return columns;
  }

  async #verdict(mask: Mask, question: Question, completions: string[]): Promise<MaskVerdict> {
    let verdict: MaskVerdict = { factors: [] };
    await this.#numbers(mask.name, completions, async () => {
      const given = await mask.apply(question, completions);
      verdict = Array.isArray(given) ? { factors: given } : given;
      return verdict.factors;
    });
    return verdict;
  }

  /** Runs one model, mask or penalty and checks that it gave one number per completion. */
  async #numbers(name: string, completions: string[], work: () => Promise<number[]>): Promise<number[]> {
    if (completions.length === 0) return [];
    const numbers = await work();
    if (numbers.length !== completions.length)
      throw new Failure<RewardsCode>("rewards.bad-model", {
        message: `${name} gave ${numbers.length} numbers for ${completions.length} completions`,
      });
    if (!this.#reported.has(name) && !numbers.every(isUsable)) {
      this.#reported.add(name);
      log.error("A model, mask or penalty gave a number that is not finite; it counts as the worst one", {
        name,
      });
    }
    return numbers;
  }

  #remember(question: Question, completions: string[], totals: number[]): void {
    if (completions.length === 0) return;
    const best = totals.indexOf(Math.max(...totals));
    for (const mask of this.#masks) mask.remember?.(question, completions[best]!);
  }

  /**
   * Running statistics and rows of the masks that changed since the last call; the first call gives everything that is
   * not saved yet.
   * @param options.all also what is kept back to be written less often: before a stop
   */
  changes({ all = false }: { all?: boolean } = {}): MemoryChanges {
    return changesOf(this.#normalizers(), this.#masks, all);
  }

  /** Takes back what fits from a saved memory; a part of another shape or model starts afresh, with a warning. */
  load(memory: Memory): void {
    loadMemory(memory, this.#normalizers(), this.#masks);
  }

  #normalizers(): ReadonlyMap<string, RunningNormalizer> {
    return new Map(this.#models.map(({ model, normalizer }) => [model.name, normalizer]));
  }
}

function multiply(totals: number[], factors: readonly number[]): void {
  for (const [position, factor] of factors.entries()) totals[position]! *= factor;
}
