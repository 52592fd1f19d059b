import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  type EpochState,
  legacyNextEpochBlock,
  legacyRevealBlock,
  nextEpochBlock,
  revealBlock,
  revealBlockOfIncluded,
  roundAfterBlock,
} from "../../src/chain/schedule.ts";
import { QUICKNET } from "../../src/chain/timelock.ts";

const quiet: EpochState = {
  head: 10,
  lastEpochBlock: 10,
  pendingEpochAt: 0,
  subnetEpochIndex: 7,
  blocksSinceLastStep: 0,
  tempo: 50,
};

describe("the block of a reveal", () => {
  test("is the next epoch of a subnet that keeps its tempo", () => {
    expect(revealBlock(quiet, 1)).toBe(60);
    expect(revealBlock(quiet, 3)).toBe(160);
    expect(revealBlockOfIncluded(quiet, 1)).toBe(60);
  });

  test("is the pending epoch when the owner has asked for one", () => {
    const pending = { ...quiet, head: 91, lastEpochBlock: 80, pendingEpochAt: 95, tempo: 20 };
    expect(revealBlock(pending, 1)).toBe(95);
    expect(revealBlock(pending, 2)).toBe(115);
  });

  test("counts the epoch that runs in the very block of the commit", () => {
    // The commit goes into block 60, where an epoch runs, so it belongs to the epoch that starts there.
    expect(revealBlock({ ...quiet, head: 59 }, 1)).toBe(110);
    // Seen from block 60 itself, where it is included, the answer is the same.
    const included = { ...quiet, head: 60, lastEpochBlock: 60, subnetEpochIndex: 8 };
    expect(revealBlockOfIncluded(included, 1)).toBe(110);
  });

  test("comes at once when an epoch is long overdue", () => {
    // The commit's block 501 runs the overdue epoch; the next one is forced 50 402 blocks later, before the tempo.
    expect(revealBlock({ ...quiet, head: 500, blocksSinceLastStep: 50_401, tempo: 60_000 }, 1)).toBe(50_903);
    expect(
      revealBlockOfIncluded({ ...quiet, head: 500, blocksSinceLastStep: 50_401, tempo: 60_000 }, 1),
    ).toBe(501);
  });

  test("does not exist on a subnet without a tempo", () => {
    for (const find of [() => revealBlock({ ...quiet, tempo: 0 }, 1), () => legacyRevealBlock(10, 1, 0, 1)])
      expect(find).toThrow("runs no epochs");
  });

  test("is the same before and after the commit is included, whatever the schedule", () => {
    const state = fc.record({
      lastEpochBlock: fc.integer({ min: 0, max: 1000 }),
      since: fc.integer({ min: 0, max: 400 }),
      tempo: fc.integer({ min: 1, max: 400 }),
      pendingIn: fc.integer({ min: 0, max: 50 }),
      period: fc.integer({ min: 1, max: 3 }),
    });
    fc.assert(
      fc.property(state, ({ lastEpochBlock, since, tempo, pendingIn, period }) => {
        const head = lastEpochBlock + since;
        const pendingEpochAt = pendingIn === 0 ? 0 : head + pendingIn;
        const before = { ...quiet, head, lastEpochBlock, tempo, pendingEpochAt, blocksSinceLastStep: since };
        const runsNow = revealBlockOfIncluded(before, 1) === head + 1;
        const after: EpochState = runsNow
          ? {
              ...before,
              head: head + 1,
              lastEpochBlock: head + 1,
              pendingEpochAt: 0,
              subnetEpochIndex: 8,
              blocksSinceLastStep: 0,
            }
          : { ...before, head: head + 1, blocksSinceLastStep: since + 1 };
        expect(revealBlockOfIncluded(after, period)).toBe(revealBlock(before, period));
        expect(revealBlock(before, period)).toBeGreaterThan(head);
      }),
    );
  });
});

describe("the schedule before spec 420", () => {
  test("is a grid by netuid", () => {
    expect(legacyRevealBlock(10, 1, 99, 1)).toBe(98);
    expect(legacyRevealBlock(98, 1, 99, 1)).toBe(198);
    expect(legacyRevealBlock(98, 1, 99, 2)).toBe(298);
  });
});

describe("the round of a reveal", () => {
  test("comes out three blocks after it", () => {
    const now = { head: 100, nowSeconds: QUICKNET.genesisSeconds + 3000, blockTimeSeconds: 12 };
    expect(roundAfterBlock(110, now, QUICKNET)).toBe(1000 + ((10 + 3) * 12) / 3);
  });

  test("is never before the first", () => {
    const now = { head: 100, nowSeconds: 0, blockTimeSeconds: 12 };
    expect(roundAfterBlock(110, now, QUICKNET)).toBe(1);
  });
});

describe("the next epoch", () => {
  test("is the block in which a commit of period 1 is revealed, whatever the schedule (property)", () => {
    const count = fc.integer({ min: 0, max: 400 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), count, count, count, (tempo, since, pending, steps) => {
        const head = 1000;
        const state = {
          head,
          tempo,
          lastEpochBlock: head - since,
          pendingEpochAt: pending === 0 ? 0 : head - 200 + pending,
          subnetEpochIndex: 5,
          blocksSinceLastStep: steps,
        };
        expect(nextEpochBlock(state)).toBe(revealBlockOfIncluded(state, 1));
      }),
    );
    const idle = { head: 1, tempo: 0, lastEpochBlock: 0, pendingEpochAt: 0, subnetEpochIndex: 0 };
    expect(nextEpochBlock({ ...idle, blocksSinceLastStep: 0 })).toBeUndefined();
  });

  test("lies on the grid of an older chain", () => {
    for (let head = 0; head < 60; head++) {
      const next = legacyNextEpochBlock(head, 3, 10)!;
      expect((next + 3 + 1) % 11).toBe(10);
      expect(next).toBeGreaterThan(head);
      expect(next).toBeLessThanOrEqual(head + 11);
    }
  });
});
