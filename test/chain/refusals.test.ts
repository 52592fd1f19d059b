import { describe, expect, test } from "bun:test";
import type { RetryPolicy } from "../../src/base/error.ts";
import { poolFailure } from "../../src/chain/pool-refusals.ts";
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

  test("of each of the standard kinds is one sentence with what happens next", () => {
    // sp-runtime's transaction_validity.rs and sc-rpc-api's author errors.
    const cases: [number, string, string, RetryPolicy][] = [
      [1010, "Invalid Transaction", "Transaction call is not expected", "next-window"],
      [1010, "Invalid Transaction", "Inability to pay some fees (e.g. account balance too low)", "no"],
      [1010, "Invalid Transaction", "Transaction will be valid in the future", "soon"],
      [1010, "Invalid Transaction", "Transaction is outdated", "soon"],
      [1010, "Invalid Transaction", "Transaction has a bad signature", "soon"],
      [1010, "Invalid Transaction", "Transaction has an ancient birth block", "soon"],
      [1010, "Invalid Transaction", "Transaction would exhaust the block limits", "soon"],
      [1010, "Invalid Transaction", "Invalid signing address", "next-window"],
      [1010, "Invalid Transaction", "The implicit data was unable to be calculated", "soon"],
      [1010, "Invalid Transaction", "The transaction extension did not authorize any origin", "next-window"],
      [
        1011,
        "Unknown Transaction Validity",
        "Could not lookup information required to validate the transaction",
        "soon",
      ],
      [1001, "Extrinsic has invalid format", "", "next-window"],
      [1002, "Verification Error: Runtime error: Execution failed", "", "next-window"],
      [1012, "Transaction is temporarily banned", "", "soon"],
      [1013, "Transaction already imported", "0x1014101210161012", "soon"],
      [1014, "Priority is too low: (1012 vs 1016)", "", "soon"],
      [1015, "Cycle Detected", "", "soon"],
      [1016, "Immediately Dropped", "", "soon"],
      [1018, "Unactionable", "", "soon"],
      [1019, "The pool is not accepting future transactions", "", "soon"],
    ];
    const sentences = new Set<string>();
    for (const [code, message, data, retry] of cases) {
      const failure = refused(data, code, message);
      expect([message, data, failure?.retry]).toEqual([message, data, retry]);
      expect(failure!.message).not.toMatch(/\d{3,}/);
      sentences.add(failure!.message);
    }
    // Two kinds for each of: a node that cannot read, one that lacks something, a key that does not sign, a nonce ahead, a pool that is stuck.
    expect(sentences.size).toBe(cases.length - 5);
  });

  test("by any number is a sentence of its own, by name where the runtime's numbers are known", () => {
    for (let number = 0; number <= 255; number++) {
      const failure = refused(`Custom error: ${number}`);
      const isNamed = number < 25;
      expect([number, failure!.message.length > 20, failure?.retry]).toEqual([
        number,
        true,
        expect.stringMatching(/^(?:no|soon|next-window)$/),
      ]);
      expect([number, /custom error \d+$/.test(failure!.message)]).toEqual([number, !isNamed]);
    }
    expect(refused("Custom error: 2")?.message).toBe(
      "the node refused the extrinsic with custom error 2: balance too low",
    );
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
