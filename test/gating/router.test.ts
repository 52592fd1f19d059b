import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { isFailure } from "../../src/base/error.ts";
import { asBlock, asHotkey, asUid } from "../../src/base/units.ts";
import type { Outcome } from "../../src/base/vocabulary.ts";
import { gatingEncoder } from "../../src/gating/encoder.ts";
import { GatingRouter } from "../../src/gating/router.ts";
import { seededRandom } from "../../src/localnet/miners/random.ts";
import type { Registration } from "../../src/weights/scores.ts";
import { SavedMemory } from "../fakes/saved-memory.ts";

/** Each word has a direction of its own, so that texts about different things are encoded differently. */
const WORDS = ["whales", "taxes", "armies", "courts"];
const embedder = {
  calls: 0,
  async embed(texts: string[]) {
    this.calls++;
    return texts.map((text) => Float32Array.from(WORDS, (word) => (text.includes(word) ? 1 : 0.01)));
  },
};
const holder = (name: string, registeredAt = 100): Registration => ({
  hotkey: asHotkey(name),
  registeredAt: asBlock(registeredAt),
});
const keys = (count: number): Registration[] =>
  Array.from({ length: count }, (_, uid) => holder(`key${uid}`));
/** All that a state would have of it after a stop. */
const savedBy = (router: GatingRouter): SavedMemory => new SavedMemory().take(router.changes({ all: true }));
const outcome = (uid: number, reward: number, hotkey = `key${uid}`): Outcome => ({
  uid: asUid(uid),
  hotkey: asHotkey(hotkey),
  reward,
});
function routerOf(uids: number, more: Partial<ConstructorParameters<typeof GatingRouter>[0]> = {}) {
  const router = new GatingRouter({
    embedder,
    encoder: "words",
    learningRate: 1,
    momentum: 0.9,
    ...more,
  });
  router.align(keys(uids));
  return router;
}
/** Each miner knows one word. */
async function teach(router: GatingRouter, steps: number): Promise<void> {
  for (let step = 0; step < steps; step++) {
    const topic = step % WORDS.length;
    const outcomes = WORDS.map((_, uid) => outcome(uid, uid === topic ? 1 : 0));
    await router.train(`a text about ${WORDS[topic]}`, outcomes);
  }
}

describe("the layer to show", () => {
  /** Tensors of a safetensors file. */
  const tensors = (bytes: Uint8Array) => {
    const start = 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true));
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, start)));
    const of = (name: string) => {
      const [from, to] = header[name].data_offsets as [number, number];
      return new Float32Array(bytes.slice(start + from, start + to).buffer);
    };
    return { metadata: header.__metadata__, weight: of("weight"), bias: of("bias") };
  };

  test("scores as the router does, those that coast included, with a row per uid", async () => {
    const router = routerOf(6, { minRows: 9 });
    expect(router.layerToShow()).toBeUndefined();
    await teach(router, 30);
    const shown = router.layerToShow()!;
    expect(shown).toMatchObject({ encoder: "words", rows: 6, hidden: 4, steps: 30 });
    const { metadata, weight, bias } = tensors(shown.bytes);
    expect(JSON.parse(metadata.hotkeys)).toEqual(keys(6).map(({ hotkey }) => hotkey));
    const text = "whales and taxes";
    const [encoding] = await embedder.embed([text]);
    const scores = Array.from(bias, (own, row) =>
      encoding!.reduce((sum, value, at) => sum + value * weight[row * 4 + at]!, own),
    );
    for (const [row, score] of (await router.scores(text))!.entries())
      expect(scores[row]!).toBeCloseTo(score, 5);
    expect(router.layerToShow()!.bytes).toEqual(shown.bytes);
    // Two miners are taught, so that the others' rows are behind by a step.
    await router.train(text, [outcome(0, 1), outcome(1, 0)]);
    const later = tensors(router.layerToShow()!.bytes);
    const coasting = (await router.scores(text))![2]!;
    const row = encoding!.reduce((sum, value, at) => sum + value * later.weight[8 + at]!, later.bias[2]!);
    expect(row).toBeCloseTo(coasting, 5);
    expect(later.weight.subarray(8, 12)).not.toEqual(weight.subarray(8, 12));
  });
});

