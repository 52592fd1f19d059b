/** How the angles of positions are changed for rows longer than a model was first trained on. */
export type RopeScaling = { kind: "linear"; factor: number } | Llama3Scaling | YarnScaling;

interface Llama3Scaling {
  kind: "llama3";
  factor: number;
  lowFactor: number;
  highFactor: number;
  /** Tokens that the model was first trained on. */
  originalTokens: number;
}

interface YarnScaling {
  kind: "yarn";
  factor: number;
  /** What turned numbers are multiplied by; follows from `factor` unless given. */
  attentionFactor?: number | undefined;
  mscale?: number | undefined;
  mscaleAllDim?: number | undefined;
  betaFast: number;
  betaSlow: number;
  /** Whether the pairs between which the change begins and ends are whole ones. */
  truncates: boolean;
  originalTokens: number;
}

/** Angles of each pair of numbers for a token's step, and what cosines and sines are multiplied by. */
export interface Frequencies {
  each: Float32Array;
  factor: number;
}

const { fround } = Math;

/**
 * As transformers 4.57 has them (modeling_rope_utils.py), rounded where it rounds.
 * @param dimensions numbers that are turned: twice the pairs
 */
export function frequenciesOf(dimensions: number, theta: number, scaling?: RopeScaling): Frequencies {
  const steps = Float32Array.from({ length: dimensions / 2 }, (_, pair) =>
    fround(theta ** fround((2 * pair) / dimensions)),
  );
  const each = steps.map((step) => 1 / step);
  if (scaling === undefined) return { each, factor: 1 };
  if (scaling.kind === "linear") return { each: each.map((own) => own / scaling.factor), factor: 1 };
  if (scaling.kind === "llama3") return { each: each.map((own) => llama3(own, scaling)), factor: 1 };
  return { each: yarn(steps, dimensions, theta, scaling), factor: yarnFactor(scaling) };
}

/** Long waves are stretched, short ones are not, and those between in part. */
function llama3(own: number, { factor, lowFactor, highFactor, originalTokens }: Llama3Scaling): number {
  const wave = fround((2 * Math.PI) / own);
  if (wave > originalTokens / lowFactor) return own / factor;
  if (wave < originalTokens / highFactor) return own;
  const share = fround((fround(originalTokens / wave) - lowFactor) / (highFactor - lowFactor));
  return fround(fround((1 - share) * own) / factor) + fround(share * own);
}

/** Peng et al. 2023: the pairs that turn often in the original length stay, those that hardly turn are stretched. */
function yarn(
  steps: Float32Array,
  dimensions: number,
  theta: number,
  { factor, betaFast, betaSlow, truncates, originalTokens }: YarnScaling,
): Float32Array {
  const pairOf = (turns: number): number =>
    (dimensions * Math.log(originalTokens / (turns * 2 * Math.PI))) / (2 * Math.log(theta));
  const [first, last] = [pairOf(betaFast), pairOf(betaSlow)];
  const from = Math.max(truncates ? Math.floor(first) : first, 0);
  const to = Math.min(truncates ? Math.ceil(last) : last, dimensions - 1);
  const width = from === to ? 0.001 : to - from;
  return steps.map((step, pair) => {
    const kept = fround(1 - fround(Math.min(1, Math.max(0, fround((pair - from) / width)))));
    return fround(fround(1 / fround(factor * step)) * fround(1 - kept)) + fround(fround(1 / step) * kept);
  });
}

function yarnFactor({ factor, attentionFactor, mscale, mscaleAllDim }: YarnScaling): number {
  const scaleOf = (weight: number): number => (factor <= 1 ? 1 : 0.1 * weight * Math.log(factor) + 1);
  if (attentionFactor !== undefined) return attentionFactor;
  return mscale && mscaleAllDim ? scaleOf(mscale) / scaleOf(mscaleAllDim) : scaleOf(1);
}
