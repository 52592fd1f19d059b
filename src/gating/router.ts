import { z } from "zod";
import { messageOf } from "../base/error.ts";
import { log } from "../base/log.ts";
import type { Hotkey, Uid } from "../base/units.ts";
import { GatingLayer, type LayerArrays, type Random } from "./layer.ts";

/** Turns texts into L2-normalised vectors of one size, in the order of the texts. */
export interface TextEmbedder {
  embed(texts: string[]): Promise<Float32Array[]>;
}

export interface RouterOptions {
  embedder: TextEmbedder;
  /** Name of the encoder; a saved layer of another one is not taken back. */
  encoder: string;
  learningRate: number;
  momentum: number;
  /** Rows made ahead; the layer never has fewer than the subnet has uids. 0 = the subnet's size. */
  minRows?: number;
  random?: Random;
}

/** A miner that was asked, and what its answer earned. */
export interface Outcome {
  uid: Uid;
  hotkey: Hotkey;
  reward: number;
}

/** JSON value and named rows of Float32, for the state file. */
export interface RouterMemory {
  json: unknown;
  arrays: Record<string, Float32Array>;
}

const memoryShape = z.object({ encoder: z.string(), hidden: z.int().min(1) });

/**
 * The gating model: a frozen encoder, then a linear layer with a row per uid, which learns from every step which miner
 * answers which prompt well. A row belongs to a hotkey and starts afresh when another one takes its uid.
 * The router never costs a step: when the encoder fails, the step goes on without it.
 */
export class GatingRouter {
  readonly #options: RouterOptions;
  readonly #random: Random;
  /** Made with the first encoding, whose size it needs, or from a saved state. */
  #layer: GatingLayer | undefined;
  #hotkeys: readonly Hotkey[] = [];
  #isFailing = false;

  constructor(options: RouterOptions) {
    this.#options = options;
    this.#random = options.random ?? Math.random;
  }

  /**
   * Follows the subnet: rows of uids whose hotkey is another one than before are initialised, rows are added and dropped
   * with its size.
   * @param hotkeys one per uid
   */
  align(hotkeys: readonly Hotkey[]): void {
    this.#layer?.resize(this.#rowsFor(hotkeys.length));
    for (const [uid, before] of this.#hotkeys.entries())
      if (uid < hotkeys.length && hotkeys[uid] !== before) this.#layer?.resetRow(uid);
    this.#hotkeys = [...hotkeys];
  }

  /** One score per uid for this prompt, higher is better; undefined when the encoder fails. */
  async scores(prompt: string): Promise<Float32Array | undefined> {
    const encoding = await this.#encode(prompt);
    if (encoding === undefined) return undefined;
    return this.#layerFor(encoding).scores(encoding).subarray(0, this.#hotkeys.length);
  }

  /**
   * Learns from one step. Outcomes of hotkeys that have lost their uid meanwhile, and rewards that are not finite, stay
   * out.
   * @returns the loss before learning; null when there was nothing to learn from, or the encoder fails
   */
  async train(prompt: string, outcomes: readonly Outcome[]): Promise<number | null> {
    if (outcomes.length === 0) return null;
    const encoding = await this.#encode(prompt);
    if (encoding === undefined) return null;
    const usable = outcomes.filter(
      ({ uid, hotkey, reward }) => this.#hotkeys[uid] === hotkey && Number.isFinite(reward),
    );
    if (usable.length === 0) return null;
    return this.#layerFor(encoding).train(
      encoding,
      usable.map(({ uid }) => uid),
      usable.map(({ reward }) => reward),
    );
  }

  /** undefined before the first step. */
  save(): RouterMemory | undefined {
    if (this.#layer === undefined) return undefined;
    return {
      json: { encoder: this.#options.encoder, hidden: this.#layer.hidden },
      arrays: { ...this.#layer.save() },
    };
  }

  /**
   * Takes a saved layer back, for the hotkeys it was saved with; `align` then brings it to those of now. One of another
   * encoder or shape is left alone, with a warning.
   */
  load(memory: RouterMemory, hotkeys: readonly Hotkey[]): void {
    const parsed = memoryShape.safeParse(memory.json);
    const arrays = layerArrays(memory.arrays);
    if (parsed.success && parsed.data.encoder === this.#options.encoder && arrays !== undefined) {
      const layer = this.#newLayer(parsed.data.hidden, 0);
      if (layer.load(arrays) && layer.rows >= hotkeys.length) {
        this.#layer = layer;
        this.#hotkeys = [...hotkeys];
        return;
      }
    }
    log.warn("The saved gating layer is of another encoder or shape; starting without it");
  }

  async #encode(prompt: string): Promise<Float32Array | undefined> {
    try {
      const [encoding] = await this.#options.embedder.embed([prompt]);
      if (!encoding?.every(Number.isFinite)) throw new Error("the encoder gave no finite vector");
      this.#isFailing = false;
      return encoding;
    } catch (error) {
      if (!this.#isFailing)
        log.warn("The gating model's encoder fails; steps go on without routing and learning", {
          reason: messageOf(error),
        });
      this.#isFailing = true;
      return undefined;
    }
  }

  #layerFor(encoding: Float32Array): GatingLayer {
    // A state whose vectors had another size under the same name cannot be gone on with.
    if (this.#layer?.hidden !== encoding.length)
      this.#layer = this.#newLayer(encoding.length, this.#rowsFor(this.#hotkeys.length));
    return this.#layer;
  }

  #newLayer(hidden: number, rows: number): GatingLayer {
    const { learningRate, momentum } = this.#options;
    return new GatingLayer({ hidden, rows, learningRate, momentum, random: this.#random });
  }

  #rowsFor(uids: number): number {
    return Math.max(uids, this.#options.minRows ?? 0);
  }
}

function layerArrays(arrays: Record<string, Float32Array>): LayerArrays | undefined {
  const { weights, bias, weightsVelocity, biasVelocity } = arrays;
  if (!weights || !bias || !weightsVelocity || !biasVelocity) return undefined;
  return { weights, bias, weightsVelocity, biasVelocity };
}
