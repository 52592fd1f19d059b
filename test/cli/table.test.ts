import { expect, test } from "bun:test";
import { renderTable } from "../../src/cli/table.ts";

test("a table has columns as wide as their cells, numbers to the right", () => {
  const text = renderTable(
    ["uid", "character"],
    [
      [1, "good"],
      [12, "gibberish"],
    ],
  );
  expect(text).toBe("uid  character\n---  ---------\n  1  good\n 12  gibberish\n");
});
