import { describe, expect, test } from "bun:test";
import { EndpointBook } from "../../src/chain/endpoint-book.ts";

let now = 0;
const open = (...endpoints: string[]) => {
  now = 0;
  return new EndpointBook(endpoints, { nowMs: () => now, random: () => 0.5 });
};

describe("an endpoint", () => {
  test("that takes every connection and drops it soon is tried ever less often, up to four times a minute", () => {
    const book = open("a");
    const pauses = Array.from({ length: 10 }, () => {
      book.opened("a");
      now += 100;
      book.lost("a");
      const pause = book.pauseMs("a");
      now += pause;
      return pause;
    });
    expect(pauses).toEqual([0, 500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000, 15_000]);
  });

  test("that held a connection for a minute is tried again at once", () => {
    const book = open("a");
    for (let i = 0; i < 5; i++) book.failed("a");
    book.opened("a");
    now += 60_000;
    book.lost("a");
    expect(book.pauseMs("a")).toBe(0);
  });

  test("that asks for patience gets it", () => {
    const book = open("a");
    book.failed("a", { leastMs: 7_000 });
    expect(book.pauseMs("a")).toBe(7_000);
  });

  test("that lets nobody in is tried every four seconds, however long the outage, and one failure behind it costs one doubling", () => {
    const book = open("a");
    for (let i = 0; i < 20; i++) book.failed("a", { isTurnedAway: true });
    expect(book.pauseMs("a")).toBe(4_000);
    book.failed("a");
    expect(book.pauseMs("a")).toBe(8_000);
  });

  test("is left after three failed calls in a row, or when half of them fail, and sooner the next time", () => {
    const book = open("a", "b");
    const callsUntilBad = (answers: (call: number) => boolean): number => {
      for (let call = 1; call <= 100; call++) {
        book.called("a", answers(call));
        if (book.isBad("a")) return call;
      }
      return Number.POSITIVE_INFINITY;
    };
    expect(callsUntilBad(() => false)).toBe(3);
    book.opened("a");
    expect(callsUntilBad(() => false)).toBe(2);
    book.opened("a");
    expect(callsUntilBad((call) => call % 2 === 0)).toBeLessThan(10);
    book.opened("a");
    expect(callsUntilBad((call) => call % 5 !== 0)).toBe(Number.POSITIVE_INFINITY);
  });

  test("is never left when there is no other", () => {
    const book = open("a");
    for (let i = 0; i < 20; i++) book.called("a", false);
    expect(book.isBad("a")).toBe(false);
  });
});

test("the next endpoint is the one behind, or whichever may be tried first", () => {
  const book = open("a", "b", "c");
  expect(book.next()).toBe("a");
  expect(book.next("a")).toBe("b");
  book.failed("b");
  expect(book.next("a")).toBe("c");
  book.failed("c");
  book.failed("c");
  book.failed("a", { leastMs: 60_000 });
  expect(book.next("a")).toBe("b");
  expect(book.next("a", new Map([["b", 1]]))).toBe("c");
  expect(
    book.next(
      "a",
      new Map([
        ["a", 1],
        ["b", 1],
        ["c", 1],
      ]),
    ),
  ).toBeUndefined();
});

describe("while none is connected", () => {
  /** Tries that fail, over two minutes: which endpoint, after how many seconds. */
  const tries = (book: EndpointBook, ...turnedAway: string[]): { endpoint: string; at: number }[] => {
    const made: { endpoint: string; at: number }[] = [];
    for (let last: string | undefined; now < 120_000; ) {
      const endpoint: string = book.next(last);
      now += book.waitMs(endpoint);
      made.push({ endpoint, at: now / 1000 });
      book.failed(endpoint, { isTurnedAway: turnedAway.includes(endpoint) });
      last = endpoint;
    }
    return made;
  };
  const longest = (times: readonly number[]): number =>
    Math.max(...times.slice(1).map((at, index) => at - times[index]!));
  const timesOf = (made: ReturnType<typeof tries>, wanted: string): number[] =>
    made.filter(({ endpoint, at }) => endpoint === wanted && at > 60).map(({ at }) => at);

  test("one of several is tried each part of the longest pause, and each no more often than alone", () => {
    const made = tries(open("a", "b", "c")).filter(({ at }) => at > 60);
    expect(longest(made.map(({ at }) => at))).toBe(5);
    for (const endpoint of ["a", "b", "c"]) expect(longest(timesOf(made, endpoint))).toBe(15);
  });

  test("those that let nobody in have their own pauses, and do not take the turn of the others", () => {
    const made = tries(open("a", "b", "c"), "a");
    for (const endpoint of ["b", "c"]) {
      const times = timesOf(made, endpoint);
      expect(times.length).toBeWithin(3, 6);
      expect(longest(times)).toBe(15);
    }
  });

  test("one that asks for patience gets it, and one that is being tried has no turn", () => {
    const book = open("a", "b", "c");
    const fail = (endpoint: string, leastMs = 0): void => {
      for (let time = 0; time < 6; time++) book.failed(endpoint, { leastMs });
      now += 1_000;
    };
    fail("a", 60_000);
    fail("b");
    fail("c");
    expect(book.waitMs("a")).toBe(57_000);
    // Two of three share the 15 s, and c was tried a second ago.
    expect(book.waitMs("b")).toBe(6_500);
    expect(book.waitMs("c")).toBe(14_000);
    expect(book.waitMs("c", new Set(["b"]))).toBe(14_000);
    expect(book.next("a", new Set(["b"]))).toBe("c");
    now += 10_000;
    expect(book.waitMs("b")).toBe(0);
  });
});

describe("an endpoint that is named before the one in use", () => {
  const MINUTE = 60_000;
  /** Minutes from its loss until it may be returned to, when looks at it go so. */
  const looks = (book: EndpointBook, minutes: number, isWell: () => boolean): number[] => {
    const at: number[] = [];
    for (let minute = 1; minute <= minutes; minute++) {
      now += MINUTE;
      if (book.toProbe("b") !== "a") continue;
      at.push(minute);
      if (book.probed("a", isWell())) break;
    }
    return at;
  };

  test("is looked at every five minutes, and returned to after the second good look", () => {
    const book = open("a", "b");
    book.opened("a");
    now += 10 * MINUTE;
    book.lost("a");
    book.opened("b");
    expect(looks(book, 60, () => true)).toEqual([5, 10]);
  });

  test("is looked at ever less often while it is not well, and needs two good looks in a row", () => {
    const book = open("a", "b");
    book.failed("a");
    const results = [false, true, false, true, true];
    expect(looks(book, 200, () => results.shift()!)).toEqual([5, 15, 20, 40, 45]);
  });

  test("that does not hold after a return is not returned to as soon again, and no other is looked at meanwhile", () => {
    const book = open("a", "b");
    const pauses: number[] = [];
    for (let time = 0; time < 6; time++) {
      book.opened("a");
      now += MINUTE;
      book.lost("a");
      book.opened("b");
      pauses.push(looks(book, 1000, () => true)[0]!);
    }
    expect(pauses).toEqual([5, 10, 20, 40, 80, 80]);
  });

  test("shares the pause between looks with others, and the first of them needs none", () => {
    const book = open("a", "b", "c");
    book.failed("a");
    book.failed("b");
    now += 5 * MINUTE;
    expect(book.toProbe("a")).toBeUndefined();
    expect(book.toProbe("c")).toBe("a");
    book.probed("a", false);
    expect(book.toProbe("c")).toBeUndefined();
    now += 5 * MINUTE;
    expect(book.toProbe("c")).toBe("b");
  });
});
