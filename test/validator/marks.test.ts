import { expect, test } from "bun:test";
import { asHotkey } from "../../src/base/units.ts";
import { columnsOf, type StepBody } from "../../src/events/schema.ts";
import { parseScoringPrompt } from "../../src/prompts/scoring.ts";
import type { Neuron } from "../../src/validator/ports.ts";
import type { ValidatorOptions } from "../../src/validator/session.ts";
import { runValidator } from "../../src/validator/validator.ts";
import { FACTS, IDENTITY } from "../fakes/run.ts";
import { FakeChain, fakeModules, neuron, SETTINGS } from "../fakes/session.ts";
import { scratchFolders } from "../scratch.ts";

const folder = scratchFolders("marks");

/** Runs one forward pass in which miners that are asked for a mark say what `marks` gives them. */
async function passWith(mark: (rater: number) => string | null, shadowMiners: number, neurons?: Neuron[]) {
  const chain = new FakeChain();
  if (neurons) chain.neurons = neurons;
  const { modules, events } = fakeModules(chain);
  const asked: { rater: number; reply: string }[] = [];
  const ask = modules.miners.ask.bind(modules.miners);
  modules.miners.ask = async (raters, prompt) => {
    const parsed = parseScoringPrompt(prompt);
    if (parsed === null) return await ask(raters, prompt);
    const [rater] = raters;
    asked.push({ rater: rater!.uid, reply: parsed.reply });
    const { uid, hotkey } = rater!;
    return [{ uid, hotkey, status: 200, message: "", completion: mark(uid), elapsedMs: 1 }];
  };
  const options: ValidatorOptions<Neuron> = {
    settings: { ...SETTINGS, shadowMiners },
    identity: IDENTITY,
    modules,
    facts: FACTS,
    stateDirectory: folder(),
    signal: new AbortController().signal,
  };
  await runValidator(options);
  const steps = events.filter((event): event is StepBody => event.kind === "step");
  return { steps: steps.map((step) => ({ step, columns: columnsOf(step) })), asked };
}

test("marks of other miners stand beside the answers, and change no reward", async () => {
  const { steps, asked } = await passWith((rater) => `${rater}/10`, 2);
  const { steps: without } = await passWith(() => "9", 0);
  expect(steps).toHaveLength(3);
  expect(asked).toHaveLength(2 * 3);
  for (const { step, columns } of steps) {
    const { shadow_miners: marks, shadow_miners_uids: raters } = columns as Record<string, (number | null)[]>;
    expect(marks!.filter((mark) => mark !== null)).toHaveLength(2);
    for (const [row, rater] of raters!.entries()) {
      expect(marks![row]).toBe(rater === null ? null : rater / 10);
      if (rater === null) continue;
      expect(rater).not.toBe(step.uids[row]!);
      expect(rater).not.toBe(0);
    }
    // The fake judge gives a tenth of the uid; marks of up to 0.9 leave that alone.
    expect(step.rewards).toEqual(step.uids.map((uid) => uid / 10));
  }
  for (const { columns } of without) expect(Object.keys(columns)).not.toContain("shadow_miners");
});

test("what is no mark, and a rater that fails, leave null", async () => {
  const { steps } = await passWith((rater) => (rater % 2 === 0 ? "a fine answer" : null), 3);
  for (const { columns } of steps) expect(new Set(columns.shadow_miners)).toEqual(new Set([null]));
});

test("a miner alone marks nobody: its own answer is the only one", async () => {
  const validator = neuron(0, { hotkey: asHotkey("key0"), hasValidatorPermit: true, stakeTao: 10_000 });
  const { asked, steps } = await passWith(() => "5", 4, [validator, neuron(1)]);
  expect(asked).toEqual([]);
  expect(steps[0]!.columns.shadow_miners).toEqual([null]);
});
