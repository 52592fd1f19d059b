import { z } from "zod";
import { Failure } from "../base/error.ts";
import { log } from "../base/log.ts";
import { isUsable, maskFactors, normalizeUsable, penaltyColumns, usableOrNull } from "./columns.ts";
import type { StepEmbeddings } from "./embeddings.ts";
import { normalizerState, RunningNormalizer } from "./normalize.ts";
import type { Mask, MaskVerdict, Penalty, RewardModel, RewardsCode, StepQuestion, Watcher } from "./parts.ts";

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
}

/** JSON value and named rows of Float32, for the state file. */
export interface PipelineMemory {
  json: unknown;
  arrays: Record<string, Float32Array>;
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
  /** Encoders that models and masks share; told at each step which texts will be wanted. */
  embeddings?: StepEmbeddings[];
}

/** Weights come as decimals, so 0.3 + 0.4 + 0.3 must count as 1, and so may three times 0.333. */
const WEIGHT_TOLERANCE = 2e-3;

const memoryShape = z.object({
  normalizers: z.record(z.string(), normalizerState),
  masks: z.record(z.string(), z.unknown()),
});

/**
 * Scores the answers of one step: Σ weight · normalised reward over the models, times every mask
 * (openvalidators 1.2.0, forward.run_step), times what every penalty leaves (text-prompting 2.1). Steps are scored one
 * after another, in the order of the calls.
 */
export class RewardPipeline {
  readonly #models: { model: RewardModel; weight: number; normalizer: RunningNormalizer }[];
  readonly #masks: Mask[];
  readonly #shadow: Watcher[];
  readonly #penalties: Penalty[];
  readonly #embeddings: StepEmbeddings[];
  /** Models, masks and penalties that gave a number that is none, so that each is reported once. */
  readonly #reported = new Set<string>();
  #queue: Promise<unknown> = Promise.resolve();

  /**
   * @throws Failure `rewards.bad-weights` when weights are negative or do not sum to 1, `rewards.bad-penalty` when a
   * penalty could take more than the whole reward, or less than nothing
   */
  constructor({ models, masks, penalties = [], shadow = [], embeddings = [] }: PipelineOptions) {
    const sum = models.reduce((total, { weight }) => total + weight, 0);
    if (!(Math.abs(sum - 1) <= WEIGHT_TOLERANCE) || models.some(({ weight }) => !(weight >= 0)))
      throw new Failure<RewardsCode>("rewards.bad-weights", {
        message: `the weights of the reward models sum to ${sum}, not to 1`,
        hint: "give weights that sum to 1 with the --reward.*_weight flags",
        data: { weights: Object.fromEntries(models.map(({ model, weight }) => [model.name, weight])) },
      });
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
    this.#embeddings = embeddings;
  }

