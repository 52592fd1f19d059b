import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { asHotkey } from "../../src/base/units.ts";
import { DEFAULT_BUDGET, RequestBudget } from "../../src/miners/budget.ts";

const A = asHotkey("a");
const B = asHotkey("b");

describe("the budget of requests to a miner", () => {
  test("lets 50 through at once, then one every six seconds, for each miner apart", () => {
    const budget = new RequestBudget();
    for (let sent = 0; sent < 50; sent++) {
      expect(budget.allows(A, 0)).toBe(true);
      budget.spend(A, 0);
    }
    expect(budget.allows(A, 0)).toBe(false);
    expect(budget.waitMs(A, 0)).toBe(6_000);
    expect(budget.allows(B, 0)).toBe(true);
    expect(budget.allows(A, 5_999)).toBe(false);
    expect(budget.allows(A, 6_000)).toBe(true);
    budget.spend(A, 6_000);
    expect(budget.allows(A, 6_000)).toBe(false);
  });

  test("what was sent all the same is owed", () => {
    const budget = new RequestBudget({ requests: 1, windowMs: 1_000 });
    budget.spend(A, 0);
    budget.spend(A, 0);
    expect(budget.allows(A, 1_000)).toBe(false);
    expect(budget.allows(A, 2_000)).toBe(true);
  });

  test("lets at most the budget through at once and the budget again in each window", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 5_000 }), { maxLength: 400 }), (pauses) => {
        const budget = new RequestBudget();
        const sent: number[] = [];
        let now = 0;
        for (const pause of pauses) {
          now += pause;
          if (!budget.allows(A, now)) continue;
          budget.spend(A, now);
          sent.push(now);
        }
        const { requests, windowMs } = DEFAULT_BUDGET;
        expect(sent.length).toBeLessThanOrEqual(requests * (1 + now / windowMs));
      }),
    );
  });

  test("a clock that stands or goes back gives nothing", () => {
    const budget = new RequestBudget({ requests: 1, windowMs: 1_000 });
    budget.spend(A, 1_000);
    expect(budget.allows(A, 0)).toBe(false);
  });

  test("of 0 is no limit and keeps nothing", () => {
    const budget = new RequestBudget({ requests: 0, windowMs: 1_000 });
    for (let sent = 0; sent < 1_000; sent++) budget.spend(A, 0);
    expect([budget.allows(A, 0), budget.waitMs(A, 0), budget.size]).toEqual([true, 0, 0]);
  });

  test("forgets miners whose budget is full again", () => {
    const budget = new RequestBudget({ requests: 2, windowMs: 1_000 });
    budget.spend(A, 0);
    budget.spend(B, 0);
    expect(budget.size).toBe(2);
    expect([budget.allows(A, 600), budget.allows(B, 600)]).toEqual([true, true]);
    expect(budget.size).toBe(0);
  });

  test("forgets miners that have left the subnet, whom nobody asks for", () => {
    const budget = new RequestBudget({ requests: 2, windowMs: 1_000 });
    for (let miner = 0; miner < 1_000; miner++) budget.spend(asHotkey(`miner ${miner}`), miner * 100);
    expect(budget.size).toBeLessThan(10);
  });
});
