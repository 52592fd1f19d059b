import { expect, test } from "bun:test";
import { asUid } from "../../src/base/units.ts";
import { whoseUpdate } from "../../src/validator/whose-update.ts";

test("an update is of who recorded its block, and somebody else's when nobody here did", () => {
  const row = { path: "plain", uids: [1], values: [65_535] } as const;
  const mine = [
    { ...row, block: 100, state: "included" },
    { ...row, block: 130, state: "refused" },
  ] as const;
  expect(whoseUpdate(100, 50, mine)).toBe("ours");
  expect(whoseUpdate(50, 50, mine)).toBe("none");
  expect(whoseUpdate(90, 50, mine)).toBe("before");
  expect(whoseUpdate(90, 50, [])).toBe("before");
  expect(whoseUpdate(131, 50, mine)).toBe("foreign");
  expect(whoseUpdate(131, 50, [...mine, { ...row, block: 130, state: "sent" }])).toBe("unsettled");
});

test("a reveal that counts as an update is of who committed what it shows", () => {
  const commit = {
    path: "timelocked",
    state: "included",
    block: 100,
    uids: [1, 2],
    values: [65_535, 7],
  } as const;
  const shown = [
    [asUid(2), 7],
    [asUid(1), 65_535],
  ] as const;
  expect(whoseUpdate(120, 50, [commit], shown)).toBe("ours");
  expect(whoseUpdate(120, 50, [commit])).toBe("foreign");
  expect(whoseUpdate(120, 50, [commit], [[asUid(1), 65_535]])).toBe("foreign");
  expect(whoseUpdate(120, 50, [{ ...commit, path: "plain" }], shown)).toBe("foreign");
  expect(whoseUpdate(120, 50, [{ ...commit, state: "refused" }], shown)).toBe("foreign");
});
