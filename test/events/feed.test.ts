import { describe, expect, test } from "bun:test";
import { EventFeed, type FeedOptions, type JournalWriter } from "../../src/events/feed.ts";
import { type Event, parseEvent } from "../../src/events/schema.ts";
import { capturedLog } from "../captured-log.ts";
import { BODIES, IDENTITY, stepBodyOf } from "./bodies.ts";

const log = capturedLog("debug");
const errors = (): string[] => log.filter((line) => line.includes("ERROR"));
const warnings = (): string[] => log.filter((line) => line.includes("WARN"));

/** A journal in memory that refuses when told to. */
class FakeJournal implements JournalWriter {
  readonly path = "/nowhere/events";
  lines: Event[] = [];
  isBroken = false;
  isClosed = false;
  tries = 0;

  write(line: Uint8Array): void {
    this.tries++;
    if (this.isBroken) throw new Error("ENOSPC: no space left on device");
    this.lines.push(JSON.parse(Buffer.from(line).toString("utf8")));
  }
  async close(): Promise<void> {
    this.isClosed = true;
  }
}

function opened(more: Partial<FeedOptions> = {}) {
  const journal = new FakeJournal();
  /** Retries that were put off, with their milliseconds. */
  const later: { ms: number; work: () => void }[] = [];
  const feed = new EventFeed({
    journal,
    identity: IDENTITY,
    block: () => 77,
    run: "the run",
    now: () => new Date(0),
    later(ms, work) {
      later.push({ ms, work });
      return () => undefined;
    },
    ...more,
  });
  const emit = (steps: number) => feed.emit({ kind: "stop", reason: "signal", exit_code: 0, steps });
  return { journal, feed, emit, later };
}

const stepsOf = (events: readonly Event[]): number[] =>
  events.flatMap((event) => (event.kind === "stop" ? [event.steps] : []));
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("the feed", () => {
  test("stamps every kind with run, number, time, identity and block, and the line is what was emitted", () => {
    const { feed, journal } = opened();
    const emitted = BODIES.map((body) => feed.emit(body));
    expect(journal.lines).toEqual(emitted);
    for (const [sequence, event] of emitted.entries()) {
      expect(event).toMatchObject({
        ...BODIES[sequence]!,
        ...IDENTITY,
        version: 2,
        run: "the run",
        sequence,
        time: "1970-01-01T00:00:00.000Z",
        block: 77,
      });
      expect(parseEvent(event)).toEqual(event);
    }
    expect(feed.emit(BODIES[1]!, 70).block).toBe(70);
    expect(new EventFeed({ journal: undefined, identity: IDENTITY, block: () => 1 }).run).not.toBe(
      new EventFeed({ journal: undefined, identity: IDENTITY, block: () => 1 }).run,
    );
    expect(errors()).toEqual([]);
  });

  test("writes the journal first, and calls subscribers outside the emitter's stack, in order and in batches", async () => {
    const { feed, journal, emit } = opened();
    const batches: number[][] = [];
    feed.subscribe("reader", { capacity: 10 }, (events) => {
      expect(journal.lines.length).toBe(3);
      batches.push(stepsOf(events));
    });
    for (const steps of [1, 2, 3]) emit(steps);
    expect(batches).toEqual([]);
    await turn();
    expect(batches).toEqual([[1, 2, 3]]);
  });

  test("says of an event that is none by its numbers, so that it is not lost without a word", () => {
    const { feed, emit } = opened();
    feed.emit({ ...stepBodyOf(1), rewards: [Number.NaN] });
    emit(Number.POSITIVE_INFINITY);
    expect(feed.state.malformed).toBe(2);
    expect(errors()[0]).toContain("rewards.0");
  });

  test("works without a journal", async () => {
    const { feed, emit } = opened({ journal: undefined });
    const seen: number[] = [];
    feed.subscribe("reader", { capacity: 10 }, (events) => void seen.push(...stepsOf(events)));
    emit(1);
    await feed.close();
    expect(seen).toEqual([1]);
    expect(feed.state).toMatchObject({ journal: "off", emitted: 1, lost: 0 });
  });
});

