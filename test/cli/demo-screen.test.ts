import { expect, test } from "bun:test";
import { demoTable, progressLine } from "../../src/cli/demo-screen.ts";

const miner = {
  uid: 4,
  character: "good",
  asked: 16,
  reward: 0.7,
  score: 0.6,
  share: 0.9,
  loss: "form 19 %",
};

test("the miners of a demo stand by their score, numbers to the right, on a screen of 80 columns", () => {
  const text = demoTable(
    [
      { ...miner, uid: 10, character: "slow", answered: 8, latencyMs: 1186, score: 0.2, share: 0.056 },
      { ...miner, answered: 16, latencyMs: 66 },
      {
        ...miner,
        uid: 12,
        character: "silent",
        answered: 0,
        latencyMs: undefined,
        score: 0,
        share: 0,
        loss: "-",
      },
    ],
    70,
    80,
  );
  const lines = text.split("\n");
  expect(lines.slice(1, 6)).toEqual([
    "uid  character  answered  reward  latency   score  weight  mostly lost by",
    "---  ---------  --------  ------  -------  ------  ------  --------------",
    "  4  good          16/16   0.700    66 ms  0.6000  90.0 %  form 19 %",
    " 10  slow           8/16   0.700  1186 ms  0.2000   5.6 %  form 19 %",
    " 12  silent         0/16   0.700        -  0.0000   0.0 %  -",
  ]);
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
  expect(text).toContain("shortly before block 70");
});

test("the line of a demo that is drawn over stays one line", () => {
  const line = "block 100 · 16 steps in 4 forward passes · weights committed, waiting for the reveal";
  expect(progressLine(line, 80)).toBe(`${line.slice(0, 78)}…`);
  expect(progressLine(line)).toBe(line);
});
