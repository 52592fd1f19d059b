import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { usablePassage } from "../../src/prompts/passage.ts";
import { prose } from "./prose.ts";

describe("a text of a dataset", () => {
  test("that is prose is kept, tidied", () => {
    expect(usablePassage(prose("a"))).toBe(prose("a"));
    expect(usablePassage(`\uFEFF  ${prose("a")}\r\n\r\n\r\n\r\n${prose("b")}\t\u0000 end.\u001b[31m`)).toBe(
      `${prose("a")}\n\n${prose("b")} end.[31m`,
    );
  });

  test("is passed over when it is empty, short, no string, markup, figures or without full stops", () => {
    const html = `<div class="a"><p>${prose("a").replaceAll(" ", "</p> <p>")}</p></div>`;
    const figures = "1.2 3.4 5.6 7.8 9.0 1,234,567 89.10. ".repeat(20);
    const chinese = "河流与人们的生活息息相关。".repeat(60);
    for (const raw of [
      undefined,
      null,
      7,
      {},
      "",
      " \n",
      "Short. Text. Of. Words.",
      "word ".repeat(500),
      html,
      figures,
      chinese,
      "\u0000".repeat(1000),
    ])
      expect(usablePassage(raw)).toBeUndefined();
  });

  test("of 50 MB on one line is cut to 20 000 characters", () => {
    const huge = `${prose("a", 10)} `.repeat(Math.ceil(50e6 / 600));
    expect(usablePassage(huge)!.length).toBeWithin(19_900, 20_001);
    expect(usablePassage("x".repeat(50e6))).toBeUndefined();
  });

  test("never comes out with control characters, unpaired surrogates or more than 20 000 characters", () => {
    const unit = fc.oneof(
      fc.string({ unit: "binary", maxLength: 40 }),
      fc.constantFrom("\ud800", "\u0007", "<a>", ". ", prose("a")),
    );
    fc.assert(
      fc.property(fc.array(unit, { maxLength: 200 }), (parts) => {
        const text = usablePassage(parts.join(""));
        if (text === undefined) return;
        expect(text.isWellFormed()).toBe(true);
        expect(text).not.toMatch(/[^\P{Cc}\n\t]/u);
        expect(text.length).toBeWithin(200, 20_001);
      }),
    );
  });
});
