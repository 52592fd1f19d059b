import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { asHotkey, asUid } from "../../src/base/units.ts";
import { alignScores, normalizeL1, updateScores } from "../../src/weights/scores.ts";

const hotkeys = (...names: string[]) => names.map(asHotkey);

describe("moving scores", () => {
  test("move asked uids by alpha and leave the others alone", () => {
    const next = updateScores(
      Float32Array.of(0.5, 0.5, 0.5),
      { uids: [asUid(2), asUid(0)], rewards: [1, 0] },
      0.05,
    );
    expect([...next]).toEqual([Math.fround(0.475), 0.5, Math.fround(0.525)]);
  });

  test("ignore a uid that the subnet has lost meanwhile", () => {
    expect([...updateScores(Float32Array.of(1), { uids: [asUid(3)], rewards: [1] }, 0.05)]).toEqual([1]);
  });

  test("follow the hotkey: replaced uids start from zero, a grown subnet gets zeros, a shrunken one loses the tail", () => {
    const previous = { hotkeys: hotkeys("a", "b", "c"), scores: Float32Array.of(1, 2, 3) };
    const grown = alignScores(previous, hotkeys("a", "x", "c", "d"));
    expect([...grown.scores]).toEqual([1, 0, 3, 0]);
    expect(grown.replaced).toEqual([asUid(1)]);
    expect([...alignScores(previous, hotkeys("a")).scores]).toEqual([1]);
  });

  test("aligning never gives a hotkey another one's score (property)", () => {
    const keys = fc.array(fc.constantFrom("a", "b", "c", "d", "e"), { maxLength: 8 });
    fc.assert(
      fc.property(keys, keys, (before, after) => {
        const scores = Float32Array.from(before, (_, uid) => uid + 1);
        const aligned = alignScores({ hotkeys: before.map(asHotkey), scores }, after.map(asHotkey));
        return after.every((key, uid) => aligned.scores[uid] === (before[uid] === key ? uid + 1 : 0));
      }),
    );
  });

  test("normalise to a sum of one and treat what is not a positive number as zero", () => {
    expect([...normalizeL1(Float32Array.of(1, 3, Number.NaN, -1))]).toEqual([0.25, 0.75, 0, 0]);
    expect([...normalizeL1(Float32Array.of(0, 0))]).toEqual([0, 0]);
  });
});
