import { describe, expect, test } from "bun:test";
import { jsonText, printable, printableLines, wordLines } from "../../src/base/text.ts";

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

test("lines for a terminal keep their ends, tabs and bold letters, and nothing else that it obeys", () => {
  expect(printableLines("\u001b[1mhead\u001b[0m\n\tcell\r\n")).toBe("\u001b[1mhead\u001b[0m\n\tcell\r\n");
  expect(printableLines("a\u001b]0;x\u0007\u009b2J\rb\u202e")).toBe(
    "a\\u{1b}]0;x\\u{7}\\u{9b}2J\\u{d}b\\u{202e}",
  );
  const clear = "\u001b[H\u001b[2J";
  expect(printableLines(`${clear}a${clear}`)).toBe(`${clear}a\\u{1b}[H\\u{1b}[2J`);
});

describe("lines that end at spaces", () => {
  const COMMAND = "`openvalidator models pull lite`";

  test("hold the text as it is where it fits, or where there is no terminal", () => {
    const text = "no file  /data/my  models, or  two";
    for (const width of [Number.POSITIVE_INFINITY, 34]) expect(wordLines(text, width)).toEqual([text]);
    expect(wordLines(text, 33)).toEqual(["no file  /data/my  models, or", "two"]);
    expect(wordLines("", 10)).toEqual([""]);
  });

  test.each([
    [`run ${COMMAND} now`, ["run", COMMAND, "now"]],
    [`run (${COMMAND}), or`, ["run", `(${COMMAND}),`, "or"]],
    [`a "${COMMAND}"/\`b c\`.`, ["a", `"${COMMAND}"/\`b c\`.`]],
    ["a lonely ` in a text", ["a lonely `", "in a text"]],
  ])("keep a command in backticks whole: %p", (text, lines) => {
    expect(wordLines(text, 12)).toEqual(lines);
  });
});

test("JSON for a terminal is the same value", () => {
  const value = { "\u009b": ["\u202e", "\u{e0001}", "\u007f", "ä", "\n"] };
  const text = jsonText(value);
  expect(text).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  expect(JSON.parse(text)).toEqual(value);
});
