import { describe, expect, test } from "bun:test";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Failure } from "../../src/base/error.ts";
import { parseEvent } from "../../src/events/schema.ts";
import type { StepEventV1 as StepEvent, WeightsEventV1 as WeightsEvent } from "../../src/events/version-1.ts";
import { memoryOf } from "../../src/validator/memory.ts";
import type { Neuron } from "../../src/validator/ports.ts";
import { runValidator, type ValidatorOptions } from "../../src/validator/validator.ts";
import { savedState } from "../fakes/saved-state.ts";
import { FakeChain, fakeModules, neuron, SETTINGS } from "../fakes/session.ts";

const identity = { genesis: "0xfake", netuid: 1, hotkey: "key0" };
const folder = (): string => mkdtempSync(join(tmpdir(), "ov-run-"));

function options(chain: FakeChain, more: Partial<ValidatorOptions<Neuron>> = {}, silent: number[] = []) {
  const { modules, events } = fakeModules(chain, silent);
  const stateDirectory = folder();
  const signal = new AbortController().signal;
  return { run: { settings: SETTINGS, identity, modules, stateDirectory, signal, ...more }, events, modules };
}

const stepsOf = (events: unknown[]): StepEvent[] =>
  events.filter((event): event is StepEvent => (event as StepEvent).kind === "step");

describe("a run of the validator", () => {
  test("asks for a summary, a question and its answer, and builds each prompt on the best reply", async () => {
    const { run, events, modules } = options(new FakeChain());
    await runValidator(run);
    const steps = stepsOf(events);
    expect(steps.map((event) => event.name)).toEqual(["augment", "followup0", "answer0"]);
    expect(new Set(steps.map((event) => event.forward)).size).toBe(1);
    expect(modules.miners.prompts[0]).toContain("One sentence.");
    expect(modules.miners.prompts[1]).toContain(steps[0]!.best);
    expect(modules.miners.prompts[2]).toContain(steps[1]!.best);
    for (const event of events) expect(parseEvent(event)).toBeDefined();
  });

  test("asks every miner once before any is asked again", async () => {
    const { run, modules } = options(new FakeChain());
    await runValidator({ ...run, settings: { ...SETTINGS, followupSampleSize: 2, answerSampleSize: 2 } });
    const [first, second] = modules.miners.asked;
    expect([...first!, ...second!].sort()).toEqual([1, 2, 3, 4]);
    expect(modules.miners.asked.flat()).not.toContain(0);
  });

  test("writes a failed miner as an empty completion with null in the column and reward 0", async () => {
    const chain = new FakeChain();
    chain.neurons = [chain.neurons[0]!, neuron(1), neuron(2)];
    const { run, events } = options(chain, {}, [2]);
    await runValidator(run);
    const event = stepsOf(events)[0]! as StepEvent & { fake_reward_model: (number | null)[] };
    const failed = event.uids.indexOf(2);
    expect(event.completions[failed]).toBe("");
    expect(event.rewards[failed]).toBe(0);
    expect(event.fake_reward_model[failed]).toBeNull();
    expect(event.completion_status_codes[failed]).toBe(408);
    expect(event.nan_columns).toEqual(["fake_reward_model"]);
  });

  test("ends the forward when nobody answers and records no invented best", async () => {
    const { run, events } = options(new FakeChain(), {}, [1, 2, 3, 4]);
    await runValidator(run);
    const steps = stepsOf(events);
    expect(steps).toHaveLength(1);
    expect(steps[0]!.best).toBe("");
  });

  test("continues with the same scores after a restart, and drops those of a replaced hotkey", async () => {
    const chain = new FakeChain();
    const { run } = options(chain);
    await runValidator(run);
    const before = savedState(run.stateDirectory, identity);
    expect(Math.max(...before.scores.scores)).toBeGreaterThan(0);

    const again = options(chain, { stateDirectory: run.stateDirectory });
    await runValidator({ ...again.run, settings: { ...SETTINGS, forwards: 0 }, signal: AbortSignal.abort() });
    expect(savedState(run.stateDirectory, identity).scores).toEqual(before.scores);
    expect(again.modules.judge.remembered).toBe(before.steps);

    chain.neurons = chain.neurons.map((old) =>
      old.uid === 4 ? { ...old, hotkey: "new" as typeof old.hotkey } : old,
    );
    const third = options(chain, { stateDirectory: run.stateDirectory });
    await runValidator({ ...third.run, settings: { ...SETTINGS, forwards: 0 }, signal: AbortSignal.abort() });
    const after = savedState(run.stateDirectory, identity);
    expect(after.scores.scores[4]).toBe(0);
    expect(after.scores.scores[3]).toBe(before.scores.scores[3]!);
  });
});

