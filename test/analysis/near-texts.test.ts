import { expect, test } from "bun:test";
import { groupNear } from "../../src/analysis/insight/near-texts.ts";

test("texts that differ in some words are one group, and others are not", () => {
  const words =
    "It is well known that the answer to this question depends on many things that I cannot say here".split(
      " ",
    );
  const near = words.map((word, at) => (at === 3 ? "sure" : word)).join(" ");
  expect(
    groupNear([words.join(" "), "Something else entirely, with words of its own", near, "no", "No!"]),
  ).toEqual([0, 1, 0, 3, 3]);
});

test("texts without a letter are one group, as nothing tells them apart", () => {
  expect(groupNear(["123", "!!", ""])).toEqual([0, 0, 0]);
});
