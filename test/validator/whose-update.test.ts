import { expect, test } from "bun:test";
import { whoseUpdate } from "../../src/validator/whose-update.ts";

test("an update is of who recorded its block, and somebody else's when nobody here did", () => {
  const mine = [
    { block: 100, state: "included" },
    { block: 130, state: "refused" },
  ] as const;
  expect(whoseUpdate(100, 50, mine)).toBe("ours");
  expect(whoseUpdate(50, 50, mine)).toBe("none");
  expect(whoseUpdate(90, 50, mine)).toBe("before");
  expect(whoseUpdate(90, 50, [])).toBe("before");
  expect(whoseUpdate(131, 50, mine)).toBe("foreign");
  expect(whoseUpdate(131, 50, [...mine, { block: 130, state: "sent" }])).toBe("unsettled");
});
