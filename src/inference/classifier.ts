import { Failure } from "../base/error.ts";
import { BATCH_LIMITS } from "./encoder.ts";
import type { InferenceCode } from "./failure.ts";
import { Graph, numbersOf } from "./graph.ts";
import type { ModelManifest } from "./manifest.ts";
import type { ClassifierInput, DeviceKind } from "./protocol.ts";
import type { StoredModel } from "./store.ts";
import type { BoundedTokenizer, TemplatePart, TokenRow } from "./tokens.ts";

type Classification = NonNullable<ModelManifest["classification"]>;
type PairTemplate = NonNullable<Classification["template"]>;

/** A model that gives one row of logits for a text: reward models and hate classifiers. */
export class Classifier {
  /** Logits of one row. */
  readonly labels: number;
  readonly #graph: Graph;
  readonly #template: PairTemplate | undefined;

  private constructor(graph: Graph, { labels, template }: Classification) {
    this.#graph = graph;
    this.labels = labels.length;
    this.#template = template;
  }

  /** @throws Failure `model.unsupported` for a model without classes, and as Graph.open(). */
  static async load(stored: StoredModel, device: DeviceKind): Promise<Classifier> {
    const { id, classification } = stored.manifest;
    if (classification === undefined)
      throw new Failure<InferenceCode>("model.unsupported", { message: `${id} does not classify texts` });
    const graph = await Graph.open(stored, device, { limits: BATCH_LIMITS });
    return new Classifier(graph, classification);
  }

  /** Frees the model's memory; it cannot be used any more. */
  async release(): Promise<void> {
    await this.#graph.release();
  }

  /**
   * @returns logits [rows, labels], flat, and how many rows each input has: one, or more for a text in pieces.
   * @throws Failure `gpu.*` or `inference.failed`.
   */
  async classify(inputs: readonly ClassifierInput[]): Promise<{ logits: Float32Array; counts: number[] }> {
    const groups = inputs.map((input) => rowsOf(this.#graph.tokenizer, input, this.#template));
    const rows = groups.flat();
    const logits = new Float32Array(rows.length * this.labels);
    await this.#graph.run(rows, {
      read: ({ rows: numbers }, outputs) => {
        const found = numbersOf(outputs, "logits", numbers.length * this.labels);
        for (const [index, row] of numbers.entries())
          logits.set(found.subarray(index * this.labels, (index + 1) * this.labels), row * this.labels);
      },
    });
    return { logits, counts: groups.map(({ length }) => length) };
  }
}

function rowsOf(tokenizer: BoundedTokenizer, input: ClassifierInput, template?: PairTemplate): TokenRow[] {
  if ("pair" in input)
    return [
      template === undefined
        ? tokenizer.encodePair(...input.pair)
        : { ids: tokenizer.encodeTemplate(inTemplate(input.pair, template)) },
    ];
  if ("template" in input) return [{ ids: tokenizer.encodeTemplate(input.template) }];
  return tokenizer.encodePieces(input.pieces).map((ids) => ({ ids }));
}

/** A pair in the form that the model was trained on, such as the turns of a conversation. */
function inTemplate([first, second]: [string, string], template: PairTemplate): TemplatePart[] {
  return [
    { text: template.before, isOurs: true },
    { text: first, isOurs: false },
    { text: template.between, isOurs: true },
    { text: second, isOurs: false },
    { text: template.after, isOurs: true },
  ];
}
