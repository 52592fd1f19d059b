import { expect, test } from "bun:test";
import { Told } from "../../src/base/told.ts";

test("a text is told once while its numbers count down, and again when it comes back", () => {
  const told = new Told();
  expect(
    ["wait 12 blocks", "wait 9 blocks", "no permit", "wait 9 blocks"].map((text) => told.isNews(text)),
  ).toEqual([true, false, true, true]);
  told.over();
  expect(told.isNews("wait 8 blocks")).toBe(true);
});
