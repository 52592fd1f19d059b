import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { asUid, type Uid } from "../../src/base/units.ts";
import { seededRandom } from "../../src/localnet/miners/random.ts";
import { type ChooseOptions, canBeAsked, chooseMiners } from "../../src/validator/choose.ts";
import type { Neuron } from "../../src/validator/ports.ts";
import type { Session } from "../../src/validator/session.ts";
import { neuron, SETTINGS } from "../fakes/session.ts";

const SUBNET = 40;
const neurons = Array.from({ length: SUBNET }, (_, uid) => neuron(uid));
/** Higher for a higher uid. */
const scores = Float32Array.from({ length: SUBNET }, (_, uid) => uid);
const uids = (...list: number[]): Set<Uid> => new Set(list.map(asUid));

function choose(more: Partial<ChooseOptions<Neuron>> = {}, seed = 1): number[] {
  return chooseMiners(neurons, {
    isCandidate: ({ uid }) => uid !== 0,
    sampleSize: 10,
    excluded: uids(),
    random: seededRandom(seed),
    scores,
    ...more,
  }).map(({ uid }) => uid);
}
/** How often each uid was chosen in so many draws. */
function counts(draws: number, more: Partial<ChooseOptions<Neuron>>): number[] {
  const found = new Array<number>(SUBNET).fill(0);
  for (let seed = 0; seed < draws; seed++) for (const uid of choose(more, seed)) found[uid]!++;
  return found;
}
const top = (count: number): number[] => Array.from({ length: count }, (_, i) => SUBNET - count + i);

describe("choosing miners", () => {
  test("takes the highest scores only when nothing is explored", () => {
    expect(choose({ explore: 0 }).sort((a, b) => a - b)).toEqual(top(10));
  });

  test("is random over all when everything is explored, whatever the scores", () => {
    const found = counts(400, { explore: 1 });
    expect(found[0]).toBe(0);
    // 400 draws of 10 of 39: 103 times each, 8.7 is one standard deviation.
    for (const count of found.slice(1)) expect(Math.abs(count - 400 * (10 / 39))).toBeLessThan(5 * 8.8);
  });

  test("gives half to the highest scores and half to chance, evenly over the others", () => {
    const found = counts(400, { explore: 0.5 });
    for (const uid of top(5)) expect(found[uid]).toBe(400);
    // 400 draws of 5 of the other 34.
    for (const count of found.slice(1, -5)) expect(Math.abs(count - 400 * (5 / 34))).toBeLessThan(5 * 7.1);
  });

  test("tells those that the scores chose from those that chance did", () => {
    for (const [explore, some] of [
      [0.5, scores],
      [0, scores],
      [1, scores],
      [0.5, undefined],
    ] as const) {
      const routed = uids();
      const chosen = choose({ explore, scores: some, routed });
      const count = some === undefined ? 0 : 10 * (1 - explore);
      expect([...routed].map(Number).sort((a, b) => a - b)).toEqual(count === 0 ? [] : top(count));
      for (const uid of routed) expect(chosen).toContain(uid);
    }
  });

  test("explores by its share on average where it is no whole number of miners", () => {
    const found = counts(1_000, { explore: 0.1, sampleSize: 3 });
    const explored = found.slice(0, -3).reduce((sum, count) => sum + count, 0);
    expect(explored / 3_000).toBeGreaterThan(0.07);
    expect(explored / 3_000).toBeLessThan(0.13);
  });

  test("is random when there are no scores", () => {
    const found = counts(100, { explore: 0, scores: undefined });
    expect(found.filter((count) => count > 0)).toHaveLength(SUBNET - 1);
  });

  test("prefers miners without a score to none at all, but to no others", () => {
    const some = scores.subarray(0, 6);
    const chosen = choose({ explore: 0, scores: some });
    expect(chosen).toHaveLength(10);
    for (const uid of [1, 2, 3, 4, 5]) expect(chosen).toContain(uid);
  });

  test("takes those asked before only to fill up, the best of them first", () => {
    const asked = uids(...Array.from({ length: 34 }, (_, i) => SUBNET - 1 - i));
    const chosen = choose({ explore: 0, excluded: asked });
    expect(chosen.sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, ...top(5)]);
  });

  test("never takes itself, a miner twice, one that does not serve, or a rich permit holder", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({ isServing: fc.boolean(), hasValidatorPermit: fc.boolean(), rich: fc.boolean() }),
          {
            minLength: 1,
            maxLength: 30,
          },
        ),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.integer({ min: 1, max: 40 }),
        fc.array(fc.nat(29)),
        (kinds, explore, sampleSize, excluded) => {
          const subnet = kinds.map(({ rich, ...kind }, uid) =>
            neuron(uid, { ...kind, stakeTao: rich ? 5000 : 1 }),
          );
          const session = {
            settings: { ...SETTINGS, vpermitTaoLimit: 4096 },
            state: { subnet: { ownUid: asUid(0) } } as Session<Neuron>["state"],
          };
          const able = subnet.filter(
            ({ uid, isServing, hasValidatorPermit, stakeTao }) =>
              uid !== 0 && isServing && !(hasValidatorPermit && stakeTao > 4096),
          );
          const chosen = chooseMiners(subnet, {
            isCandidate: (one) => canBeAsked(session, one),
            sampleSize,
            excluded: uids(...excluded),
            random: seededRandom(sampleSize),
            explore,
            scores,
          });
          expect(chosen).toHaveLength(Math.min(sampleSize, able.length));
          expect(new Set(chosen).size).toBe(chosen.length);
          for (const miner of chosen) expect(able).toContain(miner);
          const fresh = able.filter(({ uid }) => !excluded.includes(uid)).length;
          const takenFresh = chosen.filter(({ uid }) => !excluded.includes(uid)).length;
          expect(takenFresh).toBe(Math.min(sampleSize, fresh));
        },
      ),
    );
  });

  test("stands in random order, so that no place tells the best miner", () => {
    const firsts = new Set(Array.from({ length: 100 }, (_, seed) => choose({ explore: 0 }, seed)[0]));
    expect(firsts.size).toBe(10);
  });
});