  /** Masks forget what belongs to one forward pass. */
  beginForward(): void {
    for (const mask of this.#masks) mask.beginForward?.();
  }

  /**
   * @param completions one per asked miner; null, or nothing but white space, where it gave no usable answer
   * @throws what a model or mask throws; the running statistics are unchanged then
   */
  score(question: StepQuestion, completions: readonly (string | null)[]): Promise<StepRewards> {
    const scored = this.#queue.then(() => this.#score(question, completions));
    this.#queue = scored.catch(() => undefined);
    return scored;
  }

  async #score(question: StepQuestion, completions: readonly (string | null)[]): Promise<StepRewards> {
    const texts = completions.map((completion) => completion?.trim() ?? "");
    const usable = [...texts.keys()].filter((index) => texts[index] !== "");
    const answers = usable.map((index) => texts[index]!);
    for (const embeddings of this.#embeddings)
      embeddings.beginStep([question.prompt, question.basePrompt, ...answers]);

    // All are asked at once: devices work side by side, and each takes its models in this order, shadow scorers last.
    const [raws, verdicts, penalties, watched] = await Promise.all([
      settled(
        this.#models.map(({ model }) =>
          this.#numbers(model.name, answers, () => model.score(question, answers)),
        ),
      ),
      settled(this.#masks.map((mask) => this.#verdict(mask, question, answers))),
      settled(
        this.#penalties.map((penalty) =>
          this.#numbers(penalty.name, answers, () => penalty.apply(question, answers)),
        ),
      ),
      Promise.all(this.#shadow.map((scorer) => scorer.score(question, answers))),
    ]);

    const spread = <T>(values: T[]): (T | null)[] => {
      const row: (T | null)[] = completions.map(() => null);
      for (const [position, index] of usable.entries()) row[index] = values[position]!;
      return row;
    };
    const totals = answers.map(() => 0);
    const columns: RewardColumn[] = [];
    for (const [m, { model, weight, normalizer }] of this.#models.entries()) {
      const normalized = normalizeUsable(normalizer, raws[m]!);
      for (const [position, value] of normalized.entries()) totals[position]! += weight * (value ?? 0);
      columns.push({
        name: model.name,
        raw: spread(raws[m]!.map(usableOrNull)),
        normalized: spread(normalized),
      });
    }
    const multiply = (factors: number[]): void => {
      for (const [position, factor] of factors.entries()) totals[position]! *= factor;
    };
    for (const [m, { name }] of this.#masks.entries()) {
      const { factors, details } = verdicts[m]!;
      multiply(maskFactors(factors));
      columns.push({ name, raw: spread(factors.map(usableOrNull)) });
      for (const [detail, values] of Object.entries(details))
        columns.push({ name: `${name}_${detail}`, raw: spread(values.map(usableOrNull)) });
    }
    for (const [p, { name, max }] of this.#penalties.entries()) {
      const { raw, adjusted, applied } = penaltyColumns(penalties[p]!, max);
      multiply(applied);
      for (const [form, values] of Object.entries({ raw, adjusted, applied }))
        columns.push({ name: `${name}_${form}`, raw: spread(values) });
    }
    for (const [s, { name }] of this.#shadow.entries()) columns.push({ name, raw: spread(watched[s]!) });
    this.#remember(question, answers, totals);
    return { rewards: spread(totals).map((reward) => Math.min(1, reward ?? 0)), columns };
  }

  async #verdict(mask: Mask, question: StepQuestion, answers: string[]): Promise<MaskVerdict> {
    let details: MaskVerdict["details"] = {};
    const factors = await this.#numbers(mask.name, answers, async () => {
      const verdict = await mask.apply(question, answers);
      if (Array.isArray(verdict)) return verdict;
      details = verdict.details;
      return verdict.factors;
    });
    return { factors, details };
  }

  /** Runs one model, mask or penalty and checks that it gave one number per answer. */
  async #numbers(name: string, answers: string[], work: () => Promise<number[]>): Promise<number[]> {
    if (answers.length === 0) return [];
    const numbers = await work();
    if (numbers.length !== answers.length)
      throw new Failure<RewardsCode>("rewards.bad-model", {
        message: `${name} gave ${numbers.length} numbers for ${answers.length} answers`,
      });
    if (!this.#reported.has(name) && !numbers.every(isUsable)) {
      this.#reported.add(name);
      log.error("A model, mask or penalty gave a number that is not finite; it counts as the worst one", {
        name,
      });
    }
    return numbers;
  }

  #remember(question: StepQuestion, answers: string[], totals: number[]): void {
    if (answers.length === 0) return;
    const best = totals.indexOf(Math.max(...totals));
    for (const mask of this.#masks) mask.remember?.(question, answers[best]!);
  }

  /** Running statistics and histories, to be saved with the state. */
  save(): PipelineMemory {
    const masks: Record<string, unknown> = {};
    const arrays: Record<string, Float32Array> = {};
    for (const mask of this.#masks) {
      const memory = mask.save?.();
      if (!memory) continue;
      masks[mask.name] = memory.json;
      arrays[mask.name] = memory.rows;
    }
    const normalizers = Object.fromEntries(
      this.#models.map(({ model, normalizer }) => [model.name, normalizer.state]),
    );
    return { json: { normalizers, masks }, arrays };
  }

  /** Takes back what fits from a saved memory; a part of another shape or model starts afresh, with a warning. */
  load(memory: PipelineMemory): void {
    const parsed = memoryShape.safeParse(memory.json);
    if (!parsed.success) {
      log.warn("The saved reward statistics have an unknown shape; starting without them");
      return;
    }
    for (const { model, normalizer } of this.#models) {
      const state = parsed.data.normalizers[model.name];
      if (state) normalizer.state = state;
    }
    for (const mask of this.#masks) {
      const rows = memory.arrays[mask.name];
      if (!mask.load || !rows) continue;
      if (!mask.load({ json: parsed.data.masks[mask.name], rows }))
        log.warn("The saved history of a mask is of another model; starting without it", { mask: mask.name });
    }
  }
}

/** Waits for all, also when one fails: nothing of a failed step may run into the next one. */
async function settled<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(promises);
  return await Promise.all(promises);
}