describe("routing", () => {
  const routed = { ...SETTINGS, explore: 0, followupSampleSize: 1, answerSampleSize: 1 };

  test("asks the miner with the highest score, then the next one", async () => {
    const { run, modules } = options(new FakeChain(), { settings: routed });
    await runValidator(run);
    expect(modules.miners.asked).toEqual([[4], [3], [2]]);
  });

  test("is off by default: every miner has its turn", async () => {
    const { run, modules } = options(new FakeChain(), { settings: { ...routed, explore: 1, forwards: 20 } });
    await runValidator(run);
    const firsts = modules.miners.asked.filter((_, step) => step % 3 === 0).flat();
    expect(new Set(firsts)).toEqual(new Set([1, 2, 3, 4]));
  });

  test("learns from every step, and the event has the loss", async () => {
    const { run, modules, events } = options(new FakeChain(), {}, [2]);
    await runValidator(run);
    expect(modules.router.trained).toEqual(modules.miners.asked);
    expect(stepsOf(events).map((event) => event.gating_loss)).toEqual([1, 1 / 2, 1 / 3]);
  });

  test("does not learn from a uid that changed hands while the step ran", async () => {
    const chain = new FakeChain();
    const { run, modules } = options(chain, { settings: { ...SETTINGS, followupSampleSize: 4 } });
    const ask = modules.miners.ask.bind(modules.miners);
    modules.miners.ask = async (...given) => {
      const replies = await ask(...given);
      return replies.map((reply) =>
        reply.uid === 3 ? { ...reply, hotkey: "former" as typeof reply.hotkey } : reply,
      );
    };
    await runValidator(run);
    expect(modules.router.trained[0]!.toSorted()).toEqual([1, 2, 4]);
  });

  test("goes on with the saved layer, brought to the hotkeys of now", async () => {
    const chain = new FakeChain();
    const first = options(chain);
    await runValidator(first.run);
    expect(first.modules.router.loaded).toEqual([]);
    const saved = savedState(first.run.stateDirectory, identity);
    expect(memoryOf(saved.router!)).toEqual({ json: { steps: 3 }, arrays: { bias: Float32Array.of(3) } });

    const before = chain.neurons.map(({ hotkey }) => hotkey);
    chain.neurons = [
      ...chain.neurons.slice(0, 4),
      { ...chain.neurons[4]!, hotkey: "new" as (typeof before)[0] },
    ];
    const { run, modules } = options(chain, { stateDirectory: first.run.stateDirectory });
    await runValidator({ ...run, settings: { ...SETTINGS, forwards: 0 }, signal: AbortSignal.abort() });
    expect(modules.router.loaded).toEqual([{ memory: memoryOf(saved.router!), hotkeys: before }]);
    expect(modules.router.hotkeys[4]).toBe("new");
  });

  test("brings all lanes to rest and saves the state when one of them fails for good", async () => {
    const broken = new Failure("model.corrupt", { message: "the file is damaged" });
    const { run, events, modules } = options(new FakeChain());
    const score = modules.judge.score.bind(modules.judge);
    let calls = 0;
    modules.judge.score = async (question, completions) => {
      if (++calls === 4) throw broken;
      return score(question, completions);
    };
    const settings = { ...SETTINGS, forwards: 0, concurrentForwards: 2 };
    await expect(runValidator({ ...run, settings })).rejects.toBe(broken);
    const atEnd = events.length;
    await Bun.sleep(20);
    expect(events).toHaveLength(atEnd);
    expect(savedState(run.stateDirectory, identity).steps).toBe(stepsOf(events).length);
  });
});

