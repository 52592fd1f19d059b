import { expect, test } from "bun:test";
import { AllWell } from "../../src/telemetry/all-well.ts";
import type { Status } from "../../src/telemetry/status.ts";
import { StatusFold } from "../../src/telemetry/status-fold.ts";
import { capturedLog } from "../captured-log.ts";
import { bodyOf, START_MS, stamped } from "./stamped.ts";

const lines = capturedLog();

/** Tells steps at these blocks; @returns how often the status was asked for */
function tell(
  blocks: readonly number[],
  change: (status: Status) => Partial<Status> = () => ({}),
  step: (at: number) => object = () => ({}),
): number {
  const fold = new StatusFold();
  const allWell = new AllWell();
  let asked = 0;
  const events = [
    stamped(bodyOf("run", { epoch_blocks: 100, last_weights_block: 990 }), 0, 1_000),
    ...blocks.map((block, at) =>
      stamped(bodyOf("step", { step: at + 1, ...step(at) }), 12 * (block - 1_000), block),
    ),
  ];
  for (const event of events) {
    fold.apply(event);
    allWell.note(event, () => {
      asked++;
      const status = fold.snapshot(START_MS + 12_000 * (event.block - 1_000));
      return { ...status, alerts: [], healthy: true, ...change(status) };
    });
  }
  return asked;
}

test("one line for each epoch in which nothing is wrong, and the status is asked for no more often", () => {
  const blocks = Array.from({ length: 35 }, (_, at) => 1_010 + 10 * at);
  expect(tell(blocks)).toBe(3);
  expect(lines).toHaveLength(3);
  expect(lines[0]).toMatch(
    /INFO {2}All is well {2}block=1100 steps=10 stepsPerMinute=[\d.]+ answerRate=[\d.]+ meanReward=[\d.]+ weightsBlock=990\n$/,
  );
});

test("it names the block of the next weights while that is to come, and what they wait for where it has passed", () => {
  const weights = (more: object) => (status: Status) => ({ weights: { ...status.weights, ...more } });
  tell([1_100], weights({ nextBlock: 1_120 }));
  tell([1_100], weights({ lastBlock: 0, nextBlock: 20, state: "waiting", reason: "one epoch of steps" }));
  expect(lines[0]).toEndWith("weightsBlock=990 nextWeightsBlock=1120\n");
  expect(lines[1]).toMatch(/meanReward=[\d.]+ weightsWaitFor="one epoch of steps"\n$/);
});

test("it names a release that is not taken yet, or on trial", () => {
  const update = (more: object) => (status: Status) => ({ update: { ...status.update!, ...more } });
  tell([1_100], update({ available: "1.1.0" }));
  tell([1_100], update({ onTrial: "1.1.0" }));
  expect(lines[0]).toEndWith("newerRelease=1.1.0\n");
  expect(lines[1]).toEndWith("releaseOnTrial=1.1.0\n");
});

test("no line while something is wrong", () => {
  const alert = { name: "disk_low", since: "", text: "", severity: "warning" } as const;
  tell([1_100], () => ({ alerts: [alert] }));
  tell([1_100], () => ({ healthy: false }));
  expect(lines).toEqual([]);
});

test("its reward is the mean over the counted steps of the epoch, and of that epoch alone", () => {
  const blocks = [1_010, 1_050, 1_060, 1_100, 1_150, 1_200];
  const rewards = [0.2, 0.4, 0.9, 0.6, 0.1, 0.3];
  tell(blocks, undefined, (at) => ({ rewards: Array(4).fill(rewards[at]), counted: at !== 2 }));
  expect(lines.map((line) => /meanReward=(\S+)/.exec(line)?.[1])).toEqual(["0.4", "0.2"]);
});
