import { Tensor } from "onnxruntime-node";
import { Failure } from "../../base/error.ts";
import type { DeviceKind } from "../../models/manifest.ts";
import type { StoredModel } from "../../models/model-files.ts";
import type { InferenceCode } from "../failure.ts";
import type { Continuation } from "../protocol.ts";
import type { BatchLimits } from "./batches.ts";
import { editGraph } from "./edit.ts";
import { MAX_SCORES } from "./encoder.ts";
import { Graph, numbersOf } from "./graph.ts";
import { GraphModel, type LoadOptions } from "./graph-model.ts";
import type { GraphRow } from "./rows.ts";
import { appendScoredHead, LOG_SUM, PICKED, TOKEN_IDS } from "./scored-head.ts";
import { sharePast, TRIAL } from "./shared-past.ts";
import type { TemplatePart } from "./tokens.ts";

/** The logits stay on the device but have to fit there: 2048 × 152 000 × 4 bytes are 1.2 GB. */
const BATCH_LIMITS: Record<DeviceKind, BatchLimits> = {
  cpu: { maxTokens: 1024, widthStep: 8 },
  webgpu: { maxTokens: 2048, maxScores: MAX_SCORES, widthStep: 32 },
};
/**
 * The original computes in half precision, where a token repeated some fifty times becomes impossible. In single
 * precision the same completion would get −10¹³ and spoil the running statistics.
 */
const LOWEST_HALF = -65_504;
/** Numbers of a graph are single: a share smaller than this is lost beside 1. */
const SMALLEST_SHARE = 2 ** -24;
const DIGITS = [..."0123456789"];

interface Scored extends GraphRow {
  /** Tokens of the prompt, which are not scored. */
  promptLength: number;
}

/** A causal language model that tells how likely texts are; it never writes any. */
export class LanguageModel extends GraphModel {
  readonly #chat: { before: string; after: string };
  readonly #digits: number[];

  private constructor(graph: Graph, chat: { before: string; after: string }) {
    super(graph);
    this.#chat = chat;
    this.#digits = DIGITS.map((digit) => graph.tokenizer.encodeOpen(digit).at(-1)!);
  }

  /** @throws Failure `model.unsupported` for a model of another kind, and as Graph.open(). */
  static async load(
    stored: StoredModel,
    device: DeviceKind,
    options: LoadOptions = {},
  ): Promise<LanguageModel> {
    const { id, language } = stored.manifest;
    if (language === undefined)
      throw new Failure<InferenceCode>("model.unsupported", { message: `${id} is no language model` });
    const graph = await Graph.open(stored, device, {
      limits: BATCH_LIMITS,
      ...options,
      showsPadding: true,
      edit: (onnx) => editGraph(onnx, [appendScoredHead, sharePast]),
    });
    const model = new LanguageModel(graph, language.chat ?? { before: "", after: "" });
    await graph.trySharing(() => model.digitScores(TRIAL));
    return model;
  }

  /**
   * Mean log-probability of a completion's tokens after its prompt. A token's logit is divided (multiplied when
   * negative) by penalty^c before the softmax, where c counts it among the completion's tokens before the last one
   * read; the first two predictions are left alone (openvalidators 1.2.0, DPO reward).
   * @returns one number per pair; −Infinity when the prompt leaves no token to score, or repetition makes one impossible.
   * @throws Failure `gpu.*` or `inference.failed`.
   */
  async logProb(pairs: readonly Continuation[], penalty: number): Promise<Float32Array> {
    const { tokenizer } = this.graph;
    const limit = tokenizer.maxTokens;
    const scored = pairs.map(({ prompt, completion }): Scored => {
      const ids = tokenizer.encodeOpen(prompt + completion).slice(0, limit);
      const promptLength = tokenizer.encodeOpen(prompt).length;
      // The prompt's last token predicts the first one that is scored.
      return { ids, promptLength, unread: Math.max(0, promptLength - 1) };
    });
    const means = new Float32Array(pairs.length).fill(Number.NEGATIVE_INFINITY);
    const wanted = [...scored.keys()].filter((row) => {
      const { ids, promptLength } = scored[row]!;
      // The very first token of all has nothing that predicts it.
      return Math.max(1, promptLength) < ids.length;
    });
    const rows = wanted.map((row) => scored[row]!);
    let tokens: number[] = [];
    await this.graph.run(rows, {
      outputs: [LOG_SUM, PICKED],
      inputs: (numbers) => {
        tokens = [...new Set(numbers.flatMap((row) => rows[row]!.ids.slice(rows[row]!.promptLength)))];
        return { [TOKEN_IDS]: idTensor(tokens) };
      },
      read: ({ count, width, places, offset }, outputs) => {
        const logSums = numbersOf(outputs, LOG_SUM, count * width);
        const picked = numbersOf(outputs, PICKED, count * width * tokens.length);
        const columns = new Map(tokens.map((token, column) => [token, column]));
        for (const { row, index } of places) {
          const start = index * width - offset;
          means[wanted[row]!] = meanLogProb(rows[row]!, penalty, {
            logSum: (at) => logSums[start + at]!,
            logit: (at, token) => picked[(start + at) * tokens.length + columns.get(token)!]!,
          });
        }
      },
    });
    return means;
  }

