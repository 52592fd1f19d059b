import { describe, expect, test } from "bun:test";
import { turned } from "../../src/localnet/miners/asking.ts";

const of = (sentence: string): string | undefined =>
  turned(sentence, `In the spring the Danube rose. ${sentence} So says Danube lore.`);

describe("a sentence turned into a question", () => {
  test("has its verb before its subject, and leaves something to answer", () => {
    expect(
      of("The old bridge was closed to heavy carts in the winter, because its piers had been washed out."),
    ).toBe("was the old bridge closed to heavy carts in the winter");
    expect(
      of(
        "Danube ferries cannot carry more than six horses, which the farmers have always held against them.",
      ),
    ).toBe(undefined);
    expect(
      of(
        "In that year, the ferrymen must have earned twice their wages, since nobody else could cross the river.",
      ),
    ).toBe("must the ferrymen have earned twice their wages");
  });

  test("has the verb that English puts there where it has none of that kind", () => {
    expect(
      of("The bridge allows heavy carts from both sides, but the toll is high for those who come by night."),
    ).toBe("does the bridge allow heavy carts from both sides");
    expect(
      of(
        "The council built a second bridge of stone, though few believed that the money would ever suffice.",
      ),
    ).toBe("did the council build a second bridge of stone");
    expect(
      of(
        "The ferries supplied both towns with salt and wine, until the railway came and took the trade away.",
      ),
    ).toBe("did the ferries supply both towns with salt and wine");
  });

  test("takes no participle for its verb", () => {
    expect(
      of("The piers surrounded by ice were mended in the spring, when masons from the south had come again."),
    ).toBe("were the piers surrounded by ice mended in the spring");
  });

  test("keeps the capital letters of names and no others", () => {
    expect(
      of("Danube was blocked by ice for nine weeks, so that the mills stood still and flour became dear."),
    ).toBe("was Danube blocked by ice for nine weeks");
    expect(
      of("Stone bridges were rare in the valley, because the masons came from far away and asked for gold."),
    ).toBe("were stone bridges rare in the valley");
  });

  test.each([
    "It was closed to carts in winter, because its piers had been washed out by the river.",
    "However much they tried, nothing came of it in the end.",
    "The bridge was old.",
    "The old bridge of the lower town was closed to heavy carts in the winter of that year.",
    "THE LOWER BRIDGE The bridge was closed to heavy carts in winter, because the piers had been washed out.",
    "",
  ])("is not made of %j", (sentence) => {
    expect(of(sentence)).toBeUndefined();
  });
});
