import { kindsOfColumns } from "../../events/column-kinds.ts";

/** One thing that went into a reward, in the order in which they are worked out. */
export interface Factor {
  /** Column of the journal. */
  name: string;
  kind: "model" | "mask" | "penalty";
  /** Share of a model in the sum, 0..1; null for a factor, or where the weights are not known. */
  weight: number | null;
  /** Models: the normalised number, 0..1; masks and penalties: what they leave, 0..1. null where it gave none. */
  value: number | null;
  /** Reward so far: the sum of models up to this one, then the product. null where the weights are not known. */
  after: number | null;
}

export interface Earned {
  factors: Factor[];
  /** What the factors come to, 0..1; null where the weights are not known. */
  computed: number | null;
  recorded: number;
  /** Whether the two are the same; null where the weights are not known. */
  agrees: boolean | null;
  /** Of the models together, as far as it follows from the reward: where the weights are not known. */
  impliedModels: number | null;
}

/** Numbers in a journal are doubles, and are summed in the same order; a model run in half precision changes none of it. */
const TOLERANCE = 1e-9;

/**
 * How a reward came about: Σ weight · normalised number over the models, times every mask, times what every penalty left,
 * at most 1. An answer that was not usable has none of the numbers, and earns 0.
 * @param columns of one answer, as the journal has them
 * @param weights by the models' names, with the sum 1; undefined where they are not known. One model alone has 1
 */
export function earnedBy(
  columns: Readonly<Record<string, number | null>>,
  recorded: number,
  weights: Readonly<Record<string, number>> | undefined,
): Earned {
  const kinds = [...kindsOfColumns(Object.keys(columns))];
  const named = (kind: Factor["kind"]): string[] =>
    kinds.filter(([, one]) => one === kind).map(([name]) => name);
  const models = named("model");
  const known = models.length === 1 && weights === undefined ? { [models[0]!]: 1 } : weights;
  // Two that know different models tell of different profiles.
  const isKnown = known !== undefined && models.every((name) => known[name] !== undefined);
  const factors: Factor[] = [];
  const numbers = [...models].map((name) => columns[`${name}_normalized`] ?? null);
  const isJudged = numbers.some((value) => value !== null);
  let after = 0;
  const sorted = isKnown ? models.toSorted((a, b) => known[b]! - known[a]!) : models;
  for (const name of sorted) {
    const value = columns[`${name}_normalized`] ?? null;
    const weight = isKnown ? known[name]! : null;
    after += (weight ?? 0) * (value ?? 0);
    factors.push({ name, kind: "model", weight, value, after: isKnown ? after : null });
  }
  let left = 1;
  for (const kind of ["mask", "penalty"] as const)
    for (const name of named(kind)) {
      const value = columns[name] ?? null;
      // A mask that gave no number for a judged answer counts as its worst.
      const factor = value === null ? 0 : Math.min(1, Math.max(0, value));
      after *= factor;
      left *= factor;
      factors.push({ name, kind, weight: null, value, after: isKnown ? after : null });
    }
  const computed = isKnown ? (isJudged ? Math.min(1, after) : 0) : null;
  return {
    factors,
    computed,
    recorded,
    agrees: computed === null ? null : Math.abs(computed - recorded) <= TOLERANCE,
    impliedModels: isKnown || left === 0 ? null : recorded / left,
  };
}
