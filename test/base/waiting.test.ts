import { describe, expect, test } from "bun:test";
import { sleep, withDeadline } from "../../src/base/deadline.ts";
import { backOffMs, retry } from "../../src/base/retry.ts";

describe("waiting", () => {
  test("a deadline that passes says which wait it was", async () => {
    const never = new Promise<never>(() => {});
    await expect(withDeadline("Reading the metagraph", 20, never)).rejects.toMatchObject({
      code: "deadline.passed",
      message: "Reading the metagraph took longer than 0.02 s",
    });
  });

  test("a deadline lets results and errors through", async () => {
    expect(await withDeadline("x", 1_000, Promise.resolve(7))).toBe(7);
    await expect(withDeadline("x", 1_000, Promise.reject(new Error("own")))).rejects.toThrow("own");
  });

  test("sleep ends at once when the signal is aborted, before or during it", async () => {
    await sleep(1e9, AbortSignal.abort());
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 5);
    await sleep(1e9, stop.signal);
  });

  test("retries what may pass, up to the attempts, and nothing else", async () => {
    const policy = { firstMs: 1, maxMs: 2, attempts: 3 };
    let calls = 0;
    const failing = (): Promise<never> => {
      calls++;
      return Promise.reject(new Error("soon"));
    };
    await expect(retry(policy, failing, () => true)).rejects.toThrow("soon");
    expect(calls).toBe(3);
    await expect(retry(policy, failing, () => false)).rejects.toThrow("soon");
    expect(calls).toBe(4);
    expect(
      await retry(
        policy,
        async (attempt) => (attempt < 2 ? failing() : "done"),
        () => true,
      ),
    ).toBe("done");
  });

  test("the delay doubles up to its bound, with jitter around it", () => {
    const policy = { firstMs: 100, maxMs: 1_000 };
    expect([0, 1, 2, 3, 4].map((index) => backOffMs(policy, index, () => 0.5))).toEqual([
      100, 200, 400, 800, 1_000,
    ]);
    expect(backOffMs(policy, 0, () => 0)).toBe(75);
    expect(backOffMs(policy, 0, () => 1)).toBe(125);
  });
});
