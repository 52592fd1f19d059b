import { describe, expect, test } from "bun:test";
import { quotedCell } from "../../../src/analysis/cells.ts";
import { languageOf } from "../../../src/analysis/datasets/language.ts";
import { oldFlags } from "../../../src/analysis/datasets/old-flags.ts";
import { pythonFloat, pythonString } from "../../../src/analysis/datasets/python-form.ts";

test("floats, texts and cells are written as Python writes them", () => {
  const floats: [number, string][] = [
    [1, "1.0"],
    [0, "0.0"],
    [-0, "-0.0"],
    [0.1 + 0.2, "0.30000000000000004"],
    [1e-4, "0.0001"],
    [1e-5, "1e-05"],
    [1.5e-7, "1.5e-07"],
    [123456789012345680, "1.2345678901234568e+17"],
    [1e16, "1e+16"],
    [9007199254740992, "9007199254740992.0"],
    [1e300, "1e+300"],
    [Number.NaN, "NaN"],
    [Number.NEGATIVE_INFINITY, "-Infinity"],
  ];
  for (const [value, text] of floats) expect(pythonFloat(value)).toBe(text);
  expect(pythonString('é"\\\n\u007f😀/')).toBe('"\\u00e9\\"\\\\\\n\\u007f\\ud83d\\ude00/"');
  expect(["plain", "a,b", 'a"b', "a\nb", "a\rb", " a "].map(quotedCell)).toEqual([
    "plain",
    '"a,b"',
    '"a""b"',
    '"a\nb"',
    '"a\rb"',
    " a ",
  ]);
});

test("languages are told apart", () => {
  expect(languageOf("The rivers of this land run slowly to the sea.")).toBe("en");
  expect(languageOf("Die Flüsse dieses Landes fließen langsam zum Meer.")).toBe("de");
  expect(languageOf("蜜蜂跳舞告诉同伴花在哪里。")).toBe("zh");
  expect(languageOf("1234 5678")).toBe("");
});

describe("flags of the data collector of 1.2.0", () => {
  const NONE = {
    exportMiningDataset: false,
    exportMiningWithScoringDataset: false,
    exportOpenaiDataset: false,
    miningDatasetOutputFormat: "json",
    exportPath: undefined,
    downloadAll: false,
    wandbRunId: undefined,
    includeTags: undefined,
    includeFlags: undefined,
  } as const;

  test("choose the format as they did", () => {
    const formatOf = (given: object) => oldFlags({ ...NONE, ...given }).format;
    expect(formatOf({})).toBeUndefined();
    expect(formatOf({ exportMiningDataset: true })).toBe("mining-json");
    expect(formatOf({ exportMiningDataset: true, miningDatasetOutputFormat: "csv" })).toBe("mining-csv");
    const scored = { exportMiningDataset: true, exportMiningWithScoringDataset: true };
    expect(formatOf(scored)).toBe("mining-json-scored");
    expect(formatOf({ ...scored, miningDatasetOutputFormat: "csv" })).toBe("mining-csv-scored");
    expect(formatOf({ ...scored, exportOpenaiDataset: true })).toBe("openai");
  });

  test("name sources and folder, and say what else has to be done", () => {
    const one = oldFlags({ ...NONE, wandbRunId: "ugutvtox", downloadAll: true, exportPath: "a/data.csv" });
    expect(one).toMatchObject({ words: ["opentensor-dev/openvalidators/ugutvtox"], out: "a/data" });
    expect(one.sentences[0]).toContain(
      "wandb download --entity opentensor-dev --project openvalidators --run ugutvtox",
    );
    const all = oldFlags({ ...NONE, downloadAll: true, includeTags: "1.2.0" });
    expect(all.words).toEqual(["opentensor-dev/openvalidators"]);
    expect(all.sentences[1]).toContain("wandb download --tags");
    expect(oldFlags({ ...NONE, includeFlags: "x" }).sentences).toHaveLength(1);
    expect(oldFlags(NONE)).toEqual({ format: undefined, out: undefined, words: [], sentences: [] });
  });
});
