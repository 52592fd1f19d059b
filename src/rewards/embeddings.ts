/** Turns texts into L2-normalised vectors of one size, in the order of the texts. */
export interface TextEmbedder {
  embed(texts: string[]): Promise<Float32Array[]>;
}

/**
 * Embeddings of one step, shared by all models and masks on the same encoder: each distinct text is embedded once, and
 * all texts known at the start of the step travel in one batch, sent when the first of them is wanted.
 */
export class StepEmbeddings implements TextEmbedder {
  readonly #embedder: TextEmbedder;
  #waiting = new Set<string>();
  #known = new Map<string, { batch: Promise<Float32Array[]>; index: number }>();

  constructor(embedder: TextEmbedder) {
    this.#embedder = embedder;
  }

  /** Forgets the last step and notes the texts of the next one. */
  beginStep(texts: Iterable<string>): void {
    this.#waiting = new Set(texts);
    this.#known = new Map();
  }

  async embed(texts: string[]): Promise<Float32Array[]> {
    const fresh = texts.filter((text) => !this.#known.has(text));
    if (fresh.length > 0) this.#request([...new Set([...this.#waiting, ...fresh])]);
    return await Promise.all(
      texts.map(async (text) => {
        const { batch, index } = this.#known.get(text)!;
        const vector = (await batch)[index];
        if (!vector) throw new Error("the encoder gave fewer vectors than it got texts");
        return vector;
      }),
    );
  }

  #request(texts: string[]): void {
    this.#waiting.clear();
    const missing = texts.filter((text) => !this.#known.has(text));
    const batch = this.#embedder.embed(missing);
    for (const [index, text] of missing.entries()) this.#known.set(text, { batch, index });
  }
}

/** Cosine of two L2-normalised vectors of the same size. */
export function cosine(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
