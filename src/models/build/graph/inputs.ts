import { ELEMENT } from "../../onnx/onnx.ts";
import type { Graph, Value } from "./graph.ts";
import * as op from "./operators.ts";

/** Names of the sizes that vary from run to run. */
export const BATCH = "batch_size";
export const TOKENS = "sequence_length";
export const PAST = "past_sequence_length";
/** Tokens with those of the cache. */
export const ALL = "total_sequence_length";

/** Ids and mask of a batch, and what is worked out of them once for all layers. */
export class Inputs {
  readonly graph: Graph;
  /** [batch, tokens] */
  readonly ids: Value;
  /** 1 for text and 0 for padding, on either side: [batch, all]. */
  readonly mask: Value;
  /** Whether tokens of a cache come before. */
  readonly hasPast: boolean;
  #types: Value | undefined;

  constructor(graph: Graph, { hasPast = false } = {}) {
    this.graph = graph;
    this.hasPast = hasPast;
    this.ids = graph.input("input_ids", ELEMENT.int64, [BATCH, TOKENS]);
    this.mask = graph.input("attention_mask", ELEMENT.int64, [BATCH, hasPast ? ALL : TOKENS]);
  }

  /** Which of two texts each token belongs to: [batch, tokens]. */
  get types(): Value {
    this.#types ??= this.graph.input("token_type_ids", ELEMENT.int64, [BATCH, TOKENS]);
    return this.#types;
  }

  /** Tokens of the cache, of a batch, and of both, as single numbers. */
  lengths(): { past: Value; tokens: Value; all: Value } {
    const g = this.graph;
    const tokens = op.sizeOf(g, this.ids, 1);
    const all = op.sizeOf(g, this.mask, 1);
    return { past: op.subtract(g, all, tokens), tokens, all };
  }

  /** The mask of the batch's own tokens: [batch, tokens]. */
  ownMask(): Value {
    const g = this.graph;
    if (!this.hasPast) return this.mask;
    return op.sliceFrom(g, this.mask, op.reshape(g, this.lengths().past, 1), 1, TOKENS);
  }

  /**
   * How many tokens of text stand before each token: [batch, tokens]. Padding before a text moves nothing; its own
   * positions mean nothing.
   * @param first position of the first token; padding is at the place before it, as RoBERTa and MPNet want it
   */
  positions(first = 0): Value {
    const g = this.graph;
    const counted = g.node("CumSum", [this.mask, g.integer(1)], { shape: this.mask.shape });
    const shown = op.add(g, op.multiply(g, counted, this.mask), g.integer(first - 1));
    const positions = op.maximum(g, shown, g.integer(0));
    if (!this.hasPast) return positions;
    return op.sliceFrom(g, positions, op.reshape(g, this.lengths().past, 1), 1, TOKENS);
  }
}
