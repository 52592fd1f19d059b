import type { Value } from "../graph/graph.ts";
import { giveHidden, giveLogits, type Head, tokenAt } from "../graph/heads.ts";
import { Inputs } from "../graph/inputs.ts";
import type { Layers } from "../graph/layers.ts";

/** Ids, mask, and a cache where what is asked of a model can share a beginning: a single vector of a text cannot. */
export function decoderInputs(layers: Layers, head: Head): Inputs {
  return new Inputs(layers.graph, { hasPast: head.kind !== "hidden" });
}

interface Ending {
  head: Head;
  /** The last norm. */
  finish: (x: Value) => Value;
  /** Tensor of the word embeddings, [vocabulary, width], where they are the head as well. */
  tied?: string | undefined;
  vocabulary: number;
  /** Of the head of next tokens. */
  hasBias?: boolean;
}

/** A decoder's output: every token's vector, classes of the last token, or logits of the next token after each. */
export function giveDecoded(layers: Layers, inputs: Inputs, x: Value, ending: Ending): void {
  const { graph: g, form, parameters } = layers;
  const { head, finish, tied, vocabulary, hasBias = false } = ending;
  if (head.kind === "hidden") giveHidden(g, finish(x));
  else if (head.kind === "classes") {
    // What is read of one token needs to be finished for one token only.
    const last = finish(tokenAt(inputs, x, "last"));
    giveLogits(g, layers.linear(last, "score", head.labels, { hasBias: false }));
  } else if (tied === undefined) giveLogits(g, layers.linear(finish(x), "lm_head", vocabulary, { hasBias }));
  else giveLogits(g, form.tied(g, finish(x), parameters.take(tied, [vocabulary, x.shape[2] as number])));
}
