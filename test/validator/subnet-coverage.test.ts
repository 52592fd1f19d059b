import { describe, expect, test } from "bun:test";
import { asBlock } from "../../src/base/units.ts";
import { chooseForStep } from "../../src/validator/choose.ts";
import { epochStart } from "../../src/validator/epochs.ts";
import { noteTurns, subnetCoverage, tellCoverage } from "../../src/validator/subnet-coverage.ts";
import { capturedLog } from "../captured-log.ts";
import { openSession, type RunChoice } from "../fakes/run.ts";
import { FakeChain, neuron } from "../fakes/session.ts";
import { scratchFolders } from "../scratch.ts";

const folder = scratchFolders("coverage");
const log = capturedLog();
const MINERS = 40;
const QUESTION = {
  name: "q",
  task: "augment",
  prompt: "p",
  basePrompt: "p",
  origin: "dataset",
  forward: "f",
} as const;

async function open(settings: RunChoice["settings"] = {}) {
  const chain = new FakeChain();
  chain.neurons = [chain.neurons[0]!, ...Array.from({ length: MINERS }, (_, uid) => neuron(uid + 1))];
  chain.nextEpochBlock = 110;
  const run = await openSession(chain, { directory: folder(), settings });
  /** One step of a forward pass of its own. @returns how many new miners it asked */
  const ask = async (sampleSize: number): Promise<string[]> => {
    const { miners } = await chooseForStep(run.session, QUESTION, { sampleSize, asked: new Set() });
    const hotkeys = miners.map(({ hotkey }) => hotkey);
    run.session.state.turns.note(hotkeys, chain.head());
    return hotkeys;
  };
  return { ...run, chain, ask };
}

describe("--neuron.cover", () => {
  test("asks every miner once before any is asked again, epoch by epoch", async () => {
    const { ask, chain } = await open({ covers: true });
    for (let epoch = 0; epoch < 3; epoch++) {
      const asked = [...(await ask(16)), ...(await ask(16)), ...(await ask(8))];
      expect(new Set(asked).size).toBe(MINERS);
      // The rest of the epoch is free for all.
      expect(await ask(16)).toHaveLength(16);
      chain.block = 110 + 20 * epoch;
    }
  });

  test("is off by default, and chance decides", async () => {
    const { ask } = await open();
    const asked = [...(await ask(16)), ...(await ask(16)), ...(await ask(8))];
    expect(new Set(asked).size).toBeLessThan(MINERS);
  });
});

test("an epoch begins with the block of its schedule, however old the reading of it is", () => {
  const at = (head: number) => epochStart({ nextEpochBlock: 110, tempo: 20 }, asBlock(head));
  expect([100, 109, 110, 129, 130, 200].map(at)).toEqual([90, 90, 110, 110, 130, 190]);
  expect(epochStart({ nextEpochBlock: undefined, tempo: 20 }, asBlock(100))).toBe(80);
});

test("miners without a turn since the weights before are counted, and told at the changes", async () => {
  const { session, chain, ask } = await open({ covers: true });
  expect(noteTurns(session, 99)).toBeUndefined();
  await ask(30);
  expect(noteTurns(session, 100)).toBe(10);
  expect(noteTurns(session, 100)).toBe(10);
  // Who registered since then had less time than the others.
  chain.neurons = [...chain.neurons, neuron(MINERS + 1, { registeredAt: asBlock(105) })];
  session.state.subnet = await chain.fetchSubnet();
  await ask(11);
  expect(noteTurns(session, 100)).toBe(0);
  const told = log.filter((line) => line.includes("since the weights before"));
  expect(told).toEqual([
    expect.stringContaining("Miners were not asked since the weights before"),
    expect.stringContaining("Every miner was asked since the weights before"),
  ]);
});

test("a start says when an epoch is too short for a turn of every miner, and is silent otherwise", async () => {
  const { session } = await open({ followupSampleSize: 50, answerSampleSize: 50 });
  tellCoverage(session);
  expect(log.filter((line) => line.includes("Not every miner"))).toEqual([]);
  session.state.evidence = { countedSteps: 10, blocks: 100 };
  const few = { ...session, settings: { ...session.settings, followupSampleSize: 5, answerSampleSize: 5 } };
  tellCoverage(few);
  expect(log.at(-1)).toContain("Not every miner is asked in each epoch");
  expect(log.at(-1)).toContain("about 2 steps of 5 miners, fewer than one turn for each of 40");
});

test("a pace that is not measured yet is what the time limits leave room for", async () => {
  const { session, chain } = await open({ concurrentForwards: 2 });
  const { settings, state } = session;
  const coverage = subnetCoverage(
    settings,
    state.subnet,
    { countedSteps: 4, blocks: 100 },
    chain.blockTimeMs,
  );
  // Two lanes of steps of a second each, in 20 blocks of 12 s.
  expect(coverage.text).toStartWith("an epoch has room for at least 480 steps of 3 miners");
});
