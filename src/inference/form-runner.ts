import { Failure, isFailure, messageOf } from "../base/error.ts";
import type { BuiltForm, FormRunner, Unable } from "../models/trials/form-trials.ts";
import type { TrialQuestion } from "../models/trials/questions.ts";
import type { InferenceCode } from "./failure.ts";
import type { ClassifierInput } from "./protocol.ts";
import { InferenceSupervisor } from "./supervisor.ts";
import { availableMemoryBytes } from "./worker/memory.ts";

/** A batch of the longest texts takes minutes where a model of billions of weights runs on two busy cores. */
const REQUEST_TIMEOUT_MS = 600_000;
/** What says more of this machine than of the model. */
const OF_THE_MACHINE: readonly InferenceCode[] = [
  "inference.none",
  "inference.crashed",
  "inference.late",
  "gpu.memory",
];

/** Runs forms on the CPU, each in a process of its own that ends with it. */
export const formRunner: FormRunner = {
  freeMemoryBytes: availableMemoryBytes,
  async answer(form, batches, { signal, onAnswered }) {
    try {
      return await answersOf(form, batches, signal, onAnswered);
    } catch (error) {
      signal?.throwIfAborted();
      if (isFailure<InferenceCode>(error, "inference.wrong-numbers"))
        throw new Failure<InferenceCode>("model.unsupported", {
          message: messageOf(error),
          hint: "config.json, the tokenizer or the weights are not those of this model: take all files from one place",
          cause: error,
        });
      const unable = OF_THE_MACHINE.some((code) => isFailure<InferenceCode>(error, code));
      if (!unable) throw error;
      return { unable: messageOf(error) } satisfies Unable;
    }
  },
};

async function answersOf(
  { directory, id, dtype }: BuiltForm,
  batches: readonly (readonly TrialQuestion[])[],
  signal: AbortSignal | undefined,
  onAnswered: ((batch: number) => void) | undefined,
): Promise<number[][]> {
  const inference = await InferenceSupervisor.start({
    device: "cpu",
    models: [{ id, dtypes: { cpu: dtype } }],
    modelDirectory: directory,
    requestTimeoutMs: REQUEST_TIMEOUT_MS,
    isBrief: true,
    ...(signal && { signal }),
  });
  const stop = (): void => void inference.stop();
  signal?.addEventListener("abort", stop, { once: true });
  try {
    const found: number[][] = [];
    for (const [at, batch] of batches.entries()) {
      found.push(...(await ask(inference, id, batch)));
      onAnswered?.(at);
    }
    return found;
  } finally {
    signal?.removeEventListener("abort", stop);
    await inference.stop();
  }
}

/** @param questions all of one kind, as a model has one */
async function ask(
  inference: InferenceSupervisor,
  id: string,
  questions: readonly TrialQuestion[],
): Promise<number[][]> {
  const texts = questions.flatMap((question) => ("text" in question ? question.text : []));
  const inputs = questions.flatMap((question): ClassifierInput[] =>
    "pair" in question || "pieces" in question ? [question] : [],
  );
  const pairs = questions.flatMap((question) => ("prompt" in question ? question : []));
  return [
    ...(await inference.embed(id, texts)).map((vector) => [...vector]),
    ...(await inference.classify(id, inputs)).map((rows) => rows.flatMap((row) => [...row])),
    ...(await inference.logProb(id, pairs, 1)).map((mean) => [mean]),
  ];
}