describe("the router", () => {
  test("learns which miner knows what", async () => {
    const router = routerOf(4);
    await teach(router, 400);
    for (const [topic, word] of WORDS.entries()) {
      const scores = (await router.scores(`more about ${word}`))!;
      expect(scores.indexOf(Math.max(...scores))).toBe(topic);
    }
  });

  test("keeps rewards that are not finite, and hotkeys that lost their uid, out", async () => {
    const router = routerOf(4);
    await teach(router, 4);
    const before = await router.scores("whales");
    const strange = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    expect(
      await router.train(
        "whales",
        strange.map((reward, uid) => outcome(uid, reward)),
      ),
    ).toBeNull();
    expect(await router.train("whales", [outcome(1, 1, "somebody else"), outcome(9, 1)])).toBeNull();
    expect(await router.train("whales", [])).toBeNull();
    expect(await router.scores("whales")).toEqual(before!);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.double(), { minLength: 1, maxLength: 4 }), async (rewards) => {
        const loss = await router.train(
          "taxes",
          rewards.map((reward, uid) => outcome(uid, reward)),
        );
        expect(loss === null || Number.isFinite(loss)).toBe(true);
        expect((await router.scores("taxes"))!.every(Number.isFinite)).toBe(true);
      }),
    );
  });

  test("goes on after a restart as if there had been none", async () => {
    const router = routerOf(4);
    await teach(router, 10);
    const again = routerOf(0);
    again.load(savedBy(router), keys(4));
    again.align(keys(4));
    expect(again.changes({ all: true })!.tables.gating!.put.size).toBe(0);
    expect(await again.scores("whales")).toEqual((await router.scores("whales"))!);
    await teach(router, 5);
    await teach(again, 5);
    expect(again.changes({ all: true })).toEqual(router.changes({ all: true })!);
  });

  test("starts the row of a new hotkey afresh, and that row only", async () => {
    const router = routerOf(4);
    await teach(router, 40);
    const before = (await router.scores("whales"))!;
    router.align(keys(4).map((key, uid) => (uid === 2 ? holder("new") : key)));
    const after = (await router.scores("whales"))!;
    for (const uid of [0, 1, 3]) expect(after[uid]).toBe(before[uid]!);
    expect(after[2]).not.toBe(before[2]!);
  });

  test("starts rows afresh whose hotkey was replaced while the validator was down", async () => {
    const router = routerOf(4);
    await teach(router, 40);
    const again = routerOf(0);
    again.load(savedBy(router), keys(4));
    again.align([...keys(3), holder("new"), holder("fifth")]);
    const [before, after] = [(await router.scores("whales"))!, (await again.scores("whales"))!];
    expect(after).toHaveLength(5);
    expect([...after.subarray(0, 3)]).toEqual([...before.subarray(0, 3)]);
    expect(after[3]).not.toBe(before[3]!);
  });

  test("has rows ahead when told to, and never fewer than uids", async () => {
    const many = { uids: 4, minRows: 16 };
    const router = routerOf(many.uids, { minRows: many.minRows });
    await teach(router, 4);
    const before = (await router.scores("whales"))!;
    expect(before).toHaveLength(4);
    router.align(keys(16));
    const ahead = (await router.scores("whales"))!;
    router.align(keys(16));
    expect(await router.scores("whales")).toEqual(ahead);
    expect([...ahead.subarray(0, 4)]).toEqual([...before]);
    const small = routerOf(4, { minRows: 2 });
    expect(await small.scores("whales")).toHaveLength(4);
    small.align(keys(7));
    expect(await small.scores("whales")).toHaveLength(7);
  });

  test("lets a row go with its hotkey to another uid, and starts one afresh that registered anew", async () => {
    const router = routerOf(4);
    await teach(router, 40);
    const saved = savedBy(router);
    const [zero, one, two, three] = (await router.scores("whales"))!;
    // The subnet was trimmed: who had uid 3 has uid 1 now. key0 left and came back.
    const trimmed = [holder("key0", 200), holder("key3"), holder("key2")];
    router.align(trimmed);
    const after = (await router.scores("whales"))!;
    expect([...after.subarray(1)]).toEqual([three!, two!]);
    expect(after[0]).not.toBe(zero!);
    // All of it is in the state with the next step: its rows are read as those of the holders there.
    saved.take(router.changes());
    const again = routerOf(0);
    again.load(saved, trimmed);
    expect([...(await again.scores("whales"))!.subarray(1)]).toEqual([three!, two!]);
    router.align([...trimmed, holder("key1")]);
    expect((await router.scores("whales"))![3]).not.toBe(one!);
  });

  test("takes a hotkey of which only one side knows the registration for the same miner", async () => {
    const router = routerOf(4);
    await teach(router, 4);
    const again = routerOf(0);
    again.load(
      savedBy(router),
      keys(4).map(({ hotkey }) => ({ hotkey, registeredAt: undefined })),
    );
    again.align(keys(4));
    expect(await again.scores("whales")).toEqual((await router.scores("whales"))!);
  });

  test("writes a few rows now and then, in turn, and all at a stop", async () => {
    const HIDDEN = 384;
    const UIDS = 256;
    const wide = {
      embed: async (texts: string[]) =>
        texts.map((text) => new Float32Array(HIDDEN).fill(text.length / 10_000)),
    };
    const router = routerOf(UIDS, { embedder: wide });
    const saved = new SavedMemory();
    const random = seededRandom(4);
    const seen = new Set<number>();
    for (let step = 0; step < 400; step++) {
      const asked = Array.from({ length: 50 }, (_, index) => (index * 5 + step) % UIDS);
      await router.train(
        "whales".repeat(step % 7),
        asked.map((uid) => outcome(uid, random())),
      );
      const changes = router.changes()!;
      saved.take(changes);
      // The first time all are written that learnt.
      const rows = changes.tables.gating!.put.size;
      expect(rows).toBe(step === 0 ? 50 : step % 8 === 7 ? 6 : 0);
      for (const uid of changes.tables.gating!.put.keys()) seen.add(uid);
    }
    expect(seen.size).toBe(UIDS);
    saved.take(router.changes({ all: true }));
    const again = routerOf(0, { embedder: wide });
    again.load(saved, keys(UIDS));
    expect(await again.scores("taxes")).toEqual((await router.scores("taxes"))!);
  });

  test("writes a fresh row over that of a hotkey that is gone", async () => {
    const router = routerOf(4);
    await teach(router, 4);
    const saved = savedBy(router);
    const now = [...keys(3), holder("new")];
    router.align(now);
    const { put } = router.changes()!.tables.gating!;
    expect([...put.keys()]).toEqual([3]);
    saved.take({ json: router.changes()!.json, tables: { gating: { put } } });
    const again = routerOf(0);
    again.load(saved, now);
    expect(await again.scores("whales")).toEqual((await router.scores("whales"))!);
  });

  test("leaves a saved layer of another encoder, or a spoilt one, alone", async () => {
    const router = routerOf(4);
    await teach(router, 4);
    const saved = savedBy(router);
    const json = saved.json as Record<string, unknown>;
    const spoilt = [
      { json: { ...json, encoder: "another" }, tables: saved.tables },
      { json: { ...json, hidden: 5 }, tables: saved.tables },
      { json: null, tables: saved.tables },
      { json, tables: { gating: new Map([[0, Float32Array.of(1)]]) } },
    ];
    for (const memory of spoilt) {
      const again = routerOf(4);
      again.load(memory, keys(4));
      expect(again.changes()).toBeUndefined();
      expect(await again.scores("whales")).toHaveLength(4);
      // What the state has is of no use: it goes.
      expect(again.changes()!.tables.gating!.isWhole).toBe(true);
    }
  });

  test("has no scores and learns nothing while its encoder fails, and does not throw", async () => {
    let isBroken = false;
    const fragile = {
      embed: async (texts: string[]) =>
        isBroken ? Promise.reject(new Error("the device is gone")) : embedder.embed(texts),
    };
    const router = routerOf(4, { embedder: fragile });
    await teach(router, 4);
    const before = savedBy(router);
    isBroken = true;
    expect(await router.scores("whales")).toBeUndefined();
    expect(await router.train("whales", [outcome(0, 1), outcome(1, 0)])).toBeNull();
    expect(router.changes({ all: true })).toEqual({
      json: before.json,
      tables: { gating: { put: new Map() } },
    });
    isBroken = false;
    expect(await router.train("whales", [outcome(0, 1), outcome(1, 0)])).toBeGreaterThan(0);
  });

  test("hands out copies, which a later step does not change", async () => {
    const router = routerOf(4);
    await teach(router, 4);
    const changes = router.changes()!;
    const before = structuredClone(changes);
    await teach(router, 4);
    expect(changes).toEqual(before);
  });
});

