import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { isFailure } from "../../src/base/error.ts";
import { asHotkey, asUid, type Hotkey } from "../../src/base/units.ts";
import { gatingEncoder } from "../../src/gating/encoder.ts";
import { GatingRouter, type Outcome } from "../../src/gating/router.ts";
import { seededRandom } from "../../src/localnet/miners/random.ts";

/** Each word has a direction of its own, so that texts about different things are encoded differently. */
const WORDS = ["whales", "taxes", "armies", "courts"];
const embedder = {
  calls: 0,
  async embed(texts: string[]) {
    this.calls++;
    return texts.map((text) => Float32Array.from(WORDS, (word) => (text.includes(word) ? 1 : 0.01)));
  },
};
const keys = (count: number): Hotkey[] => Array.from({ length: count }, (_, uid) => asHotkey(`key${uid}`));
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
    random: seededRandom(3),
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
    const before = router.save();
    const strange = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    expect(
      await router.train(
        "whales",
        strange.map((reward, uid) => outcome(uid, reward)),
      ),
    ).toBeNull();
    expect(await router.train("whales", [outcome(1, 1, "somebody else"), outcome(9, 1)])).toBeNull();
    expect(await router.train("whales", [])).toBeNull();
    expect(router.save()).toEqual(before!);
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
    const again = routerOf(0, { random: seededRandom(99) });
    again.load(structuredClone(router.save()!), keys(4));
    again.align(keys(4));
    expect(await again.scores("whales")).toEqual((await router.scores("whales"))!);
    await teach(router, 5);
    await teach(again, 5);
    expect(again.save()).toEqual(router.save()!);
  });

  test("starts the row of a new hotkey afresh, and that row only", async () => {
    const router = routerOf(4);
    await teach(router, 40);
    const before = (await router.scores("whales"))!;
    router.align(keys(4).map((key, uid) => (uid === 2 ? asHotkey("new") : key)));
    const after = (await router.scores("whales"))!;
    for (const uid of [0, 1, 3]) expect(after[uid]).toBe(before[uid]!);
    expect(after[2]).not.toBe(before[2]!);
    expect(router.save()!.arrays.bias![2]).toBe(0);
  });

  test("starts rows afresh whose hotkey was replaced while the validator was down", async () => {
    const router = routerOf(4);
    await teach(router, 40);
    const again = routerOf(0, { random: seededRandom(99) });
    again.load(router.save()!, keys(4));
    again.align([...keys(3), asHotkey("new"), asHotkey("fifth")]);
    const [before, after] = [(await router.scores("whales"))!, (await again.scores("whales"))!];
    expect(after).toHaveLength(5);
    expect([...after.subarray(0, 3)]).toEqual([...before.subarray(0, 3)]);
    expect(after[3]).not.toBe(before[3]!);
  });

  test("has rows ahead when told to, and never fewer than uids", async () => {
    const rowsOf = async (router: GatingRouter): Promise<number> => {
      await router.scores("whales");
      return router.save()!.arrays.bias!.length;
    };
    expect(await rowsOf(routerOf(4))).toBe(4);
    expect(await rowsOf(routerOf(4, { minRows: 16 }))).toBe(16);
    const small = routerOf(4, { minRows: 2 });
    expect(await rowsOf(small)).toBe(4);
    small.align(keys(7));
    expect(await rowsOf(small)).toBe(7);
    expect(await small.scores("whales")).toHaveLength(7);
  });

  test("leaves a saved layer of another encoder, or a spoilt one, alone", async () => {
    const router = routerOf(4);
    await teach(router, 4);
    const saved = router.save()!;
    const spoilt = [
      { ...saved, json: { encoder: "another", hidden: WORDS.length } },
      { ...saved, json: { encoder: "words", hidden: 5 } },
      { ...saved, json: null },
      { ...saved, arrays: { ...saved.arrays, bias: Float32Array.of(1) } },
      { ...saved, arrays: {} },
    ];
    for (const memory of spoilt) {
      const again = routerOf(4);
      again.load(memory, keys(4));
      expect(again.save()).toBeUndefined();
      expect(await again.scores("whales")).toHaveLength(4);
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
    const before = router.save()!;
    isBroken = true;
    expect(await router.scores("whales")).toBeUndefined();
    expect(await router.train("whales", [outcome(0, 1), outcome(1, 0)])).toBeNull();
    expect(router.save()).toEqual(before);
    isBroken = false;
    expect(await router.train("whales", [outcome(0, 1), outcome(1, 0)])).toBeGreaterThan(0);
  });

  test("hands out copies, which a later step does not change", async () => {
    const router = routerOf(4);
    await teach(router, 4);
    const saved = router.save()!;
    const before = structuredClone(saved);
    await teach(router, 4);
    expect(saved).toEqual(before);
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
