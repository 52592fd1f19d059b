import { expect, test } from "bun:test";
import { jsonLine } from "../../src/events/line.ts";

test("half of a character becomes U+FFFD, for readers that refuse it with the whole line", () => {
  const text = jsonLine({ completions: ["a\ud800b", "\udc00", "whole 🙂"] });
  expect(text).not.toContain("\\ud");
  expect(JSON.parse(text)).toEqual({ completions: ["a\ufffdb", "\ufffd", "whole 🙂"] });
});

test("a text about such an escape stays what it was", () => {
  const value = { completions: ["\\ud800 is half of a character\u2028"] };
  expect(JSON.parse(jsonLine(value))).toEqual(value);
});
