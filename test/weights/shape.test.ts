import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { asUid } from "../../src/base/units.ts";
import { normalizeL1 } from "../../src/weights/scores.ts";
import { PLAIN_POLICY, type PolicyInput, shapeWeights, type WeightPolicy } from "../../src/weights/shape.ts";

const input = (scores: number[], more: Partial<PolicyInput> = {}): PolicyInput => ({
  scores: Float32Array.from(scores),
  hotkeys: scores.map((_, uid) => `hot${uid}`),
  coldkeys: scores.map((_, uid) => `cold${uid % 2}`),
  neverAsked: scores.map(() => false),
  previous: undefined,
  ownerUid: asUid(0),
  ...more,
});
const shape = (given: PolicyInput, policy: Partial<WeightPolicy>) => {
  const { weights, lines } = shapeWeights(given, { ...PLAIN_POLICY, ...policy });
  return { weights: [...weights].map((weight) => Number(weight.toFixed(4))), lines };
};

describe("a policy of weights", () => {
  test("that is off leaves the scores' proportions and says nothing", () => {
    expect(shape(input([0, 1, 3]), {})).toEqual({ weights: [0, 0.25, 0.75], lines: [] });
  });

  test("burns a share to the owner's uid, or to the one that is named", () => {
    expect(shape(input([0, 1, 3]), { burn: { share: 0.6, uid: undefined } })).toEqual({
      weights: [0.6, 0.1, 0.3],
      lines: ["burn: 60 % goes to uid 0 (the subnet's owner)"],
    });
    expect(shape(input([0, 1, 3]), { burn: { share: 0.6, uid: 2 } }).weights).toEqual([0, 0.1, 0.9]);
    const homeless = shape(input([0, 1], { ownerUid: undefined }), { burn: { share: 1, uid: undefined } });
    expect(homeless).toEqual({
      weights: [0, 1],
      lines: ["burn: nothing, for the subnet's owner has no uid"],
    });
  });

  test("burns all of it when nobody earned anything only where that is asked for", () => {
    const burn = { share: 0.5, uid: undefined };
    expect(shape(input([0, 0]), { burn }).weights).toEqual([0, 0]);
    expect(shape(input([0, 0]), { burn, burnsIdle: true }).weights).toEqual([1, 0]);
    expect(shape(input([0, 1]), { burnsIdle: true }).weights).toEqual([0, 1]);
  });

  test("smooths with the weights on chain", () => {
    const previous = Float32Array.of(0, 65_535, 0);
    expect(shape(input([0, 1, 3], { previous }), { smoothing: 0.5 }).weights).toEqual([0, 0.625, 0.375]);
    expect(shape(input([0, 1, 3]), { smoothing: 0.5 })).toEqual({
      weights: [0, 0.25, 0.75],
      lines: ["smoothing: nothing to smooth with, the new weights stand alone"],
    });
  });

  test("burns the share that was asked for in every window, also when it smooths", () => {
    for (const uid of [undefined, 1]) {
      const policy = { ...PLAIN_POLICY, burn: { share: 0.3, uid }, smoothing: 0.5 };
      let previous: Float32Array | undefined;
      for (let window = 0; window < 20; window++)
        previous = shapeWeights(input([0, 0, 1, 3], { previous }), policy).weights;
      expect(previous![uid ?? 0]).toBeCloseTo(0.3, 5);
      expect(previous![3]! / previous![2]!).toBeCloseTo(3, 4);
    }
  });

  test("smooths in nothing of a window in which nobody earned anything and all of it was burnt", () => {
    for (const uid of [undefined, 1]) {
      const policy = { burn: { share: 0.2, uid }, burnsIdle: true, smoothing: 0.5 };
      const idle = shapeWeights(input([0, 0, 0, 0]), { ...PLAIN_POLICY, ...policy }).weights;
      // As the chain has it of a subnet that asks for four weights.
      const row = idle.map((weight) => (weight === 1 ? 65_535 : 1));
      for (const previous of [idle, row]) {
        const { weights, lines } = shape(input([0, 0, 1, 3], { previous }), policy);
        expect(weights).toEqual(uid === 1 ? [0, 0.2, 0.2, 0.6] : [0.2, 0, 0.2, 0.6]);
        expect(lines[0]).toContain("nothing to smooth with");
      }
      // Also after another uid was named, or no rule of burning is left.
      expect(
        shape(input([0, 0, 1, 3], { previous: Float32Array.of(1, 0, 0, 0) }), policy).lines[0],
      ).toContain("nothing to smooth with");
    }
    const previous = Float32Array.of(65_535, 0, 0, 0);
    expect(shape(input([0, 0, 1, 3], { previous }), { smoothing: 0.5 }).weights).toEqual([0, 0, 0.25, 0.75]);
  });

  test("favours the best by steepness, also where scores are tiny", () => {
    expect(shape(input([0, 1, 3]), { steepness: 2 }).weights).toEqual([0, 0.1, 0.9]);
    expect(shape(input([0, 1e-20, 3e-20]), { steepness: 4 }).weights).toEqual([0, 0.0122, 0.9878]);
  });

  test("gives who was never asked a part of the mean, and no one else", () => {
    const neverAsked = [false, false, true, true];
    const given = input([0, 0.4, 0, 0.4], { neverAsked });
    expect(shape(given, { floor: 0.5 })).toEqual({
      weights: [0, 0.4, 0.2, 0.4],
      lines: ["floor: 1 miner that was never asked counts as 50 % of the mean score"],
    });
  });

  test("gives nothing to a denied hotkey or coldkey, not by smoothing and not by a floor either", () => {
    const given = input([1, 1, 1, 1], {
      previous: Float32Array.of(1, 1, 1, 1),
      neverAsked: [true, true, true, true],
    });
    expect(shape(given, { deny: ["hot0", "cold1"], smoothing: 0.5, floor: 1 }).weights).toEqual([0, 0, 1, 0]);
  });

  test("always ends in shares of one, or in nothing (property)", () => {
    const list = fc.array(fc.float({ min: 0, max: 1, noNaN: true }), { minLength: 2, maxLength: 40 });
    fc.assert(
      fc.property(
        list,
        fc.record({
          smoothing: fc.double({ min: 0, max: 0.99, noNaN: true }),
          steepness: fc.double({ min: 0.1, max: 20, noNaN: true }),
          floor: fc.double({ min: 0, max: 1, noNaN: true }),
          share: fc.double({ min: 0, max: 1, noNaN: true }),
          burnsIdle: fc.boolean(),
        }),
        (scores, { share, ...policy }) => {
          const given = input(scores, {
            previous: Float32Array.from(scores.toReversed()),
            neverAsked: scores.map((score) => score < 0.1),
          });
          const burn = { share, uid: undefined };
          const { weights } = shapeWeights(given, { ...PLAIN_POLICY, ...policy, burn, deny: ["hot1"] });
          const sum = weights.reduce((total, weight) => total + weight, 0);
          expect(weights.every((weight) => Number.isFinite(weight) && weight >= 0)).toBe(true);
          expect(sum === 0 || Math.abs(sum - 1) < 1e-4).toBe(true);
          expect(weights[1]).toBe(0);
        },
      ),
    );
    expect(normalizeL1(new Float32Array(2))).toEqual(new Float32Array(2));
  });
});
