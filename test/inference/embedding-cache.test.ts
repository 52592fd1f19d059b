import { describe, expect, test } from "bun:test";
import { EmbeddingCache } from "../../src/inference/embedding-cache.ts";

function serverOf() {
  const requests: string[][] = [];
  return {
    requests,
    failure: undefined as Error | undefined,
    async read(model: string, texts: string[]) {
      requests.push(texts);
      if (this.failure) throw this.failure;
      return texts.map((text) => ({ vector: Float32Array.of(model.length, text.length) }));
    },
  };
}

describe("the embedding cache", () => {
  test("asks for each text of a model once, and gives vectors in the order of the texts", async () => {
    const server = serverOf();
    const cache = new EmbeddingCache(server);
    await cache.read("m", ["a"]);
    const vectors = await cache.read("m", ["bb", "a", "ccc", "bb"]);
    expect(vectors.map(({ vector }) => vector[1])).toEqual([2, 1, 3, 2]);
    expect(server.requests).toEqual([["a"], ["bb", "ccc"]]);
    await cache.read("other", ["a"]);
    expect(server.requests).toHaveLength(3);
  });

  test("asks for expected texts together with the first of them that is wanted, once and of that model alone", async () => {
    const server = serverOf();
    const cache = new EmbeddingCache(server);
    await cache.read("m", ["a"]);
    cache.expect("m", ["a", "b", "c", "b"]);
    cache.expect("other", ["d"]);
    await cache.read("m", ["z"]);
    await Promise.all([cache.read("m", ["c", "y"]), cache.read("m", ["a", "b"])]);
    expect(server.requests).toEqual([["a"], ["z"], ["b", "c", "y"]]);
    // What is known already keeps the others waiting.
    cache.expect("m", ["a", "e"]);
    await cache.read("m", ["a"]);
    await cache.read("m", ["e"]);
    expect(server.requests.slice(3)).toEqual([["e"]]);
  });

  test("shares a request that is under way", async () => {
    const server = serverOf();
    const cache = new EmbeddingCache(server);
    await Promise.all([cache.read("m", ["a", "b"]), cache.read("m", ["b"])]);
    expect(server.requests).toEqual([["a", "b"]]);
  });

  test("forgets what was used least recently", async () => {
    const server = serverOf();
    const cache = new EmbeddingCache(server, 2);
    for (const text of ["a", "b", "a", "c", "a", "b"]) await cache.read("m", [text]);
    expect(server.requests.flat()).toEqual(["a", "b", "c", "b"]);
  });

  test("answers more texts than it remembers", async () => {
    const cache = new EmbeddingCache(serverOf(), 2);
    const vectors = await cache.read("m", ["a", "bb", "ccc", "dddd"]);
    expect(vectors.map(({ vector }) => vector[1])).toEqual([1, 2, 3, 4]);
  });

  test("does not remember a failure, nor vectors that did not come", async () => {
    const server = serverOf();
    const cache = new EmbeddingCache(server);
    server.failure = new Error("the device is gone");
    await expect(cache.read("m", ["a"])).rejects.toThrow("the device is gone");
    server.failure = undefined;
    expect((await cache.read("m", ["a"]))[0]!.vector[1]).toBe(1);
    const short = new EmbeddingCache({ read: async () => [] });
    await expect(short.read("m", ["a"])).rejects.toThrow("fewer vectors");
  });
});