describe("duties", () => {
  /** Runs until `blocks` blocks have passed. */
  async function runFor(chain: FakeChain, blocks: number, more: Partial<ValidatorOptions<Neuron>> = {}) {
    const stop = new AbortController();
    const { run, events } = options(chain, { signal: stop.signal, ...more });
    const ended = runValidator({ ...run, settings: { ...SETTINGS, forwards: 0, ...more.settings } });
    const outcome = ended.then(
      () => undefined,
      (error: unknown) => error,
    );
    while (stepsOf(events).length < 3) await Bun.sleep(1);
    for (let block = 0; block < blocks; block++) await chain.tick();
    stop.abort();
    return { error: await outcome, events, stateDirectory: run.stateDirectory };
  }
  const weightsOf = (events: unknown[]): WeightsEvent[] =>
    events.filter((event): event is WeightsEvent => (event as WeightsEvent).kind === "weights");

  test("weights wait for one epoch of steps when there is no saved state, then come once per epoch", async () => {
    const chain = new FakeChain();
    const { events } = await runFor(chain, 45);
    expect(weightsOf(events).map((event) => event.block)).toEqual([120, 140]);
  });

  test("weights follow the last update on chain after a restart", async () => {
    const chain = new FakeChain();
    const { stateDirectory } = await runFor(chain, 1);
    chain.block = 105;
    const { events } = await runFor(chain, 10, { stateDirectory });
    expect(weightsOf(events).map((event) => event.block)).toEqual([110]);
  });

  test("never sets weights when told not to", async () => {
    const chain = new FakeChain();
    await runFor(chain, 60, { settings: { ...SETTINGS, forwards: 0, setsWeights: false } });
    expect(chain.sent).toHaveLength(0);
  });

  test("waits exactly the blocks that the chain's rate limit names", async () => {
    const chain = new FakeChain();
    chain.refusal = new Failure("chain.rate-limited", {
      message: "too fast",
      retryInBlocks: 7,
      retry: "soon",
    });
    const attempts: number[] = [];
    const sendWeights = chain.sendWeights.bind(chain);
    chain.sendWeights = async (scores) => {
      attempts.push(chain.block);
      return sendWeights(scores);
    };
    const { events } = await runFor(chain, 30);
    expect(attempts).toEqual([120, 127]);
    expect(weightsOf(events)).toEqual([]);
  });

  test("records a refusal and tries again after a few blocks when it may pass", async () => {
    const chain = new FakeChain();
    chain.refusal = new Failure("chain.unreachable", { message: "no answer", retry: "soon" });
    const { events } = await runFor(chain, 27);
    expect(weightsOf(events).map((event) => [event.block, event.error])).toEqual([
      [120, "no answer"],
      [125, "no answer"],
    ]);
  });

  test("the metagraph brings the router to the hotkeys of now", async () => {
    const chain = new FakeChain();
    const { run, modules } = options(chain, { settings: { ...SETTINGS, forwards: 0 } });
    const stop = new AbortController();
    const ended = runValidator({ ...run, signal: stop.signal });
    await Bun.sleep(2);
    chain.neurons = [...chain.neurons, neuron(5)];
    await chain.tick(SETTINGS.checkpointBlocks);
    stop.abort();
    await ended;
    expect(modules.router.hotkeys).toEqual(chain.neurons.map(({ hotkey }) => hotkey));
  });

  test("a lost registration ends the run with that error", async () => {
    const chain = new FakeChain();
    const gone = new Failure("chain.not-registered", { message: "gone" });
    const fetchSubnet = chain.fetchSubnet.bind(chain);
    chain.fetchSubnet = async () => {
      if (chain.block >= 106) throw gone;
      return fetchSubnet();
    };
    const { error } = await runFor(chain, 20);
    expect(error).toBe(gone);
  });
});
