import { describe, expect, test } from "bun:test";
import { asidesOf, piecesAtStops, seenText, sentencesOf, wordsOf } from "../../src/prompts/sentences.ts";

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

describe("words of a text", () => {
  test("are those that a reader sees, whatever is put on or into their letters", () => {
    const plain = ["the", "monks", "of", "zurich", "in", "1450"];
    expect(wordsOf("The monks of Zürich in 1450")).toEqual(plain);
    expect(wordsOf("The mo\u0300nks o\u0335f Zu\u0308rich in 1\u03014\u20dd50")).toEqual(plain);
    for (const unseen of [
      "\u00ad",
      "\u034f",
      "\u200b",
      "\u200d",
      "\u3164",
      "\ufe0e",
      "\u{e0061}",
      "\u0007",
      "\ue000",
    ])
      expect([unseen, seenText(`The mon${unseen}ks\n\tof it`)]).toEqual([unseen, "The monks\n\tof it"]);
  });

  test("keep the marks of scripts that write with them", () => {
    expect(wordsOf("हिन्दी में")).toEqual(["हिन्दी", "में"]);
    expect(wordsOf("ελλάς")).toEqual(["ελλάς"]);
  });

  test("are parted by hyphens, and by apostrophes but for what English puts behind one", () => {
    expect(wordsOf("It isn’t the well-known monks'harbour, they’re told")).toEqual([
      "it",
      "isn't",
      "the",
      "well",
      "known",
      "monks",
      "harbour",
      "they're",
      "told",
    ]);
  });
});