describe("a subscriber", () => {
  test("that never ends drops the oldest beyond its capacity, is told of once, and holds nobody", async () => {
    const { feed, emit, journal } = opened();
    let end = (): void => undefined;
    const slow: number[][] = [];
    const subscription = feed.subscribe("slow", { capacity: 3 }, (events) => {
      slow.push(stepsOf(events));
      return new Promise((resolve) => {
        end = resolve;
      });
    });
    const quick: number[] = [];
    feed.subscribe("quick", { capacity: 100 }, (events) => void quick.push(...stepsOf(events)));
    emit(0);
    await turn();
    for (let steps = 1; steps <= 10; steps++) emit(steps);
    await turn();
    expect(quick).toHaveLength(11);
    expect(journal.lines).toHaveLength(11);
    expect([subscription.dropped, subscription.waiting]).toEqual([7, 3]);
    expect(warnings()).toHaveLength(1);
    expect(warnings()[0]).toContain("slow");
    end();
    await turn();
    expect(slow).toEqual([[0], [8, 9, 10]]);
    expect(feed.state.subscribers[0]).toEqual({ name: "slow", waiting: 0, dropped: 7, failures: 0 });
  });

  test("is bounded in bytes as well", async () => {
    const { feed } = opened();
    const subscription = feed.subscribe("big", { capacity: 1_000, capacityBytes: 100_000 }, () => undefined);
    for (let count = 0; count < 10; count++)
      feed.emit({ kind: "stop", reason: "x".repeat(30_000), exit_code: 0, steps: 1 });
    expect([subscription.waiting, subscription.dropped]).toEqual([3, 7]);
    // What was handed over makes room.
    await turn();
    feed.emit({ kind: "stop", reason: "x".repeat(30_000), exit_code: 0, steps: 1 });
    expect([subscription.waiting, subscription.dropped]).toEqual([1, 7]);
  });

  test("that throws is told of once, and gets the next events; the others are not touched", async () => {
    const { feed, emit } = opened();
    const got: number[] = [];
    feed.subscribe("broken", { capacity: 10 }, (events) => {
      got.push(...stepsOf(events));
      throw new Error("cannot");
    });
    feed.subscribe("broken later", { capacity: 10 }, async () => {
      throw new Error("cannot either");
    });
    const quick: number[] = [];
    feed.subscribe("quick", { capacity: 10 }, (events) => void quick.push(...stepsOf(events)));
    for (const steps of [1, 2]) {
      emit(steps);
      await turn();
    }
    expect([got, quick]).toEqual([
      [1, 2],
      [1, 2],
    ]);
    expect(warnings()).toHaveLength(2);
    expect(feed.state.subscribers.map(({ failures }) => failures)).toEqual([2, 2, 0]);
  });

  test("cannot change what the others see, and may emit itself", async () => {
    const { feed, emit } = opened();
    const seen: number[] = [];
    feed.subscribe("writer", { capacity: 10 }, ([event]) => {
      expect(() => Object.assign(event!, { steps: 99 })).toThrow();
      if (event!.kind === "stop" && event!.steps === 1) emit(2);
    });
    feed.subscribe("reader", { capacity: 10 }, (events) => void seen.push(...stepsOf(events)));
    emit(1);
    await turn();
    await feed.close();
    expect(seen).toEqual([1, 2]);
  });

  test("gets an event that comes at the very end of a batch", async () => {
    const { feed, emit } = opened();
    const seen: number[] = [];
    feed.subscribe("reader", { capacity: 10 }, (events) => {
      seen.push(...stepsOf(events));
      // Between the last look at the queue and the rest of whoever waits for the batch.
      if (seen.length === 1) queueMicrotask(() => queueMicrotask(() => emit(2)));
    });
    emit(1);
    await turn();
    await turn();
    expect(seen).toEqual([1, 2]);
  });

  test("gets nothing after it was closed", async () => {
    const { feed, emit } = opened();
    const seen: number[] = [];
    const subscription = feed.subscribe(
      "reader",
      { capacity: 10 },
      (events) => void seen.push(...stepsOf(events)),
    );
    emit(1);
    await turn();
    emit(2);
    subscription.close();
    emit(3);
    await turn();
    expect(seen).toEqual([1]);
    expect(feed.state.subscribers).toEqual([]);
  });
});

