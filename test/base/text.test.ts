import { describe, expect, test } from "bun:test";
import { printable } from "../../src/base/text.ts";

describe("a stranger's text on one line", () => {
  test.each([
    ["plain text, é and 你好", "plain text, é and 你好"],
    ["two\nlines\r\n", "two\\u{a}lines\\u{d}\\u{a}"],
    ["\u001b[31mred", "\\u{1b}[31mred"],
    ["right\u202eleft", "right\\u{202e}left"],
    ["half \ud800 pair", "half \ufffd pair"],
    ["line\u2028separator", "line\\u{2028}separator"],
  ])("%j is shown as %j", (text, shown) => {
    expect(printable(text)).toBe(shown);
  });

  test("is cut to the wanted length, and says so", () => {
    expect(printable("x".repeat(1_000_000), 10)).toBe(`${"x".repeat(10)}…`);
    expect(printable("x".repeat(10), 10)).toBe("x".repeat(10));
  });
});
