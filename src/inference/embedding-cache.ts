/** What an encoder tells of a text. */
export interface ReadText {
  vector: Float32Array;
  /** How likely its words are not in their order, 0..1, on average; undefined for an encoder that does not tell. */
  disorder?: number | undefined;
}

/** The part of the inference process that turns texts into vectors. */
export interface EmbeddingServer {
  read(model: string, texts: string[]): Promise<ReadText[]>;
}

/** One encoder of such a server: turns texts into L2-normalised vectors of one size, in the order of the texts. */
export interface TextEmbedder {
  embed(texts: string[]): Promise<Float32Array[]>;
}

/** One encoder of a server. */
export function embedderOn(server: EmbeddingServer, model: string): TextEmbedder {
  return { embed: async (texts) => (await server.read(model, texts)).map(({ vector }) => vector) };
}

/** Texts and sentences of some steps of 50 answers; 2000 vectors of 384 numbers are 3 MB. */
const DEFAULT_CAPACITY = 2000;

/**
 * Remembers the vectors of the last texts, so that routing, rewards and masks on one encoder compute each text of a step
 * once. Texts that are expected travel in one batch with the first of them that is wanted. A failed request is forgotten:
 * the next one asks again.
 */
export class EmbeddingCache implements EmbeddingServer {
  readonly #server: EmbeddingServer;
  readonly #capacity: number;
  /** By model and text, the least recently used first. */
  readonly #known = new Map<string, Promise<ReadText>>();
  /** By model, texts that will be wanted. */
  readonly #expected = new Map<string, readonly string[]>();

  constructor(server: EmbeddingServer, capacity: number = DEFAULT_CAPACITY) {
    this.#server = server;
    this.#capacity = capacity;
  }

  /** Tells which texts of a model will be wanted next, in place of those told before. */
  expect(model: string, texts: readonly string[]): void {
    this.#expected.set(model, texts);
  }

  async read(model: string, texts: string[]): Promise<ReadText[]> {
    const keys = texts.map((text) => keyOf(model, text));
    if (keys.some((key) => !this.#known.has(key))) {
      const wanted = [...this.#taken(model, texts), ...texts];
      const missing = wanted.map((text) => [keyOf(model, text), text] as const);
      this.#request(model, new Map(missing.filter(([key]) => !this.#known.has(key))));
    }
    const known = keys.map((key) => {
      const text = this.#known.get(key)!;
      this.#known.delete(key);
      this.#known.set(key, text);
      return text;
    });
    for (const key of this.#known.keys()) {
      if (this.#known.size <= this.#capacity) break;
      this.#known.delete(key);
    }
    return await Promise.all(known);
  }

  /** What is expected of a model, if one of these texts belongs to it; it is expected no longer then. */
  #taken(model: string, texts: readonly string[]): readonly string[] {
    const expected = this.#expected.get(model) ?? [];
    if (!texts.some((text) => expected.includes(text))) return [];
    this.#expected.delete(model);
    return expected;
  }

  #request(model: string, missing: ReadonlyMap<string, string>): void {
    const batch = this.#server.read(model, [...missing.values()]);
    let index = 0;
    for (const key of missing.keys()) {
      const at = index++;
      const text = batch.then((read) => {
        const found = read[at];
        if (found === undefined) throw new Error("the encoder gave fewer vectors than it got texts");
        return found;
      });
      text.catch(() => {
        if (this.#known.get(key) === text) this.#known.delete(key);
      });
      this.#known.set(key, text);
    }
  }
}

function keyOf(model: string, text: string): string {
  return `${model}\n${text}`;
}
