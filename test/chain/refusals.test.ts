import { describe, expect, test } from "bun:test";
import { poolFailure } from "../../src/chain/refusals.ts";
import { RpcRefusal } from "../../src/chain/socket.ts";

const refused = (data: string, code = 1010, message = "Invalid Transaction") =>
  poolFailure(new RpcRefusal({ code, message, data }), 424);

describe("a refusal of the transaction pool", () => {
  const custom: [number, string, string][] = [
    [1, "chain.stake-too-low", "next-window"],
    [2, "chain.pool-refused", "next-window"],
    [3, "chain.unknown-subnet", "no"],
    [6, "chain.rate-limited", "soon"],
    [10, "chain.not-registered", "no"],
    [11, "chain.serve-refused", "no"],
    [12, "chain.rate-limited", "soon"],
    [13, "chain.serve-refused", "no"],
    [15, "chain.clock-wrong", "soon"],
    [19, "chain.not-registered", "no"],
    [0, "chain.key-disputed", "no"],
    [21, "chain.key-disputed", "no"],
    [255, "chain.pool-refused", "next-window"],
    [77, "chain.pool-refused", "next-window"],
  ];
  for (const [number, code, retry] of custom) {
    test(`with custom error ${number} is ${code}, to be retried: ${retry}`, () => {
      const failure = refused(`Custom error: ${number}`);
      expect(failure?.code).toBe(code as never);
      expect(failure?.retry).toBe(retry as never);
      expect(failure?.data).toMatchObject({ reason: `Custom error: ${number}` });
      expect(failure?.message).not.toContain("1010");
    });
  }

  test("with a number that means something else in this runtime says so (C9)", () => {
    const old = poolFailure(
      new RpcRefusal({ code: 1010, message: "Invalid Transaction", data: "Custom error: 1" }),
      218,
    );
    expect(old?.code).toBe("chain.pool-refused");
    expect(old?.hint).toContain("in runtime 218");
    expect(refused("Custom error: 25")?.hint).toContain("in runtime 424");
  });

  test("for a used nonce and for a bad signature is worth another attempt at once", () => {
    for (const data of [
      "Transaction is outdated",
      "Transaction has a bad signature",
      "Transaction has an ancient birth block",
    ])
      expect(refused(data)?.data).toMatchObject({ again: true });
  });

  test("for a transaction that waits already, a full pool or a ban is not", () => {
    const cases: [number, string, string][] = [
      [1014, "Priority is too low: (1 vs 1)", "another transaction of this hotkey"],
      [1016, "Immediately Dropped", "pool of the node is full"],
      [1012, "Transaction is temporarily banned", "banned"],
      [1013, "Transaction already imported", "already has this transaction"],
    ];
    for (const [code, message, sentence] of cases) {
      const failure = refused("", code, message);
      expect(failure?.message).toContain(sentence);
      expect(failure?.data).toMatchObject({ again: false });
    }
  });

  test("that nobody knows is quoted, on one line and bounded", () => {
    const failure = refused(`new\nkind ${"x".repeat(1000)}`);
    expect(failure?.code).toBe("chain.pool-refused");
    expect(failure?.message).not.toContain("\n");
    expect(failure!.message.length).toBeLessThan(400);
  });

  test("is not seen in an error of the connection", () => {
    expect(poolFailure(new Error("there is no connection to the chain"), 424)).toBeNull();
  });
});
