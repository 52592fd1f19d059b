import { z } from "zod";
import { messageOf } from "../base/error.ts";
import { log } from "../base/log.ts";
import type { Memory, MemoryChanges, Outcome, ShownLayer } from "../base/vocabulary.ts";
import type { TextEmbedder } from "../inference/embedding-cache.ts";
import { isSameRegistration, type Registration } from "../weights/scores.ts";
import { GatingLayer, type Rates } from "./layer.ts";
import { layerFile } from "./layer-file.ts";
import { UnsavedRows } from "./unsaved-rows.ts";

export interface RouterOptions extends Rates {
  embedder: TextEmbedder;
  /** Name of the encoder; a saved layer of another one is not taken back. */
  encoder: string;
  /** Rows made ahead; the layer never has fewer than the subnet has uids. 0 = the subnet's size. */
  minRows?: number;
}

/** Table of the state: a row per uid, as GatingLayer.row gives it. */
const TABLE = "gating";
/** Table of one row, GatingLayer.centre, which goes with the others' rows. */
const CENTRE_TABLE = "gating_centre";
/**
 * Rows are written once in so many steps, and then so many bytes of them: 6 of 384 dimensions, so that those of 256 uids
 * come round in some 350 steps, and a step's share stays within what the history of 50 vectors leaves of 64 KB. A crash
 * forgets what the others learnt meanwhile.
 */
const STEPS_BETWEEN_ROWS = 8;
const ROW_BYTES = 20_000;

const memoryShape = z.object({
  encoder: z.string(),
  hidden: z.int().min(1),
  step: z.int().min(0),
  learningRate: z.number(),
  momentum: z.number().min(0).lt(1),
});

/**
 * The gating model: a frozen encoder, then a linear layer with a row per uid, which learns from every step which miner
 * answers which prompt well. A row belongs to a registered hotkey and goes with it to another uid.
 * The router never costs a step: when the encoder fails, the step goes on without it.
 */
export class GatingRouter {
  readonly #options: RouterOptions;
  /** Made with the first encoding, whose size it needs, or from a saved state. */
  #layer: GatingLayer | undefined;
  #unsaved = new UnsavedRows();
  #stepsWithoutRows = 0;
  #holders: readonly Registration[] = [];
  #isFailing = false;

  constructor(options: RouterOptions) {
    this.#options = options;
  }

  /**
   * Follows the subnet: a row goes with its hotkey to the uid where that is now, as long as it has not registered anew;
   * newcomers have fresh rows.
   * @param holders one per uid
   */
  align(holders: readonly Registration[]): void {
    const before = this.#holders;
    this.#holders = holders.map(({ hotkey, registeredAt }) => ({ hotkey, registeredAt }));
    const layer = this.#layer;
    if (layer === undefined) return;
    const uids = new Map(before.map(({ hotkey }, uid) => [hotkey, uid]));
    const sources = Array.from({ length: this.#rowsFor(holders.length) }, (_, row) => {
      const holder = holders[row];
      // Rows made ahead stay: nobody holds them.
      if (holder === undefined) return row < before.length || row >= layer.rows ? undefined : row;
      const uid = uids.get(holder.hotkey);
      if (uid !== undefined) return isSameRegistration(before[uid]!, holder) ? uid : undefined;
      return row < before.length || row >= layer.rows ? undefined : row;
    });
    layer.arrange(sources);
    for (const [row, source] of sources.entries())
      if (source !== row) this.#unsaved.replaced(row, layer.isTrained(row));
  }

