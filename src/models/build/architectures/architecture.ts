import { z } from "zod";
import type { Graph, Value } from "../graph/graph.ts";
import type { Head } from "../graph/heads.ts";
import type { Layers } from "../graph/layers.ts";
import * as op from "../graph/operators.ts";
import { unsupported } from "../graph/parameters.ts";

/** What is to be built: layers by name, of which kind, for how many tokens. */
export interface Plan {
  layers: Layers;
  /** What config.json holds. */
  config: unknown;
  head: Head;
  /** Longest row, special tokens included. */
  maxTokens: number;
}

/** A family of models whose computation this program knows. */
export interface Architecture {
  /**
   * Builds the whole graph, inputs and outputs included.
   * @throws Failure `model.unsupported` for a variant that is not known, a head that is not, and tensors that do not fit
   */
  build(plan: Plan): void;
  /** Tensors that may be left over: heads of the training, and what only other heads need. */
  unused: RegExp;
}

export const size = z.number().int().positive();
/** A switch that has to be off: what it turns on is not built. */
export const off = z.literal(false).nullish();
/** What cannot be there at all. */
export const absent = z.null().optional();

const ACTIVATIONS = {
  gelu: op.gelu,
  gelu_new: op.geluByTanh,
  gelu_fast: op.geluByTanh,
  gelu_pytorch_tanh: op.geluByTanh,
  relu: op.relu,
  silu: op.silu,
  swish: op.silu,
  tanh: op.tanh,
} as const;
export const activation = z
  .enum(Object.keys(ACTIVATIONS) as [keyof typeof ACTIVATIONS])
  .transform((name): ((g: Graph, x: Value) => Value) => ACTIVATIONS[name]);

/** @throws Failure `model.unsupported` that names the first field with a value that is not built */
export function readConfig<T>(schema: z.ZodType<T>, config: unknown): T {
  const parsed = schema.safeParse(config);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const field = issue!.path[0];
  const value = (config as Record<PropertyKey, unknown> | null)?.[field ?? ""];
  throw unsupported(
    `config.json has ${String(field ?? "another form")} = ${JSON.stringify(value)?.slice(0, 200)}, which is not built: ${issue!.message}`,
  );
}

/** @throws Failure `model.unsupported` when the model has no positions for the longest row */
export function checkLength(maxTokens: number, positions: number): void {
  if (maxTokens > positions)
    throw unsupported(
      `the manifest wants rows of ${maxTokens} tokens, and the model has ${positions} positions`,
    );
}

/** @throws Failure `model.unsupported` for a head that the architecture does not have here */
export function noHead(kind: Head["kind"]): never {
  throw unsupported(`no ${kind} head is built for this architecture`);
}
