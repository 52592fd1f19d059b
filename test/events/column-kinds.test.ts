import { expect, test } from "bun:test";
import { shortColumns } from "../../src/events/column-kinds.ts";

test("two columns that would be called alike keep what they are for", () => {
  const names = [
    "relevance_reward_model",
    "relevance_filter",
    "nsfw_filter",
    "keyword_match_penalty_applied",
  ];
  expect(names.map(shortColumns(names))).toEqual([
    "relevance model",
    "relevance filter",
    "nsfw",
    "keyword match penalty",
  ]);
});
