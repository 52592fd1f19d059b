import { describe, expect, test } from "bun:test";
import { Failure } from "../../src/base/error.ts";
import type { EventBody } from "../../src/events/schema.ts";
import { runLane } from "../../src/validator/lanes.ts";
import { openSession as openIn, type RunChoice } from "../fakes/run.ts";
import { FakeChain } from "../fakes/session.ts";
import { scratchFolders } from "../scratch.ts";

const folder = scratchFolders("lanes");
const openSession = (chain: FakeChain, choice: Partial<RunChoice> = {}) =>
  openIn(chain, { directory: folder(), ...choice });

const forwardsOf = (events: EventBody[]) => events.filter((event) => event.kind === "forward");

/** The base of each pause, without its jitter of ±25 %. */
function withoutJitter(pausesMs: number[]): number[] {
  return pausesMs.map((ms, index) => {
    const base = Math.min(60_000, 1_000 * 2 ** index);
    expect(ms / base).toBeGreaterThanOrEqual(0.75);
    expect(ms / base).toBeLessThanOrEqual(1.25);
    return base;
  });
}

describe("a lane of forward passes", () => {
  test("does its share of the wanted passes and tells each", async () => {
    const { session, events, modules } = await openSession(new FakeChain(), {
      settings: { forwards: 3, concurrentForwards: 2 },
    });
    await runLane(session, 0);
    expect(forwardsOf(events)).toHaveLength(2);
    await runLane(session, 1);
    const forwards = forwardsOf(events);
    expect(forwards).toHaveLength(3);
    expect(forwards[0]).toMatchObject({ outcome: "ended", reason: null, steps: 3, asked: 9, reached: 9 });
    expect(new Set(forwards.map(({ forward }) => forward)).size).toBe(3);
    expect(modules.time.slept).toEqual([]);
    expect(modules.judge.open.size).toBe(0);
  });

  test("goes on after its passes until weights were set as often as is wanted", async () => {
    const chain = new FakeChain();
    for (const forwards of [0, 2]) {
      const { session, events } = await openSession(chain, { settings: { forwards, weights: 2 } });
      const { feed } = session.modules;
      const emit = feed.emit.bind(feed);
      let passes = 0;
      feed.emit = (body) => {
        // Weights come with the third pass and the fifth.
        if (body.kind === "forward" && ++passes % 2 === 1 && passes > 1)
          session.state.weightsSet.set(0, (session.state.weightsSet.get(0) ?? 0) + 1);
        return emit(body);
      };
      await runLane(session, 0);
      expect(forwardsOf(events)).toHaveLength(5);
    }
    const { session, events } = await openSession(chain, { settings: { forwards: 3, weights: 1 } });
    session.state.weightsSet.set(0, 1);
    await runLane(session, 0);
    expect(forwardsOf(events)).toHaveLength(3);
  });

  test("waits longer and longer while nobody can be asked, then goes on at once", async () => {
    const chain = new FakeChain();
    const { session, events, modules } = await openSession(chain, { settings: { forwards: 1 } });
    const { neurons } = session.state.subnet;
    session.state.subnet = { ...session.state.subnet, neurons: [neurons[0]!] };
    modules.time.onSleep = () => {
      if (modules.time.slept.length === 8) session.state.subnet = { ...session.state.subnet, neurons };
    };
    await runLane(session, 0);
    expect(withoutJitter(modules.time.slept)).toEqual([
      1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000,
    ]);
    expect(forwardsOf(events).map(({ reason }) => reason)).toEqual([
      ...Array.from({ length: 8 }, () => "no-miner" as const),
      null,
    ]);
  });

  test("tries a failed pass again after a pause that doubles, and forgets it after a good one", async () => {
    const { session, events, modules } = await openSession(new FakeChain(), { settings: { forwards: 2 } });
    let calls = 0;
    modules.judge.whileScoring = () => {
      calls++;
      // Two failures, a whole pass of three steps, one more failure.
      if (calls <= 2 || calls === 6) throw new Failure("gpu.lost", { message: "gone", retry: "soon" });
    };
    await runLane(session, 0);
    const [first, second, third, ...more] = modules.time.slept;
    expect(withoutJitter([first!, second!])).toEqual([1_000, 2_000]);
    expect(withoutJitter([third!])).toEqual([1_000]);
    expect(more).toEqual([]);
    expect(forwardsOf(events).map(({ outcome }) => outcome)).toEqual([
      "failed",
      "failed",
      "ended",
      "failed",
      "ended",
    ]);
    expect(modules.judge.open.size).toBe(0);
  });

  test("gives up at once on what no retry mends", async () => {
    const { session, modules } = await openSession(new FakeChain(), { settings: { forwards: 0 } });
    const broken = new Failure("model.corrupt", { message: "damaged" });
    modules.judge.whileScoring = () => {
      throw broken;
    };
    await expect(runLane(session, 0)).rejects.toBe(broken);
    expect(modules.time.slept).toEqual([]);
  });

  test("takes the fifth unexpected error in a row for a fault of the program", async () => {
    const { session, modules } = await openSession(new FakeChain(), { settings: { forwards: 0 } });
    let calls = 0;
    modules.judge.whileScoring = () => {
      calls++;
      throw new TypeError(`fault ${calls}`);
    };
    await expect(runLane(session, 0)).rejects.toThrow("fault 5");
    expect(modules.time.slept).toHaveLength(4);
  });

  test("does not count unexpected errors across a good pass", async () => {
    const { session, modules, stop } = await openSession(new FakeChain(), { settings: { forwards: 0 } });
    let calls = 0;
    modules.judge.whileScoring = () => {
      calls++;
      if (calls > 30) stop.abort();
      // Four errors, then a pass of three steps, over and over.
      else if (calls % 7 < 4) throw new TypeError("now and then");
    };
    await runLane(session, 0);
    expect(calls).toBe(31);
  });

  test("ends without a word when it is stopped in the middle of a pass", async () => {
    const { session, modules, events, stop } = await openSession(new FakeChain(), {
      settings: { forwards: 0 },
    });
    modules.miners.beforeReplies = () => stop.abort();
    await runLane(session, 0);
    expect(events.filter(({ kind }) => kind === "step" || kind === "forward")).toEqual([]);
    expect(session.state.steps).toBe(0);
  });

  test("asks nobody while the permit is missing, for the chain would take no weights of it", async () => {
    const { session, modules, events, stop } = await openSession(new FakeChain(), {
      settings: { forwards: 0 },
    });
    session.watch.permit.set("missing", undefined);
    modules.time.onSleep = () => stop.abort();
    await runLane(session, 0);
    expect(modules.miners.asked).toEqual([]);
    expect(forwardsOf(events).map(({ reason }) => reason)).toEqual(["no-permit"]);
  });
});
