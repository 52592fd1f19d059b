import { expect, test } from "bun:test";
import { asUid, type Hotkey } from "../../src/base/units.ts";
import type { Metagraph } from "../../src/chain/metagraph.ts";
import { weigh } from "../../src/validator/weighing.ts";
import { PLAIN_POLICY } from "../../src/weights/shape.ts";

const METAGRAPH = {
  hotkeys: ["own", "old", "new"] as Hotkey[],
  coldkeys: ["c", "c", "c"],
  blockAtRegistration: [1, 1, 150],
  // Of the first mechanism.
  lastUpdate: [200, 0, 0],
  hyperparameters: { minAllowedWeights: 0, maxWeightsLimit: 65_535 },
} as unknown as Metagraph;

test("weights of a mechanism are smoothed with what was set there since each holder came", () => {
  const weighed = (setAt: number) =>
    weigh(
      {
        metagraph: METAGRAPH,
        scores: Float32Array.of(0, 1, 0),
        neverAsked: [false, false, false],
        chain: { row: [[asUid(2), 65_535]], setAt, owner: "nobody" },
      },
      { ...PLAIN_POLICY, smoothing: 0.5 },
    ).uids;
  expect(weighed(100)).toEqual([1]);
  expect(weighed(150)).toEqual([1]);
  expect(weighed(200)).toEqual([1, 2]);
});

test("a miner whose score has almost decayed counts among the weights that the subnet asks for", () => {
  const metagraph = { ...METAGRAPH, hyperparameters: { minAllowedWeights: 3, maxWeightsLimit: 65_535 } };
  const { uids, values } = weigh(
    {
      metagraph: metagraph as Metagraph,
      scores: Float32Array.of(0.5, 0.4, 1e-9),
      neverAsked: [false, false, false],
      chain: undefined,
    },
    PLAIN_POLICY,
  );
  expect([uids, values]).toEqual([
    [0, 1, 2],
    [65_535, 52_428, 1],
  ]);
});
