import { createHash } from "node:crypto";
import { dirname, join } from "node:path";
import { replaceFile } from "../base/atomic.ts";
import type { BlockNumber } from "../base/units.ts";
import type { Duty } from "./clock.ts";
import type { Neuron } from "./ports.ts";
import type { Session } from "./session.ts";

/** In the state folder; each takes the place of the one before. */
const LAYER_FILE = "gating_linear_layer.safetensors";

/**
 * Writes the router's layer to a file and tells of it, once an epoch and at the end: a version of some megabytes each
 * time is enough to follow what it learns, and those of every checkpoint would be a gigabyte a day at W&B.
 */
export class LayerDuty<N extends Neuron> implements Duty {
  readonly name = "gating layer";
  readonly #session: Session<N>;
  #toldAt: number;
  #sha256: string | undefined;

  constructor(session: Session<N>) {
    this.#session = session;
    this.#toldAt = session.state.subnet.block;
  }

  isDue(block: BlockNumber): boolean {
    const { settings, state } = this.#session;
    return settings.showsLayer && block - this.#toldAt >= (settings.epochBlocks || state.subnet.tempo);
  }

  async run(block: BlockNumber): Promise<void> {
    this.#toldAt = block;
    await this.tell();
  }

  /** Does nothing where layers are not shown, and where this one was. @throws the error of the file system */
  async tell(): Promise<void> {
    const { settings, modules, recorder } = this.#session;
    const layer = settings.showsLayer ? modules.router.layerToShow() : undefined;
    if (layer === undefined) return;
    const { bytes, encoder, rows, hidden, steps } = layer;
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    if (sha256 === this.#sha256) return;
    await replaceFile(join(dirname(recorder.path), LAYER_FILE), [bytes]);
    this.#sha256 = sha256;
    modules.feed.emit({
      kind: "gating",
      encoder,
      file: LAYER_FILE,
      bytes: bytes.length,
      sha256,
      rows,
      hidden,
      trained: steps,
    });
  }
}
