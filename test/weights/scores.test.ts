import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { asBlock, asHotkey, asUid } from "../../src/base/units.ts";
import {
  alignScores,
  decayScores,
  type MovingScores,
  normalizeL1,
  type Registration,
  updateScores,
} from "../../src/weights/scores.ts";

const neuron = (hotkey: string, registeredAt?: number): Registration => ({
  hotkey: asHotkey(hotkey),
  registeredAt: registeredAt === undefined ? undefined : asBlock(registeredAt),
});
/** Scores 1, 2, 3, … for uids that were asked 10, 20, 30, … times. */
const moving = (...neurons: Registration[]): MovingScores => ({
  neurons,
  scores: Float32Array.from(neurons, (_, uid) => uid + 1),
  asked: Uint32Array.from(neurons, (_, uid) => 10 * (uid + 1)),
});

describe("moving scores", () => {
  test("move asked uids by alpha, count them, and leave the others alone", () => {
    const next = updateScores(
      { scores: Float32Array.of(0.5, 0.5, 0.5), asked: Uint32Array.of(7, 7, 7) },
      { uids: [asUid(2), asUid(0)], rewards: [1, 0] },
      0.05,
    );
    expect([...next.scores]).toEqual([Math.fround(0.475), 0.5, Math.fround(0.525)]);
    expect([...next.asked]).toEqual([8, 7, 8]);
  });

  test("ignore a uid that the subnet has lost meanwhile", () => {
    const before = { scores: Float32Array.of(1), asked: Uint32Array.of(1) };
    expect(updateScores(before, { uids: [asUid(3)], rewards: [1] }, 0.05)).toEqual(before);
  });

  test("normalise to a sum of one and treat what is not a positive number as zero", () => {
    expect([...normalizeL1(Float32Array.of(1, 3, Number.NaN, -1))]).toEqual([0.25, 0.75, 0, 0]);
    expect([...normalizeL1(Float32Array.of(0, 0))]).toEqual([0, 0]);
  });
});

describe("the decay of who cannot be asked", () => {
  test("leaves the others alone and ignores a uid that is gone", () => {
    const next = decayScores(Float32Array.of(1, 1, 1), [asUid(1), asUid(9)], 0.5, 0.5);
    expect([...next]).toEqual([1, 0.75, 1]);
  });

  test("is that of a miner that is asked with the same chance and never answers", () => {
    const [alpha, share, steps, tries] = [0.05, 0.25, 60, 4000];
    let seed = 7;
    const random = (): number => {
      seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
      return seed / 2 ** 32;
    };
    let mean = 0;
    for (let at = 0; at < tries; at++) {
      let score = 1;
      for (let step = 0; step < steps; step++) if (random() < share) score *= 1 - alpha;
      mean += score / tries;
    }
    let decayed: Float32Array = Float32Array.of(1);
    for (let step = 0; step < steps; step++) decayed = decayScores(decayed, [asUid(0)], alpha, share);
    expect(decayed[0]).toBeCloseTo(mean, 2);
  });

  test("takes nothing when nobody is asked, and alpha of it when everybody is", () => {
    expect([...decayScores(Float32Array.of(1), [asUid(0)], 0.1, 0)]).toEqual([1]);
    expect([...decayScores(Float32Array.of(1), [asUid(0)], 0.1, 3)]).toEqual([Math.fround(0.9)]);
  });
});

