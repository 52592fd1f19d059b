import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { groupByPrefix } from "../../../src/inference/graph/prefix.ts";

const LIMITS = { step: 1, leastSaved: 2 };
const whole = (lists: readonly number[][]): number[] => lists.map(({ length }) => length - 1);

describe("grouping rows by what they begin with", () => {
  test("takes the prefix that saves most first, whatever the order of the rows", () => {
    const lists = [
      [1, 2, 3, 9],
      [5, 6],
      [1, 2, 3, 8, 8],
      [7, 7, 7, 1],
      [1, 2, 3, 4],
      [7, 7, 7, 2],
    ];
    expect(groupByPrefix(lists, whole(lists), LIMITS)).toEqual([
      { rows: [4, 2, 0], length: 3 },
      { rows: [3, 5], length: 3 },
      { rows: [1], length: 0 },
    ]);
  });

  test("prefers many rows with a short prefix to two with a long one, where that saves more", () => {
    const lists = [1, 2, 3, 4, 4].map((own, at) => [1, 1, 1, 1, own, own, at]);
    const [first] = groupByPrefix(lists, whole(lists), LIMITS);
    expect(first).toEqual({ rows: [0, 1, 2, 3, 4], length: 4 });
  });

  test("leaves rows alone where it saves little", () => {
    const lists = [1, 2].map((own) => [...Array.from({ length: 40 }, () => 1), own]);
    const alone = [{ rows: [0, 1], length: 0 }];
    expect(groupByPrefix(lists, whole(lists), { step: 1, leastSaved: 41 })).toEqual(alone);
    const long = [1, 2].map((own) => [...Array.from({ length: 40 }, () => 1), ...new Array(100).fill(own)]);
    expect(groupByPrefix(long, whole(long), LIMITS)).toEqual(alone);
  });

  test("names every row once, and a prefix is within the limit of each row and a multiple of the step", () => {
    const row = fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(row, fc.nat(12)), { maxLength: 30 }),
        fc.constantFrom(1, 4),
        (rows, step) => {
          const lists = rows.map(([ids]) => ids);
          const limits = rows.map(([ids, limit]) => Math.min(limit, ids.length - 1));
          const groups = groupByPrefix(lists, limits, { step, leastSaved: 2 });
          expect(groups.flatMap((group) => group.rows).toSorted((a, b) => a - b)).toEqual([...lists.keys()]);
          for (const { rows: members, length } of groups) {
            expect(length % step).toBe(0);
            const shared = lists[members[0]!]!.slice(0, length);
            for (const member of members) {
              expect(length).toBeLessThanOrEqual(Math.max(0, limits[member]!));
              expect(lists[member]!.slice(0, length)).toEqual(shared);
            }
          }
        },
      ),
    );
  });
});
