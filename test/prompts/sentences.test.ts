import { describe, expect, test } from "bun:test";
import { asidesOf, piecesAtStops, sentencesOf, wordsOf } from "../../src/prompts/sentences.ts";

describe("sentences of a text", () => {
  test("end at a stop, but not at initials or titles", () => {
    const text = "Mr. Silas H. Strawn left for St. Paul. He told Dr. Ames. Nobody but I. They stayed.";
    expect(sentencesOf(text)).toEqual([
      "Mr. Silas H. Strawn left for St. Paul.",
      "He told Dr. Ames.",
      "Nobody but I.",
      "They stayed.",
    ]);
    expect(sentencesOf("It was signed by Silas H.")).toEqual(["It was signed by Silas H."]);
    expect(piecesAtStops("Mr. Strawn left. He ran.")).toEqual(["Mr.", "Strawn left.", "He ran."]);
  });

  test("have asides in brackets, word by word", () => {
    const text = "The tool (see file(s) [4]) runs (at 5).";
    expect(wordsOf(text).filter((_, at) => asidesOf(text)[at])).toEqual(["s", "4", "at", "5"]);
    expect(asidesOf("A [b c] d").join()).toBe("false,true,true,false");
    expect(asidesOf("No brackets (here").join()).toBe("false,false,false");
  });
});
