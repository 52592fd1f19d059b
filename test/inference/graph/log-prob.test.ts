import { describe, expect, test } from "bun:test";
import { type Logits, meanLogProb } from "../../../src/inference/graph/language.ts";
import { seededRandom } from "../../../src/localnet/miners/random.ts";

const PENALTY = 1.2;

/** As a graph gives them: the logits of each place, and their sum in single precision, which may be off by its last bits. */
function given(rows: readonly (readonly number[])[], off = 0): Logits {
  return {
    logSum: (at) => {
      const exact = Math.log(rows[at]!.reduce((sum, logit) => sum + Math.exp(logit), 0));
      return Math.fround(exact) + off;
    },
    logit: (at, token) => rows[at]![token]!,
  };
}

/** The formula of the original, over the whole vocabulary. */
function direct(rows: readonly (readonly number[])[], ids: readonly number[], promptLength: number): number {
  const counts = new Map<number, number>();
  let sum = 0;
  for (let at = promptLength - 1; at < ids.length - 1; at++) {
    const logits = [...rows[at]!];
    if (at > promptLength) {
      const last = ids[at - 1]!;
      counts.set(last, (counts.get(last) ?? 0) + 1);
    }
    for (const [token, count] of counts)
      logits[token] =
        logits[token]! < 0 ? logits[token]! * PENALTY ** count : logits[token]! / PENALTY ** count;
    const total = Math.log(logits.reduce((all, logit) => all + Math.exp(logit), 0));
    sum += logits[ids[at + 1]!]! - total;
  }
  return sum / (ids.length - promptLength);
}

const scored = (ids: number[], promptLength: number) => ({ ids, promptLength, unread: promptLength - 1 });

describe("mean log-probability with a penalty of repetition", () => {
  test("is that of the whole vocabulary", () => {
    const random = seededRandom(3);
    const ids = Array.from({ length: 30 }, () => Math.floor(8 * random()));
    const rows = ids.map(() => Array.from({ length: 8 }, () => 12 * random() - 4));
    expect(meanLogProb(scored(ids, 5), PENALTY, given(rows))).toBeCloseTo(direct(rows, ids, 5), 5);
  });

  test.each([0, 2e-6, -2e-6])(
    "is a number where the model is sure of a token that was seen, logits off by %p",
    (off) => {
      // A text of six tokens, given twice: its words are sure, and were there before.
      const ids = [6, ...Array.from({ length: 12 }, (_, at) => at % 6)];
      const rows = ids.map((_, at) => Array.from({ length: 40 }, (_, token) => (token === at % 6 ? 30 : -3)));
      const mean = meanLogProb(scored(ids, 1), PENALTY, given(rows, off));
      expect(mean).toBeLessThanOrEqual(1e-5);
      expect(mean).toBeCloseTo(direct(rows, ids, 1), 2);
    },
  );

  test("is low, and a number, for another word where the model is sure of a seen one", () => {
    const ids = [2, 0, 1, 0, 1, 3];
    const rows = ids.map((_, at) => Array.from({ length: 4 }, (_, token) => (token === at % 2 ? 60 : -60)));
    const mean = meanLogProb(scored(ids, 1), PENALTY, given(rows, -2e-6));
    expect(Number.isFinite(mean)).toBe(true);
    expect(mean).toBeLessThan(-10);
  });
});
