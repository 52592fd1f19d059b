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

test("a line end in a cell makes its row taller", () => {
  const text = renderTable(["a", "b", "c"], [["x", "one\nthree", "1"]]);
  expect(text).toBe("a  b      c\n-  -----  -\nx  one    1\n   three\n");
});