  /**
   * Logits of the ten digits as the next token after each prompt.
   * @returns [prompts, 10], flat.
   * @throws Failure `gpu.*` or `inference.failed`.
   */
  async digitScores(prompts: readonly (readonly TemplatePart[])[]): Promise<Float32Array> {
    const { before, after } = this.#chat;
    const rows = prompts.map((parts): GraphRow => {
      const ids = this.graph.tokenizer.encodeTemplate([
        { text: before, isOurs: true },
        ...parts,
        { text: after, isOurs: true },
      ]);
      return { ids, unread: ids.length - 1 };
    });
    const count = DIGITS.length;
    const scores = new Float32Array(prompts.length * count);
    await this.graph.run(rows, {
      outputs: [PICKED],
      inputs: () => ({ [TOKEN_IDS]: idTensor(this.#digits) }),
      read: ({ count: computed, width, places, offset }, outputs) => {
        const picked = numbersOf(outputs, PICKED, computed * width * count);
        for (const { row, index } of places) {
          const start = (index * width + rows[row]!.ids.length - 1 - offset) * count;
          scores.set(picked.subarray(start, start + count), row * count);
        }
      },
    });
    return scores;
  }
}

export interface Logits {
  /** log Σ exp of all logits after the token at a place. */
  logSum(at: number): number;
  logit(at: number, token: number): number;
}

/** Mean log-probability of the tokens after the prompt, each as `LanguageModel.logProb` says. */
export function meanLogProb({ ids, promptLength }: Scored, penalty: number, logits: Logits): number {
  const seen = new Map<number, number>();
  let sum = 0;
  const start = Math.max(0, promptLength - 1);
  for (let at = start; at < ids.length - 1; at++) {
    const next = ids[at + 1]!;
    let total = logits.logSum(at);
    let logit = logits.logit(at, next);
    if (at > promptLength) {
      const last = ids[at - 1]!;
      seen.set(last, (seen.get(last) ?? 0) + 1);
      const share = (score: number): number => Math.exp(score - total);
      // Of all probability: what seen tokens had, and what they have after the penalty, in the same measure.
      let had = 0;
      let has = 0;
      for (const [token, count] of seen) {
        const before = logits.logit(at, token);
        const penalised = before < 0 ? before * penalty ** count : before / penalty ** count;
        const after = penalised < LOWEST_HALF ? Number.NEGATIVE_INFINITY : penalised;
        had += share(before);
        has += share(after);
        if (token === next) logit = after;
      }
      // A model that is sure of a seen token, as of a text that it is shown again, leaves others less than rounding takes.
      const others = Math.max(1 - had, seen.has(next) ? 0 : share(logit), SMALLEST_SHARE);
      total += Math.log(others + has);
    }
    sum += logit - total;
  }
  return sum / (ids.length - 1 - start);
}

function idTensor(ids: readonly number[]): Tensor {
  return new Tensor("int64", BigInt64Array.from(ids.map(BigInt)), [ids.length]);
}
