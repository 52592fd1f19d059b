import { Failure } from "../../base/error.ts";
import type { DeviceKind, ModelManifest } from "../../models/manifest.ts";
import type { StoredModel } from "../../models/model-files.ts";
import type { InferenceCode } from "../failure.ts";
import type { ClassifierInput } from "../protocol.ts";
import { editGraph } from "./edit.ts";
import { BATCH_LIMITS } from "./encoder.ts";
import { Graph, numbersOf } from "./graph.ts";
import { GraphModel, type LoadOptions } from "./graph-model.ts";
import type { GraphRow } from "./rows.ts";
import { sharePast, TRIAL } from "./shared-past.ts";
import type { BoundedTokenizer, TemplatePart } from "./tokens.ts";

type Classification = NonNullable<ModelManifest["classification"]>;
type PairTemplate = NonNullable<Classification["template"]>;

/** A model that gives one row of logits for a text: reward models and hate classifiers. */
export class Classifier extends GraphModel {
  /** Logits of one row. */
  readonly labels: number;
  readonly #template: PairTemplate | undefined;

  private constructor(graph: Graph, { labels, template }: Classification) {
    super(graph);
    this.labels = labels.length;
    this.#template = template;
  }

  /** @throws Failure `model.unsupported` for a model without classes, and as Graph.open(). */
  static async load(stored: StoredModel, device: DeviceKind, options: LoadOptions = {}): Promise<Classifier> {
    const { id, classification } = stored.manifest;
    if (classification === undefined)
      throw new Failure<InferenceCode>("model.unsupported", { message: `${id} does not classify texts` });
    const graph = await Graph.open(stored, device, {
      limits: BATCH_LIMITS,
      ...options,
      edit: (onnx) => editGraph(onnx, [sharePast]),
    });
    const classifier = new Classifier(graph, classification);
    await graph.trySharing(
      async () => (await classifier.classify(TRIAL.map((template) => ({ template })))).logits,
    );
    return classifier;
  }

  /**
   * @returns logits [rows, labels], flat, and how many rows each input has: one, or more for a text in pieces.
   * @throws Failure `gpu.*` or `inference.failed`.
   */
  async classify(inputs: readonly ClassifierInput[]): Promise<{ logits: Float32Array; counts: number[] }> {
    const groups = inputs.map((input) => rowsOf(this.graph.tokenizer, input, this.#template));
    const rows = groups.flat();
    const logits = new Float32Array(rows.length * this.labels);
    await this.graph.run(rows, {
      outputs: ["logits"],
      read: ({ count, places }, outputs) => {
        const found = numbersOf(outputs, "logits", count * this.labels);
        for (const { row, index } of places)
          logits.set(found.subarray(index * this.labels, (index + 1) * this.labels), row * this.labels);
      },
    });
    return { logits, counts: groups.map(({ length }) => length) };
  }
}

function rowsOf(tokenizer: BoundedTokenizer, input: ClassifierInput, template?: PairTemplate): GraphRow[] {
  if ("pieces" in input) return tokenizer.encodePieces(input.pieces).map((ids) => ({ ids }));
  if ("pair" in input && template === undefined) return [tokenizer.encodePair(...input.pair)];
  const ids = tokenizer.encodeTemplate("pair" in input ? inTemplate(input.pair, template!) : input.template);
  // A decoder's logits are those of the last token.
  return [{ ids, unread: ids.length - 1 }];
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
