import type { TextEmbedder } from "../../src/inference/embedding-cache.ts";

/** Bag-of-words encoder: texts that share words are near each other. Counts what it is asked for. */
export class FakeEncoder implements TextEmbedder {
  readonly batches: string[][] = [];

  async embed(texts: string[]): Promise<Float32Array[]> {
    this.batches.push(texts);
    return texts.map((text) => {
      const vector = new Float32Array(64);
      for (const word of text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? ["-"])
        vector[Number(Bun.hash.wyhash(word) % 64n)]! += 1;
      const length = Math.hypot(...vector);
      return vector.map((value) => value / length);
    });
  }
}
