import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parseJsonc } from "../../src/config/jsonc.ts";
import { OPTIONS } from "../../src/config/options.ts";
import { configTemplate } from "../../src/config/template.ts";

describe("JSON with comments", () => {
  test.each([
    ['{ // "a": 1,\n "b": 2 /* , "c": 3 */, }', { b: 2 }],
    [
      '{"url": "wss://x // y", "s": "/* no */", "e": "\\"//"}',
      { url: "wss://x // y", s: "/* no */", e: '"//' },
    ],
    ["\uFEFF[1, 2, // last\n]\n// end", [1, 2]],
    ['{"a": ",}", "b": [",]"],}', { a: ",}", b: [",]"] }],
    ["{}", {}],
  ])("%p", (text, value) => {
    expect(parseJsonc(text)).toEqual(value as never);
  });

  test.each(["{'a': 1}", "{} {", "[1,,]", "{,}", "{a: 1}", '{"a": 0x10}', "/* open", "", '{"a": 1 "b": 2}'])(
    "refuses %p",
    (text) => {
      expect(() => parseJsonc(text)).toThrow(SyntaxError);
    },
  );

  test("reads whatever JSON is, as JSON.parse does", () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(parseJsonc(text)).toEqual(JSON.parse(text));
      }),
    );
  });
});

describe("the annotated file", () => {
  test("sets nothing, names every option, and fits a screen", () => {
    const text = configTemplate(OPTIONS);
    expect(parseJsonc(text)).toEqual({});
    for (const flag of Object.keys(OPTIONS)) expect(text).toContain(`// "${flag}": `);
    expect(Math.max(...text.split("\n").map((line) => line.length))).toBeLessThanOrEqual(110);
  });

  test("with every mark taken away it still is JSON, and each default is a value of its kind", () => {
    const all = parseJsonc(configTemplate(OPTIONS).replace(/^( *)\/\/ (?=")/gm, "$1")) as Record<
      string,
      unknown
    >;
    expect(Object.keys(all).sort()).toEqual(Object.keys(OPTIONS).sort());
    for (const [flag, { kind, default: usual }] of Object.entries(OPTIONS))
      if (usual !== undefined) expect([flag, kind.parse(String(all[flag]))]).toEqual([flag, usual as never]);
  });

  test("has the values that are given", () => {
    const values = { netuid: "7", mock: "true", "wallet.name": 'a "b" // c', "data.source": "x,y" };
    expect(parseJsonc(configTemplate(OPTIONS, values))).toEqual({ ...values, netuid: 7, mock: true });
  });
});