describe("a journal that cannot be written", () => {
  test("ends nothing: one error, back-off, then all that waited in order, and one line that says so", async () => {
    const { feed, emit, journal, later } = opened();
    const seen: Event[] = [];
    feed.subscribe("reader", { capacity: 100 }, (events) => void seen.push(...events));
    emit(0);
    journal.isBroken = true;
    for (let steps = 1; steps < 5; steps++) emit(steps);
    expect(feed.state).toMatchObject({ journal: "lost", waiting: 5, lost: 0 });
    expect(errors()).toHaveLength(1);
    expect(errors()[0]).toContain("ENOSPC");
    // Not every event tries a disk that is full.
    expect(journal.tries).toBe(2);
    for (let retry = 0; retry < 10; retry++) later.at(-1)!.work();
    expect(journal.tries).toBe(12);
    expect(later.length).toBe(11);
    const seconds = later.map(({ ms }) => ms / 1000);
    expect(seconds[0]!).toBeLessThan(1.5);
    expect(seconds[3]!).toBeGreaterThan(5);
    expect(Math.max(...seconds)).toBeLessThanOrEqual(75);
    expect(Math.min(...seconds.slice(6))).toBeGreaterThan(40);
    expect(errors()).toHaveLength(1);

    journal.isBroken = false;
    later.at(-1)!.work();
    emit(5);
    expect(feed.state).toMatchObject({ journal: "written", waiting: 0, lost: 0 });
    expect(warnings()).toHaveLength(1);
    expect(journal.lines.map(({ sequence }) => sequence)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(journal.lines.map((event) => (event.kind === "disk" ? event.state : event.kind))).toEqual([
      "stop",
      "stop",
      "journal-lost",
      "stop",
      "stop",
      "stop",
      "journal-back",
      "stop",
    ]);
    await turn();
    expect(seen).toEqual(journal.lines);
    // The next loss is one of its own, and is tried soon again.
    journal.isBroken = true;
    emit(6);
    expect(errors()).toHaveLength(2);
    expect(later.at(-1)!.ms).toBeLessThan(1_500);
  });

  test("loses the oldest beyond the memory that is set aside, and counts them", async () => {
    const { feed, journal } = opened();
    journal.isBroken = true;
    const reason = "x".repeat(1 << 20);
    for (let steps = 0; steps < 20; steps++) feed.emit({ kind: "stop", reason, exit_code: 0, steps });
    const { waiting, lost } = feed.state;
    expect(waiting).toBe(15);
    expect(lost).toBe(6);
    journal.isBroken = false;
    feed.retryJournal();
    expect(warnings()[0]).toContain("lostEvents=6");
    expect(journal.lines.at(-2)).toMatchObject({ kind: "stop", steps: 19 });
    expect(journal.lines.at(-1)).toMatchObject({ state: "journal-back", free_bytes: null });
  });
});

describe("the end of a feed", () => {
  test("waits for readers within a bound, writes what waited, and closes the journal last", async () => {
    const { feed, emit, journal } = opened();
    const seen: number[] = [];
    feed.subscribe("quick", { capacity: 10 }, async (events) => {
      await turn();
      expect(journal.isClosed).toBe(false);
      seen.push(...stepsOf(events));
    });
    journal.isBroken = true;
    emit(1);
    journal.isBroken = false;
    await feed.close();
    expect(seen).toEqual([1]);
    expect(stepsOf(journal.lines)).toEqual([1]);
    expect(journal.isClosed).toBe(true);
    await feed.close();
  });

  test("does not wait for a reader that hangs, and tells of events that no journal has", async () => {
    const { feed, emit, journal } = opened();
    feed.subscribe("hangs", { capacity: 10 }, () => new Promise(() => undefined));
    journal.isBroken = true;
    emit(1);
    await feed.close(5);
    expect(warnings().some((line) => line.includes("did not finish in time"))).toBe(true);
    expect(feed.state.lost).toBe(2);
    expect(errors().at(-1)).toContain("in no journal");
    expect(journal.isClosed).toBe(true);
  });

  test("is told to who emits afterwards, without an exception", async () => {
    const { feed, emit, journal } = opened();
    await feed.close();
    emit(1);
    expect(journal.lines).toEqual([]);
    expect(errors()).toHaveLength(1);
  });
});
