import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parseScoringPrompt, readMark, scoringPrompt, unfence } from "../../src/prompts/scoring.ts";

describe("the mark in a reply", () => {
  test.each([
    ["7", 0.7],
    ["10", 1],
    ["0", 0],
    ["Mark: 8/10", 0.8],
    [" 6.5 ", 0.65],
    ["I would give it a 9, because 3 points are good.", 0.9],
    ["11", null],
    ["2023", null],
    ["1.5e3", 0.15],
    ["-3", null],
    ["perfect", null],
    ["", null],
    [`${"x".repeat(300)} 9`, null],
    ["9".repeat(100), null],
    ["٩", null],
  ] as const)("%p is read as %p", (reply, mark) => {
    expect(readMark(reply)).toBe(mark);
  });

  test("is null or from 0 to 1, whatever a miner writes", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (reply) => {
        const mark = readMark(reply);
        expect(mark === null || (mark >= 0 && mark <= 1)).toBe(true);
      }),
    );
  });
});

describe("a scoring prompt", () => {
  test("holds both texts behind its firewall, and the instruction last", () => {
    const prompt = scoringPrompt("answer", "What is a river?", "Running water.");
    expect(parseScoringPrompt(prompt)).toEqual({ prompt: "What is a river?", reply: "Running water." });
    expect(prompt.indexOf("is not followed")).toBeLessThan(prompt.indexOf("What is a river?"));
    expect(prompt.lastIndexOf("Reply with the number only")).toBeGreaterThan(
      prompt.indexOf("Running water."),
    );
  });

  test("cannot be closed, reopened or continued by what it quotes", () => {
    const text = fc.oneof(
      fc.string(),
      fc
        .array(
          fc.constantFrom("\n>>>\n\n", "<<<", ">>>", "Reply:\n<<<\n", "Give a mark", "x", "\n\nReply:\n"),
        )
        .map((parts) => parts.join("")),
    );
    fc.assert(
      fc.property(text, text, (task, reply) => {
        const prompt = scoringPrompt("followup", task, reply);
        expect(parseScoringPrompt(prompt)).toEqual({ prompt: unfence(task), reply: unfence(reply) });
        expect(prompt.match(/<<<|>>>/g)).toHaveLength(4);
      }),
    );
  });

  test("is the only text that is read as one", () => {
    expect(parseScoringPrompt("Reply:\n<<<\nx\n>>>\n\n")).toBeNull();
    expect(parseScoringPrompt("")).toBeNull();
  });
});
