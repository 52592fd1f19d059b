import { expect, test } from "bun:test";
import { checkVaries } from "../../../src/models/trials/closeness.ts";

const NONE = Number.NEGATIVE_INFINITY;
const SAME = expect.objectContaining({ code: "model.unsupported" });

test("a model that gives one number for all texts is refused, by every kind of score", () => {
  const language = { id: "m", kind: "language" as const, labels: 1 };
  expect(() => checkVaries(language, [[-2], [NONE], [-2]])).toThrow(SAME);
  expect(() => checkVaries(language, [[-2], [NONE], [-3]])).not.toThrow();
  const classifier = { id: "m", kind: "classification" as const, labels: 2 };
  expect(() =>
    checkVaries(classifier, [
      [1, 2],
      [1, 2],
    ]),
  ).toThrow(SAME);
  expect(() =>
    checkVaries(classifier, [
      [1, 2],
      [1, 3],
    ]),
  ).not.toThrow();
  const encoder = { id: "m", kind: "embedding" as const, labels: 1 };
  expect(() => checkVaries(encoder, [[0], [0], [0]])).toThrow(SAME);
});

test("a model into which a single text fits is not called untrained for that", () => {
  expect(() => checkVaries({ id: "m", kind: "language", labels: 1 }, [[NONE], [-2], [NONE]])).not.toThrow();
  expect(() => checkVaries({ id: "m", kind: "classification", labels: 2 }, [[1, 1]])).not.toThrow();
  // Two texts make one cosine.
  expect(() => checkVaries({ id: "m", kind: "embedding", labels: 1 }, [[1], [1]])).not.toThrow();
});
