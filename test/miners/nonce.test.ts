import { describe, expect, test } from "bun:test";
import { NonceClock, UuidPool } from "../../src/miners/nonce.ts";
import { Lanes, Permits } from "../../src/miners/turns.ts";

describe("nonces", () => {
  test("are unix nanoseconds", () => {
    expect(new NonceClock(() => 1_752_076_800_000).next()).toBe(1_752_076_800_000_000_000n);
  });

  test("grow strictly, also while the clock stands still or goes back an hour", () => {
    let nowMs = 1_752_076_800_000;
    const clock = new NonceClock(() => nowMs);
    const first = clock.next();
    expect(clock.next()).toBe(first + 1n);
    nowMs -= 3_600_000;
    expect(clock.next()).toBe(first + 2n);
    nowMs += 3_600_001;
    expect(clock.next()).toBe(first + 1_000_000n);
  });
});

describe("uuids", () => {
  test("differ while in flight and are used again afterwards", () => {
    const pool = new UuidPool();
    const [a, b] = [pool.take(), pool.take()];
    expect(a).not.toBe(b);
    pool.give(a);
    expect(pool.take()).toBe(a);
  });
});

describe("lanes", () => {
  test("run works of one name in order, one at a time, and others beside them", async () => {
    const lanes = new Lanes();
    const seen: string[] = [];
    const work = (name: string, label: string) =>
      lanes.inTurn(name, async (turn) => {
        await turn.come;
        seen.push(`${label} starts`);
        await Bun.sleep(5);
        seen.push(`${label} ends`);
      });
    await Promise.all([work("x", "x1"), work("x", "x2"), work("y", "y1")]);
    expect(seen.filter((line) => line.startsWith("x"))).toEqual([
      "x1 starts",
      "x1 ends",
      "x2 starts",
      "x2 ends",
    ]);
    expect(seen.indexOf("y1 starts")).toBeLessThan(seen.indexOf("x1 ends"));
  });

  test("keep those behind a work that gave up waiting behind the one before it", async () => {
    const lanes = new Lanes();
    const seen: string[] = [];
    const first = lanes.inTurn("x", async () => {
      await Bun.sleep(20);
      seen.push("first ends");
    });
    const impatient = lanes.inTurn("x", async () => {
      seen.push("second gave up");
    });
    const third = lanes.inTurn("x", async (turn) => {
      expect(turn.waited).toBe(true);
      await turn.come;
      seen.push("third starts");
    });
    await Promise.all([first, impatient, third]);
    expect(seen).toEqual(["second gave up", "first ends", "third starts"]);
  });

  test("are free again after a work that failed", async () => {
    const lanes = new Lanes();
    await expect(lanes.inTurn("x", () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    const next = lanes.inTurn("x", async (turn) => {
      await turn.come;
      return "went on";
    });
    expect(await next).toBe("went on");
  });
});

describe("permits", () => {
  test("let at most so many works run, and all of them in the end", async () => {
    const permits = new Permits(3);
    let running = 0;
    let most = 0;
    let done = 0;
    const work = () =>
      permits.with(async () => {
        most = Math.max(most, ++running);
        await Bun.sleep(1);
        running--;
        done++;
      });
    await Promise.all(Array.from({ length: 20 }, work));
    expect({ most, done }).toEqual({ most: 3, done: 20 });
  });

  test("are given back by a work that failed", async () => {
    const permits = new Permits(1);
    await expect(permits.with(() => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(await permits.with(async () => "next")).toBe("next");
  });
});
