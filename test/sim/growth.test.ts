import { describe, expect, test } from "bun:test";
import { Growth } from "./growth.ts";
import { brokenPromises } from "./promises.ts";
import { randomOf } from "./virtual-time.ts";
import type { SimResult } from "./windows.ts";

/** Memory as it is read: what is held, and up to 150 MB that are not collected yet. */
function growthOf(held: (sample: number) => number, samples = 500): number {
  const random = randomOf(3);
  const growth = new Growth();
  for (let sample = 0; sample < samples; sample++) growth.note(held(sample) + 150 * random() ** 2);
  return growth.perSample;
}

describe("growth", () => {
  test("is told to a hundredth through noise of more than a hundred", () => {
    expect(growthOf(() => 300)).toBeWithin(-0.02, 0.02);
    expect(growthOf((sample) => 300 + 0.1 * sample)).toBeWithin(0.08, 0.12);
  });

  test("is that of the second half: what fills in the first is none", () => {
    expect(growthOf((sample) => 300 + Math.min(100, sample))).toBeWithin(-0.02, 0.02);
  });

  test("is not feigned by a bad stretch at the end", () => {
    expect(growthOf((sample) => (sample < 480 ? 300 : 500))).toBeLessThan(0.05);
  });

  test("is none where there is too little to tell", () => {
    expect(growthOf((sample) => 10 * sample, 19)).toBe(0);
  });
});

describe("a simulation", () => {
  const SOUND = {
    windows: 1000,
    set: 995,
    doubled: [],
    wrong: [],
    slowestRecoveryBlocks: 3,
    sockets: 1,
    subscriptions: 3,
    timers: 8,
    growth: { heapMb: 1, rssMb: 9, functions: 3, sockets: 0, subscriptions: 0, timers: 0 },
  } as unknown as SimResult;

  test("that keeps all promises breaks none", () => {
    expect(brokenPromises(SOUND)).toEqual([]);
  });

  const faults: [string, Partial<SimResult>][] = [
    ["6 of 1000 windows", { set: 994 }],
    ["1 windows got more than one", { doubled: [[3, 4]] }],
    ["1 vectors are wrong", { wrong: ["a"] }],
    ["after 4 blocks", { slowestRecoveryBlocks: 4 }],
    ["2 sockets", { sockets: 2 }],
    ["4 subscriptions", { subscriptions: 4 }],
    ["9 timers", { timers: 9 }],
    ["2.5 more heapMb", { growth: { ...SOUND.growth, heapMb: 2.5 } }],
    ["10.5 more rssMb", { growth: { ...SOUND.growth, rssMb: 10.5 } }],
    ["30.0 more functions", { growth: { ...SOUND.growth, functions: 30 } }],
    ["1.0 more sockets", { growth: { ...SOUND.growth, sockets: 1 } }],
    ["1.0 more subscriptions", { growth: { ...SOUND.growth, subscriptions: 1 } }],
    ["1.0 more timers", { growth: { ...SOUND.growth, timers: 1 } }],
  ];
  for (const [sentence, fault] of faults)
    test(`with ${sentence} is said to break its promise`, () => {
      expect(brokenPromises({ ...SOUND, ...fault })).toEqual([expect.stringContaining(sentence)]);
    });
});
