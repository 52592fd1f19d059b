import { describe, expect, setSystemTime, test } from "bun:test";
import { type StateChange, Tracker } from "../../src/base/tracker.ts";

describe("a tracker", () => {
  test("tells each change once, with how long the state before was held", () => {
    let nowMs = 0;
    const told: [StateChange<"up" | "down">, string][] = [];
    const tracker = new Tracker<"up" | "down", string>(
      "up",
      (change, facts) => told.push([change, facts]),
      () => nowMs,
    );
    nowMs = 10;
    expect(tracker.set("up", "still")).toBe(false);
    nowMs = 30;
    expect(tracker.set("down", "cable")).toBe(true);
    expect(tracker.set("down", "again")).toBe(false);
    nowMs = 35;
    tracker.set("up", "mended");
    expect(told).toEqual([
      [{ from: "up", to: "down", heldMs: 30 }, "cable"],
      [{ from: "down", to: "up", heldMs: 5 }, "mended"],
    ]);
    expect(tracker.state).toBe("up");
  });

  test("tells no time below 0 where the clock was set back meanwhile", () => {
    const held: number[] = [];
    setSystemTime(new Date("2026-01-02"));
    const tracker = new Tracker<"right" | "wrong">("right", ({ heldMs }) => held.push(heldMs));
    setSystemTime(new Date("2026-01-01"));
    tracker.set("wrong", undefined);
    setSystemTime();
    expect(held[0]).toBeGreaterThanOrEqual(0);
    expect(held[0]).toBeLessThan(60_000);
  });
});
