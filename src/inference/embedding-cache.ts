/** The part of the inference process that turns texts into vectors. */
export interface EmbeddingServer {
  embed(model: string, texts: string[]): Promise<Float32Array[]>;
}

/** Texts of some steps of 50 answers; 400 vectors of 384 numbers are 0.6 MB. */
const DEFAULT_CAPACITY = 400;

/**
 * Remembers the vectors of the last texts, so that routing, rewards and masks on one encoder compute each text of a step
 * once. A failed request is forgotten: the next one asks again.
 */
export class EmbeddingCache implements EmbeddingServer {
  readonly #server: EmbeddingServer;
  readonly #capacity: number;
  /** By model and text, the least recently used first. */
  readonly #known = new Map<string, Promise<Float32Array>>();

  constructor(server: EmbeddingServer, capacity: number = DEFAULT_CAPACITY) {
    this.#server = server;
    this.#capacity = capacity;
  }

  async embed(model: string, texts: string[]): Promise<Float32Array[]> {
    const keys = texts.map((text) => `${model}\n${text}`);
    const missing = new Map<string, string>();
    for (const [index, key] of keys.entries()) if (!this.#known.has(key)) missing.set(key, texts[index]!);
    if (missing.size > 0) this.#request(model, missing);
    const vectors = keys.map((key) => {
      const vector = this.#known.get(key)!;
      this.#known.delete(key);
      this.#known.set(key, vector);
      return vector;
    });
    for (const key of this.#known.keys()) {
      if (this.#known.size <= this.#capacity) break;
      this.#known.delete(key);
    }
    return await Promise.all(vectors);
  }

  #request(model: string, missing: ReadonlyMap<string, string>): void {
    const batch = this.#server.embed(model, [...missing.values()]);
    let index = 0;
    for (const key of missing.keys()) {
      const at = index++;
      const vector = batch.then((vectors) => {
        const found = vectors[at];
        if (found === undefined) throw new Error("the encoder gave fewer vectors than it got texts");
        return found;
      });
      vector.catch(() => {
        if (this.#known.get(key) === vector) this.#known.delete(key);
      });
      this.#known.set(key, vector);
    }
  }
}
