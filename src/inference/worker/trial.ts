import { Failure } from "../../base/error.ts";
import { whyNoNumbers } from "../../models/built-numbers.ts";
import type { Dtype, GoldenCase } from "../../models/manifest.ts";
import type { StoredModel } from "../../models/model-files.ts";
import type { InferenceCode } from "../failure.ts";
import type { Computed, Device, Work } from "../protocol.ts";

/** Any text will do: it shows that the device can run the whole graph. */
const TRIAL_TEXT = "a trial of the device";
const TRIAL: Record<"embedding" | "classification" | "language", Work> = {
  embedding: { kind: "embed", texts: [TRIAL_TEXT] },
  classification: { kind: "classify", inputs: [{ pieces: TRIAL_TEXT }] },
  language: { kind: "log-prob", pairs: [{ prompt: TRIAL_TEXT, completion: TRIAL_TEXT }], penalty: 1 },
};

/**
 * How far a number may be from the manifest's, as a part of its size and at least of what such numbers are measured against. Between CPU and GPU fp32 differs
 * by less than 1e-3; the rest is room for 16-bit sums of long rows. A driver that computes wrongly is off by far more.
 */
const TOLERANCE: Record<Dtype, number> = { fp32: 2e-3, q8: 5e-3, q4: 5e-3, fp16: 5e-2, q4f16: 5e-2 };
/**
 * Of 8 bits as this program makes them: activations are rounded to steps, so another processor's last bit of a sum becomes a
 * step here and there, and more of them with every layer.
 */
const TOLERANCE_OF_STEPS = 5e-2;
/** Numbers of a normalised vector are small; this is what they are measured against. */
const VECTOR_SCALE = 0.1;
/** Below it a head's logits are noise. */
const LEAST_SCALE = 1e-2;

/**
 * Runs a model once as soon as it is loaded: on the inputs whose results its manifest has, else on any.
 * @returns one sentence about the result.
 * @throws Failure `inference.wrong-numbers` when a result is another one; what the model throws.
 */
export async function tryOut(
  { manifest }: StoredModel,
  { kind: device }: Device,
  kind: keyof typeof TRIAL,
  run: (work: Work) => Promise<Computed>,
): Promise<string> {
  const [dtype] = manifest.dtype[device] as [Dtype];
  const cases = manifest.golden?.[dtype];
  if (cases === undefined) {
    await run(TRIAL[kind]);
    const reason = whyNoNumbers(manifest, dtype);
    return `it runs; its manifest has no numbers of ${dtype} to compare with${reason === undefined ? "" : `: ${reason}`}`;
  }
  const isInSteps = dtype === "q8" && manifest.provenance !== undefined;
  const tolerance = isInSteps ? TOLERANCE_OF_STEPS : TOLERANCE[dtype];
  let largest = 0;
  let compared = 0;
  const questions = cases.map(askedOf);
  const largestOf = Math.max(...questions.flatMap(({ expected }) => expected.map(Math.abs)));
  for (const { work, expected } of questions) {
    // A head whose logits are all small errs by as little.
    const scale = kind === "embedding" ? VECTOR_SCALE : Math.min(1, Math.max(LEAST_SCALE, largestOf));
    const { values } = await run(work);
    const wrong = expected.findIndex(
      (number, at) => !(Math.abs(number - values[at]!) <= tolerance * Math.max(scale, Math.abs(number))),
    );
    if (wrong >= 0)
      throw new Failure<InferenceCode>("inference.wrong-numbers", {
        message: `the model ${manifest.id} (${dtype}) gives ${values[wrong]} on ${device} where its manifest has ${expected[wrong]}`,
        hint: "the driver computes wrongly: update it, or run with --neuron.device cpu",
      });
    for (const [at, number] of expected.entries())
      largest = Math.max(largest, Math.abs(number - values[at]!) / Math.max(scale, Math.abs(number)));
    compared += expected.length;
  }
  return `${compared} numbers are off by ${largest.toPrecision(2)} at most, ${tolerance} is allowed`;
}

function askedOf(golden: GoldenCase): { work: Work; expected: readonly number[] } {
  if ("first8" in golden) return { work: { kind: "embed", texts: [golden.text] }, expected: golden.first8 };
  if ("logProb" in golden) {
    const { prompt, completion, logProb } = golden;
    return { work: { kind: "log-prob", pairs: [{ prompt, completion }], penalty: 1 }, expected: [logProb] };
  }
  const input = "pair" in golden ? { pair: golden.pair } : { pieces: golden.pieces };
  return { work: { kind: "classify", inputs: [input] }, expected: golden.logits.flat() };
}
