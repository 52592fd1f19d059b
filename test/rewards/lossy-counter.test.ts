import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { LossyCounter, type LossyCounterState } from "../../src/rewards/masks/lossy-counter.ts";

const ROOMY = 4096;

/** Transactions over a few items, some of which come far more often than others. */
const transactions = fc.array(
  fc.array(fc.oneof(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 400 })), { maxLength: 12 }),
  { maxLength: 400 },
);

/** Counts without any loss, halved as the counter halves. */
function exactCounts(list: number[][], halfLife: number): { counts: Map<number, number>; total: number } {
  const counts = new Map<number, number>();
  let total = 0;
  for (const [index, items] of list.entries()) {
    for (const item of new Set(items)) counts.set(item, (counts.get(item) ?? 0) + 1);
    total++;
    if ((index + 1) % halfLife !== 0) continue;
    total /= 2;
    for (const [item, count] of counts) counts.set(item, count / 2);
  }
  return { counts, total };
}

describe("lossy counting", () => {
  test("never counts too high, and too low by at most error · transactions", () => {
    let isLossy = false;
    fc.assert(
      fc.property(
        transactions,
        fc.constantFrom(0.02, 0.05, 0.1),
        fc.constantFrom(60, 150, 1000),
        (list, error, halfLife) => {
          const counter = new LossyCounter({ error, halfLife, capacity: ROOMY });
          for (const items of list) counter.add(items, 1);
          const { counts, total } = exactCounts(list, halfLife);
          expect(counter.transactions).toBeCloseTo(total, 9);
          expect(counter.undercount).toBeLessThanOrEqual(error * total + 1e-9);
          for (const [item, truth] of counts) {
            const count = counter.count(item);
            expect(count).toBeLessThanOrEqual(truth + 1e-4);
            expect(count).toBeGreaterThanOrEqual(truth - error * total - 1e-4);
          }
          isLossy ||= counter.size < counts.size;
        },
      ),
      { numRuns: 200 },
    );
    // Else the bounds would hold for a counter that never forgets.
    expect(isLossy).toBe(true);
  });

  test("stays within its capacity, and its undercount says what that cost", () => {
    fc.assert(
      fc.property(transactions, fc.integer({ min: 8, max: 60 }), (list, capacity) => {
        const counter = new LossyCounter({ error: 0.01, halfLife: 1000, capacity });
        for (const items of list) {
          counter.add(items, 1);
          expect(counter.size).toBeLessThanOrEqual(capacity);
        }
        for (const [item, truth] of exactCounts(list, 1000).counts) {
          const count = counter.count(item);
          expect(count).toBeLessThanOrEqual(truth);
          expect(count).toBeGreaterThanOrEqual(truth - counter.undercount);
        }
      }),
      { numRuns: 200 },
    );
  });

  test("keeps what is frequent among very many others", () => {
    const counter = new LossyCounter({ error: 0.01, halfLife: 100_000, capacity: 3000 });
    let next = 1000;
    for (let n = 0; n < 5000; n++) {
      const others = Array.from({ length: 100 }, () => next++);
      counter.add(n % 10 === 0 ? [7, ...others] : others, n);
    }
    expect(counter.size).toBeLessThanOrEqual(3000);
    expect(counter.count(7)).toBeWithin(400, 501);
  });

  test("counts an item once per transaction and its groups until they end", () => {
    const counter = new LossyCounter({ error: 0.01, halfLife: 100, capacity: 100 });
    counter.add([5, 5, 5, 9], 1);
    counter.add([5], 1);
    counter.add([5], 2);
    expect([5, 9, 6].map((item) => [counter.count(item), counter.groups(item)])).toEqual([
      [3, 2],
      [1, 1],
      [0, 0],
    ]);
  });

  test("forgets a fashion of the past", () => {
    const counter = new LossyCounter({ error: 0.01, halfLife: 200, capacity: 1000 });
    for (let n = 0; n < 200; n++) counter.add([5], n);
    const shares: number[] = [];
    for (let n = 0; n < 2000; n++) {
      counter.add([6], n);
      if (n % 200 === 199) shares.push(counter.count(5) / counter.transactions);
    }
    expect(shares[0]).toBeCloseTo(1 / 3, 9);
    expect(shares[1]).toBeCloseTo(1 / 7, 9);
    expect(shares.at(-1)).toBe(0);
    expect([counter.count(5), counter.groups(5)]).toEqual([0, 0]);
  });

  test("goes on as before after save and load", () => {
    fc.assert(
      fc.property(transactions, transactions, (before, after) => {
        const options = { error: 0.02, halfLife: 130, capacity: 300 };
        const straight = new LossyCounter(options);
        for (const [group, items] of before.entries()) straight.add(items, group);
        const restored = new LossyCounter(options);
        expect(restored.load(structuredClone(straight.save(300)))).toBe(true);
        for (const [group, items] of after.entries()) {
          straight.add(items, group);
          restored.add(items, group);
        }
        expect(restored.transactions).toBe(straight.transactions);
        expect(restored.undercount).toBe(straight.undercount);
        for (let item = 1; item <= 400; item++) {
          expect(restored.count(item)).toBe(straight.count(item));
          expect(restored.groups(item)).toBe(straight.groups(item));
        }
      }),
      { numRuns: 100 },
    );
  });

  test("saves what was seen most when there is too much, and owns up to the rest", () => {
    const counter = new LossyCounter({ error: 0.001, halfLife: 10_000, capacity: 1000 });
    for (let n = 1; n <= 100; n++)
      counter.add(
        Array.from({ length: n }, (_, index) => 101 - n + index),
        n,
      );
    // Item 100 was seen 100 times, item 1 once.
    const saved = counter.save(10);
    const small = new LossyCounter({ error: 0.001, halfLife: 10_000, capacity: 1000 });
    expect(small.load(saved)).toBe(true);
    expect(small.size).toBe(10);
    expect(small.undercount).toBe(90);
    expect(small.count(91)).toBe(91);
    expect(small.count(90)).toBe(0);
    expect(counter.count(90)).toBe(90);
  });

  test("refuses damaged rows and stays as it was", () => {
    const counter = new LossyCounter({ error: 0.01, halfLife: 100, capacity: 3 });
    counter.add([2 ** 48 - 1, 2 ** 24], 3);
    const good = counter.save(3);
    const damaged: Float32Array[] = [
      good.rows.slice(0, -1),
      good.rows.with(1, Number.NaN),
      good.rows.with(2, -1),
      good.rows.with(0, 2 ** 24),
      good.rows.with(1, 0.5),
      new Float32Array([...good.rows, ...good.rows.slice(0, 6)]),
      new Float32Array(6),
      new Float32Array(Array.from({ length: 24 }, (_, index) => index + 1)),
    ];
    for (const rows of damaged) {
      expect(counter.load({ ...good, rows } as LossyCounterState)).toBe(false);
      expect(counter.save(3)).toEqual(good);
    }
    expect(counter.load(good)).toBe(true);
    expect(counter.count(2 ** 48 - 1)).toBe(1);
    expect(counter.groups(2 ** 48 - 1)).toBe(1);
  });
});
