import { describe, expect, test } from "bun:test";
import type { EventBody } from "../../src/events/schema.ts";
import { runLane } from "../../src/validator/lanes.ts";
import type { Outage } from "../../src/validator/ports.ts";
import { openSession as openIn, type RunChoice } from "../fakes/run.ts";
import { FakeChain } from "../fakes/session.ts";
import { scratchFolders } from "../scratch.ts";

const folder = scratchFolders("outage");
const openSession = (chain: FakeChain, choice: Partial<RunChoice> = {}) =>
  openIn(chain, { directory: folder(), ...choice });

const unreachable: Outage = { cause: "unreachable", text: "none of 3 miners accepts a connection" };

const ofKind = <Kind extends EventBody["kind"]>(events: EventBody[], kind: Kind) =>
  events.filter((event): event is Extract<EventBody, { kind: Kind }> => event.kind === kind);

/** A session with scores that one good forward pass earned. */
async function afterOnePass(settings: Partial<RunChoice> = {}) {
  const run = await openSession(new FakeChain(), settings);
  await runLane(run.session, 0);
  expect(run.session.state.steps).toBe(3);
  return run;
}

describe("an outage of our own", () => {
  test("changes no score, no count, no router row and no statistics, to the last digit", async () => {
    const { session, modules, events, stop } = await afterOnePass();
    const before = { scores: [...session.state.scores], asked: [...session.state.asked] };
    const trained = modules.router.trained.length;
    const scored = modules.judge.remembered;
    modules.miners.outage = unreachable;
    modules.miners.reachable = false;
    modules.time.onSleep = () => {
      if (modules.time.slept.length === 5) stop.abort();
    };
    await runLane(session, 0);
    expect([...session.state.scores]).toEqual(before.scores);
    expect([...session.state.asked]).toEqual(before.asked);
    expect(modules.router.trained).toHaveLength(trained);
    expect(modules.judge.remembered).toBe(scored);
    expect(session.state.steps).toBe(3);
    const uncounted = ofKind(events, "step").filter(({ counted }) => !counted);
    expect(uncounted).toHaveLength(5);
    expect(uncounted[0]).toMatchObject({ cause: unreachable.text, rewards: [0, 0, 0], step: 3 });
  });

  test("is told once when it begins and once when it ends", async () => {
    const { session, modules, events } = await afterOnePass();
    modules.miners.outage = unreachable;
    modules.miners.reachable = false;
    modules.time.onSleep = () => {
      if (modules.time.slept.length === 3) modules.miners.outage = undefined;
    };
    await runLane(session, 0);
    expect(ofKind(events, "miners").map(({ state, cause }) => [state, cause])).toEqual([
      ["outage", unreachable.text],
      ["reached", null],
    ]);
    expect(ofKind(events, "forward").map(({ outcome, reason }) => [outcome, reason])).toEqual([
      ["ended", null],
      ["skipped", "outage"],
      ["skipped", "outage"],
      ["skipped", "outage"],
      ["ended", null],
    ]);
  });

  test("is none when a miner outside the sample accepts a connection: the sample is to blame", async () => {
    const { session, modules } = await afterOnePass({ settings: { followupSampleSize: 3 } });
    const before = [...session.state.scores];
    modules.miners.outage = unreachable;
    modules.miners.reachable = true;
    await runLane(session, 0);
    const [asked] = modules.miners.asked.slice(-1);
    const [outside, ...sample] = modules.miners.probed.at(-1)!;
    expect(asked).not.toContain(outside);
    expect(sample.toSorted()).toEqual(asked!.toSorted());
    for (const uid of asked!) expect(session.state.scores[uid]!).toBeLessThan(before[uid]!);
  });

  test("is none when miners of a sample that is the whole subnet accept connections and never answer", async () => {
    const all = { followupSampleSize: 4, answerSampleSize: 4 };
    const { session, modules } = await afterOnePass({ settings: all });
    const before = [...session.state.scores];
    modules.miners.outage = unreachable;
    modules.miners.reachable = true;
    await runLane(session, 0);
    expect(modules.miners.probed.at(-1)!.toSorted()).toEqual([1, 2, 3, 4]);
    for (const uid of [1, 2, 3, 4]) expect(session.state.scores[uid]!).toBeLessThan(before[uid]!);
  });

  test("is one when the chain is silent as well, though connections are still taken", async () => {
    const { session, modules, events, stop } = await afterOnePass();
    modules.miners.outage = unreachable;
    modules.miners.reachable = true;
    modules.chain.overdue = true;
    modules.time.onSleep = () => stop.abort();
    await runLane(session, 0);
    expect(ofKind(events, "step").at(-1)!.counted).toBe(false);
  });

  test("is not believed of a few miners that say the clock is wrong, unless the chain says so too", async () => {
    const chain = new FakeChain();
    const { session, modules, events, stop } = await openSession(chain);
    modules.miners.outage = { cause: "clock", text: "the nonce is in the future" };
    await runLane(session, 0);
    expect(ofKind(events, "step").map(({ counted }) => counted)).toEqual([true]);

    modules.time.ms = 3_600_000;
    session.watch.noteSubnet(await chain.fetchSubnet());
    modules.time.onSleep = () => stop.abort();
    await runLane(session, 0);
    expect(ofKind(events, "step").map(({ counted }) => counted)).toEqual([true, false]);
    const [clock] = ofKind(events, "chain");
    expect(clock).toMatchObject({ state: "clock", value: 3_600 });
    expect(clock!.detail).toBe("this machine's clock is 3600 s ahead of the chain");
  });

  test("is not seen in a clock because the chain was slow to read", async () => {
    const chain = new FakeChain();
    const { session, modules } = await openSession(chain);
    modules.time.ms = 50_000;
    chain.tookMs = 40_000;
    session.watch.noteSubnet(await chain.fetchSubnet());
    expect(session.watch.clock.state).toBe("right");
    chain.tookMs = 10_000;
    session.watch.noteSubnet(await chain.fetchSubnet());
    expect(session.watch.clock.state).toBe("wrong");
  });

  test("is believed of four miners that refuse alike", async () => {
    const { session, modules, events, stop } = await openSession(new FakeChain(), {
      settings: { followupSampleSize: 4 },
    });
    modules.miners.outage = { cause: "refused", text: "all 4 miners refuse this hotkey" };
    modules.time.onSleep = () => stop.abort();
    await runLane(session, 0);
    expect(ofKind(events, "step").map(({ counted }) => counted)).toEqual([false]);
  });

  test("is not believed of two that refuse where the others of four are gone", async () => {
    const { session, modules, events } = await openSession(new FakeChain(), {
      settings: { followupSampleSize: 4 },
      silent: [1, 2],
    });
    modules.miners.outage = { cause: "refused", text: "2 of 4 miners refuse this hotkey" };
    await runLane(session, 0);
    expect(ofKind(events, "step").map(({ counted }) => counted)).toEqual([true]);
  });
});

describe("who cannot be asked", () => {
  test("fades as fast as one who is asked and fails, and is back when it serves again", async () => {
    const chain = new FakeChain();
    const { session } = await openSession(chain, {
      settings: { followupSampleSize: 4, answerSampleSize: 4 },
    });
    await runLane(session, 0);
    const before = session.state.scores[2]!;
    const neurons = session.state.subnet.neurons.map((one) =>
      one.uid === 2 ? { ...one, isServing: false } : one,
    );
    session.state.subnet = { ...session.state.subnet, neurons };
    await runLane(session, 0);
    // Three steps with alpha 0.5, and every miner that can be asked is in each sample.
    expect(session.state.scores[2]!).toBeCloseTo(before / 8, 6);
    session.state.subnet = await chain.fetchSubnet();
    await runLane(session, 0);
    expect(session.state.scores[2]!).toBeGreaterThan(before / 8);
  });

  test("a miner without budget left is not asked", async () => {
    const { session, modules } = await openSession(new FakeChain(), { settings: { followupSampleSize: 4 } });
    modules.miners.exhausted.add("key2");
    await runLane(session, 0);
    expect(modules.miners.asked.flat()).not.toContain(2);
  });
});