  /** One score per uid for this prompt, higher is better; undefined when the encoder fails. */
  async scores(prompt: string): Promise<Float32Array | undefined> {
    const encoding = await this.#encode(prompt);
    if (encoding === undefined) return undefined;
    return this.#layerFor(encoding).scores(encoding).subarray(0, this.#holders.length);
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
      ({ uid, hotkey, reward }) => this.#holders[uid]?.hotkey === hotkey && Number.isFinite(reward),
    );
    if (usable.length === 0) return null;
    const loss = this.#layerFor(encoding).train(
      encoding,
      usable.map(({ uid }) => uid),
      usable.map(({ reward }) => reward),
    );
    for (const { uid } of usable) this.#unsaved.trained(uid);
    return loss;
  }

  /**
   * Rows that changed and are not saved yet, a few in every eighth call: those that wait longest; and all that changed hands.
   * Rows that learnt nothing are never saved. undefined before the first step.
   * @param options.all everything: before a stop
   */
  changes({ all = false }: { all?: boolean } = {}): MemoryChanges | undefined {
    const layer = this.#layer;
    if (layer === undefined) return undefined;
    const { hidden, state } = layer;
    const isDue = ++this.#stepsWithoutRows >= STEPS_BETWEEN_ROWS;
    if (isDue) this.#stepsWithoutRows = 0;
    const rowBytes = GatingLayer.rowWidth(hidden) * Float32Array.BYTES_PER_ELEMENT;
    const share = isDue ? Math.max(1, Math.floor(ROW_BYTES / rowBytes)) : 0;
    const limit = all ? Number.POSITIVE_INFINITY : share;
    const { rows, isWhole } = this.#unsaved.take(limit);
    const json: z.infer<typeof memoryShape> = { encoder: this.#options.encoder, hidden, ...state };
    const put = new Map(rows.filter((row) => row < layer.rows).map((row) => [row, layer.row(row)]));
    const tables = { [TABLE]: isWhole ? { put, isWhole } : { put } };
    if (put.size === 0) return { json, tables };
    return { json, tables: { ...tables, [CENTRE_TABLE]: { put: new Map([[0, layer.centre]]) } } };
  }

  /** The layer as a file (`layerFile`), a row per uid; undefined before the first step. */
  layerToShow(): ShownLayer | undefined {
    const layer = this.#layer;
    if (layer === undefined || layer.state.step === 0) return undefined;
    const { encoder } = this.#options;
    const { hidden, state } = layer;
    const hotkeys = this.#holders.map(({ hotkey }) => hotkey);
    const bytes = layerFile({ encoder, hotkeys, hidden, ...layer.parameters(hotkeys.length) });
    return { bytes, encoder, rows: hotkeys.length, hidden, steps: state.step };
  }

  /**
   * Takes a saved layer back, for the holders it was saved with; `align` then brings it to those of now. One of another
   * encoder or shape is left alone, with a warning.
   */
  load({ json, tables }: Memory, holders: readonly Registration[]): void {
    const parsed = memoryShape.safeParse(json);
    if (parsed.success && parsed.data.encoder === this.#options.encoder) {
      const rows = tables[TABLE] ?? new Map();
      const layer = this.#newLayer(parsed.data.hidden, this.#rowsFor(holders.length));
      if (layer.load(rows, parsed.data, tables[CENTRE_TABLE]?.get(0))) {
        this.#layer = layer;
        this.#unsaved = new UnsavedRows(rows.keys());
        // With other rates than the state's, its rows are not what they were: all are written anew.
        const { learningRate, momentum } = this.#options;
        if (parsed.data.learningRate !== learningRate || parsed.data.momentum !== momentum)
          for (const row of rows.keys()) this.#unsaved.replaced(row, true);
        this.#holders = holders.map(({ hotkey, registeredAt }) => ({ hotkey, registeredAt }));
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
    if (this.#layer?.hidden !== encoding.length) {
      this.#layer = this.#newLayer(encoding.length, this.#rowsFor(this.#holders.length));
      this.#unsaved = new UnsavedRows();
    }
    return this.#layer;
  }

  #newLayer(hidden: number, rows: number): GatingLayer {
    const { learningRate, momentum } = this.#options;
    return new GatingLayer({ hidden, rows, learningRate, momentum });
  }

  #rowsFor(uids: number): number {
    return Math.max(uids, this.#options.minRows ?? 0);
  }
}
