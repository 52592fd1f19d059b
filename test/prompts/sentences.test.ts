import { describe, expect, test } from "bun:test";
import { seededRandom } from "../../src/localnet/miners/random.ts";
import { asidesOf, piecesAtStops, seenText, sentencesOf, wordsOf } from "../../src/prompts/sentences.ts";
import { openingsOf } from "../../src/rewards/masks/borrowed-runs.ts";

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
    // Bold, wide, in circles, and a ligature: what an encoder takes for words that it does not know.
    expect(seenText("𝐓𝐡𝐞 ｍｏｎｋｓ ⓞⓕ ℎim ﬁnd １𝟐 at 10² ½ K´")).toBe(
      "The monks of him find 12 at 10² ½ K´",
    );
  });

  test("of a heap of marks are found as fast as others, though a normal form puts them in order", () => {
    const heaps = [
      `a${"\u0345".repeat(8000)}${"\u0334".repeat(8000)}`,
      `б${"\u0301\u0316".repeat(8000)}`,
      `a${"\u0345\u034f".repeat(4000)}${"\u0334\u034f".repeat(4000)}`,
    ];
    const start = performance.now();
    for (const heap of heaps) expect(wordsOf(seenText(heap))).toHaveLength(1);
    expect(performance.now() - start).toBeLessThan(100);
    expect(seenText("ষ্ট্র ก็ שָׁ à̩́")).toBe("ষ্ট্র ก็ שָׁ à̩́");
  });

  test("are as many as what is known of each: brackets and clauses", () => {
    const letters = "abzΣσéñ1٣漢字かไท한हिΑ'’‘‛ʼ`´-–—.,,00()[] \n\u0301\u0308\u20dd\u0335:;İ½²".split("");
    const random = seededRandom(7);
    const drawn = Array.from({ length: 10_000 }, () =>
      Array.from({ length: 1 + random() * 14 }, () => letters[Math.floor(random() * letters.length)]).join(
        "",
      ),
    );
    for (const text of ["In 1,000 of 2\u0308,500 (or 1,200) days", ...drawn].map(seenText)) {
      const count = wordsOf(text).length;
      expect([text, asidesOf(text).length, openingsOf(text).length]).toEqual([text, count, count]);
    }
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
    const parted = wordsOf("O'Brien, l'homme and rock ’n’ roll: the monks'of o’clock");
    expect(parted.join(" ")).toBe("o brien l homme and rock n roll the monks of o clock");
    for (const apostrophe of "’‘‛ʼ`´′") expect(wordsOf(`wasn${apostrophe}t`)).toEqual(["wasn't"]);
  });

  test("are numbers with their thousands, written with a comma or not", () => {
    expect(wordsOf("1,000 of 12,345,678 at 3.5, 1,2 and 1990,1991")).toEqual(
      "1000 of 12345678 at 3 5 1 2 and 1990 1991".split(" "),
    );
  });
});