describe("the encoder's name", () => {
  const code = (modelName: string | undefined, isMock = false): string => {
    try {
      return gatingEncoder({ modelName, isMock });
    } catch (error) {
      if (isFailure(error)) return error.code;
      throw error;
    }
  };
  test("may be left out, or be the embedded model's, or its name on the hub", () => {
    const names = [undefined, "all-minilm-l6-v2-embedded", "sentence-transformers/all-MiniLM-L6-v2"];
    for (const name of names) expect(code(name)).toBe("all-minilm-l6-v2-embedded");
  });
  test("may be the id of a model to pull, or a name that the old program knew it by", () => {
    expect(code("EleutherAI/gpt-neo-125m")).toBe("gpt-neo-125m");
    expect(code("sentence-transformers/all-distilroberta-v1")).toBe("all-distilroberta-v1");
    expect(code("sentence-transformers/all-mpnet-base-v2")).toBe("all-mpnet-base-v2");
    expect(code("Xenova/all-mpnet-base-v2")).toBe("all-mpnet-base-v2");
  });
  test("gives way to nothing but the mock, and goes before the profile's", () => {
    const choose = (modelName?: string) =>
      gatingEncoder({ modelName, profileModel: "gpt-neo-125m", isMock: false });
    expect(choose()).toBe("gpt-neo-125m");
    expect(choose("all-mpnet-base-v2")).toBe("all-mpnet-base-v2");
  });
  test("is refused when there is no such model, unless the mock is asked for", () => {
    expect(code("someone/else")).toBe("gating.unknown-encoder");
    // Known, but it gives no vectors.
    expect(code("toxic-bert")).toBe("gating.unknown-encoder");
    expect(code("someone/else", true)).toBe("all-minilm-l6-v2-embedded");
  });
});