describe("scores belong to a registration", () => {
  test("follow the hotkey of a trimmed subnet to its new uid, while a newcomer starts from zero (V3)", () => {
    const before = moving(neuron("a", 1), neuron("b", 2), neuron("c", 3), neuron("d", 4));
    const aligned = alignScores(before, [neuron("a", 1), neuron("d", 4), neuron("new", 9)]);
    expect([...aligned.scores]).toEqual([1, 4, 0]);
    expect([...aligned.asked]).toEqual([10, 40, 0]);
    expect(aligned.moved).toEqual([{ hotkey: asHotkey("d"), from: asUid(3), to: asUid(1) }]);
    expect(aligned.replaced).toEqual([asUid(2)]);
    expect(aligned.added).toEqual([]);
  });

  test("are gone when a hotkey registers anew, at its own uid or at another", () => {
    const before = moving(neuron("a", 1), neuron("b", 2));
    const aligned = alignScores(before, [neuron("b", 5), neuron("x", 6), neuron("a", 7)]);
    expect([...aligned.scores]).toEqual([0, 0, 0]);
    expect(aligned.moved).toEqual([]);
    expect(aligned.replaced).toEqual([asUid(0), asUid(1)]);
    expect(aligned.added).toEqual([asUid(2)]);
    expect(alignScores(before, [neuron("a", 1), neuron("b", 3)]).replaced).toEqual([asUid(1)]);
  });

  test("follow the hotkey alone where the block of registration is unknown, and know it from then on", () => {
    const aligned = alignScores(moving(neuron("a"), neuron("b")), [neuron("b", 8), neuron("a", 9)]);
    expect([...aligned.scores]).toEqual([2, 1]);
    expect(aligned.neurons).toEqual([neuron("b", 8), neuron("a", 9)]);
  });

  test("are given back to a registration that lapsed and is there again, and to no other of its hotkey", () => {
    const lapsed = [
      { neuron: neuron("b", 2), score: 0.5, asked: 7 },
      { neuron: neuron("c"), score: 0.25, asked: 3 },
    ];
    const gone = alignScores(moving(neuron("a", 1), neuron("b", 2)), [neuron("a", 1), neuron("new", 9)]);
    expect(gone.lost).toEqual([asUid(1)]);
    const back = alignScores(gone, [neuron("a", 1), neuron("b", 2)], lapsed);
    expect([...back.scores]).toEqual([1, 0.5]);
    expect([...back.asked]).toEqual([10, 7]);
    expect(back.replaced).toEqual([asUid(1)]);
    expect([...alignScores(gone, [neuron("a", 1), neuron("b", 3)], lapsed).scores]).toEqual([1, 0]);
    // Where the block is unknown nobody can tell whether it is the same.
    expect([...alignScores(gone, [neuron("a", 1), neuron("c")], lapsed).scores]).toEqual([1, 0]);
  });

  const names = fc.uniqueArray(fc.integer({ min: 0, max: 30 }), { maxLength: 20 });
  const registrations = (blocks: fc.Arbitrary<number>): fc.Arbitrary<Registration[]> =>
    names.chain((keys) => fc.tuple(...keys.map((key) => blocks.map((block) => neuron(`key${key}`, block)))));

  test("nobody ever gets another one's, and the sum is that of who stays (property)", () => {
    const blocks = fc.integer({ min: 1, max: 2 });
    fc.assert(
      fc.property(registrations(blocks), registrations(blocks), (before, now) => {
        const previous = moving(...before);
        const aligned = alignScores(previous, now);
        let sum = 0;
        for (const [uid, { hotkey, registeredAt }] of now.entries()) {
          const from = before.findIndex((old) => old.hotkey === hotkey && old.registeredAt === registeredAt);
          expect(aligned.scores[uid]).toBe(from < 0 ? 0 : from + 1);
          expect(aligned.asked[uid]).toBe(from < 0 ? 0 : 10 * (from + 1));
          sum += from + 1;
        }
        expect(aligned.scores.reduce((total, score) => total + score, 0)).toBe(sum);
        // Every uid of now either kept, got along, was taken over or is new.
        const kept = now.filter(
          ({ hotkey, registeredAt }, uid) =>
            before[uid]?.hotkey === hotkey && before[uid]?.registeredAt === registeredAt,
        );
        const { moved, replaced, added } = aligned;
        expect(kept.length + moved.length + replaced.length + added.length).toBe(now.length);
      }),
    );
  });

  test("a permutation of the uids permutes them (property)", () => {
    fc.assert(
      fc.property(
        registrations(fc.constant(1)).chain((before) =>
          fc.tuple(fc.constant(before), fc.shuffledSubarray(before, { minLength: before.length })),
        ),
        ([before, now]) => {
          const aligned = alignScores(moving(...before), now);
          expect([...aligned.scores].sort((a, b) => a - b)).toEqual(before.map((_, uid) => uid + 1));
          expect([...aligned.replaced, ...aligned.added]).toEqual([]);
          expect([...alignScores(aligned, before).scores]).toEqual(before.map((_, uid) => uid + 1));
        },
      ),
    );
  });

  test("follow registrations through any sequence of replacements, moves, trims and growth (property)", () => {
    const blocks = fc.integer({ min: 1, max: 3 });
    fc.assert(
      fc.property(fc.array(registrations(blocks), { minLength: 2, maxLength: 8 }), (subnets) => {
        let held = moving(...subnets[0]!);
        let model = new Map(subnets[0]!.map((one, uid) => [`${one.hotkey}@${one.registeredAt}`, uid + 1]));
        for (const now of subnets.slice(1)) {
          held = alignScores(held, now);
          // Whoever was away once, for however short, begins anew.
          model = new Map(
            now.map(({ hotkey, registeredAt }) => {
              const key = `${hotkey}@${registeredAt}`;
              return [key, model.get(key) ?? 0];
            }),
          );
          expect([...held.scores]).toEqual([...model.values()]);
        }
      }),
    );
  });

  test("a list that names a hotkey twice gives its score once", () => {
    const aligned = alignScores(moving(neuron("a", 1)), [neuron("a", 1), neuron("a", 1)]);
    expect([...aligned.scores]).toEqual([1, 0]);
  });
});
