import { describe, expect, test } from "bun:test";
import { Failure } from "../../src/base/error.ts";
import type { Hotkey } from "../../src/base/units.ts";
import { EVENT_KINDS, type EventBody } from "../../src/events/schema.ts";
import type { Neuron } from "../../src/validator/ports.ts";
import type { ValidatorOptions } from "../../src/validator/session.ts";
import { StateDatabase } from "../../src/validator/state/database.ts";
import { runValidator } from "../../src/validator/validator.ts";
import { until } from "../chain/fixture.ts";
import { FACTS, IDENTITY } from "../fakes/run.ts";
import { FakeChain, fakeModules, neuron, SETTINGS } from "../fakes/session.ts";
import { scratchFolders } from "../scratch.ts";

const folder = scratchFolders("run");

function options(chain: FakeChain, more: Partial<ValidatorOptions<Neuron>> = {}, silent: number[] = []) {
  const { modules, events } = fakeModules(chain, silent);
  const run: ValidatorOptions<Neuron> = {
    settings: SETTINGS,
    identity: IDENTITY,
    modules,
    facts: FACTS,
    stateDirectory: folder(),
    signal: new AbortController().signal,
    stopStageMs: 200,
    ...more,
  };
  return { run, events, modules };
}

const ofKind = <Kind extends EventBody["kind"]>(events: EventBody[], kind: Kind) =>
  events.filter((event): event is Extract<EventBody, { kind: Kind }> => event.kind === kind);

function savedIn(stateDirectory: string) {
  const database = StateDatabase.open(stateDirectory, IDENTITY);
  try {
    return database.load()!;
  } finally {
    database.close();
  }
}

describe("a run of the validator", () => {
  test("asks for a summary, a question and its answer, and builds each prompt on the best reply", async () => {
    const { run, events, modules } = options(new FakeChain());
    const counted: number[] = [];
    await runValidator({ ...run, onEnd: (count) => void counted.push(count) });
    expect(counted).toEqual([3]);
    const steps = ofKind(events, "step");
    expect(steps.map(({ name, task, step }) => [name, task, step])).toEqual([
      ["augment", "augment", 1],
      ["followup0", "followup", 2],
      ["answer0", "answer", 3],
    ]);
    expect(new Set(steps.map(({ forward }) => forward)).size).toBe(1);
    expect(modules.miners.prompts[0]).toContain("One sentence.");
    expect(modules.miners.prompts[1]).toContain(steps[0]!.best);
    expect(modules.miners.prompts[2]).toContain(steps[1]!.best);
    expect(steps[1]!.base_prompt).toBe(steps[0]!.best);
  });

  test("tells everything in the shape of its kind, from the start to the last scores", async () => {
    const { run, events } = options(new FakeChain());
    await runValidator(run);
    for (const event of events) expect(EVENT_KINDS[event.kind].safeParse(event).error).toBeUndefined();
    expect(events[0]).toMatchObject({ kind: "run", uid: 0, permit: true, steps: 0, ...FACTS });
    expect(events.at(-1)!.kind).toBe("scores");
    const [last] = ofKind(events, "scores").slice(-1);
    expect(last!.moving_averaged_scores).toEqual([...savedIn(run.stateDirectory).scores.scores]);
    const { stages } = ofKind(events, "step")[0]!;
    expect(stages.parts).toEqual({ fake_reward_model: 1 });
  });

  test("asks every miner once before any is asked again, and never itself", async () => {
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
    const event = ofKind(events, "step")[0]! as EventBody & {
      fake_reward_model: (number | null)[];
    } & Extract<EventBody, { kind: "step" }>;
    const failed = event.uids.indexOf(2);
    expect(event.completions[failed]).toBe("");
    expect(event.rewards[failed]).toBe(0);
    expect(event.fake_reward_model[failed]).toBeNull();
    expect(event.completion_status_codes[failed]).toBe(408);
    expect(event.nan_columns).toEqual(["fake_reward_model"]);
  });

  test("tells the judge which part of the allowed time each answer took", async () => {
    const { run, events, modules } = options(new FakeChain(), {}, [2]);
    await runValidator({ ...run, settings: { ...SETTINGS, answerTimeoutMs: 4_000 } });
    // The fakes take 5 ms, and a silent one all of a second.
    const expected = ofKind(events, "step").map(({ name, uids }) =>
      uids.map((uid) => (uid === 2 ? 1000 : 5) / (name === "answer0" ? 4_000 : 1_000)),
    );
    expect(modules.judge.taken).toEqual(expected);
  });

  test("ends the forward when nobody answers and records no invented best", async () => {
    const { run, events } = options(new FakeChain(), {}, [1, 2, 3, 4]);
    await runValidator(run);
    const steps = ofKind(events, "step");
    expect(steps).toHaveLength(1);
    expect(steps[0]!.best).toBe("");
    expect(ofKind(events, "forward")).toMatchObject([{ outcome: "ended", reason: "nobody-answered" }]);
  });

  test("ends the forward where the best answer is too poor to build on, and says so", async () => {
    const { run, events } = options(new FakeChain(), { settings: { ...SETTINGS, minBestReward: 1 } });
    await runValidator(run);
    expect(ofKind(events, "step")).toHaveLength(1);
    expect(ofKind(events, "step")[0]!.best).not.toBe("");
    expect(ofKind(events, "forward")).toMatchObject([{ outcome: "ended", reason: "too-poor" }]);
  });

  test("does not credit a uid that changed hands while the step ran", async () => {
    const chain = new FakeChain();
    const { run, modules } = options(chain, {
      settings: { ...SETTINGS, followupSampleSize: 4, followupSteps: 0 },
    });
    const ask = modules.miners.ask.bind(modules.miners);
    modules.miners.ask = async (...given) =>
      (await ask(...given)).map((reply) =>
        reply.uid === 3 ? { ...reply, hotkey: "former" as Hotkey } : reply,
      );
    await runValidator(run);
    expect(modules.router.trained[0]!.toSorted()).toEqual([1, 2, 4]);
    const { scores, asked } = savedIn(run.stateDirectory).scores;
    expect([...asked]).toEqual([0, 1, 1, 0, 1]);
    expect([...scores].map((score) => score > 0)).toEqual([false, true, true, false, true]);
  });

  test("brings all lanes to rest and saves the state when one of them fails for good", async () => {
    const broken = new Failure("model.corrupt", { message: "the file is damaged" });
    const { run, events, modules } = options(new FakeChain());
    let calls = 0;
    modules.judge.whileScoring = () => {
      if (++calls === 4) throw broken;
    };
    const settings = { ...SETTINGS, forwards: 0, concurrentForwards: 2 };
    const counted: number[] = [];
    const onEnd = (count: number) => void counted.push(count);
    await expect(runValidator({ ...run, settings, onEnd })).rejects.toBe(broken);
    expect(counted).toEqual([ofKind(events, "step").length]);
    const atEnd = events.length;
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(events).toHaveLength(atEnd);
    expect(savedIn(run.stateDirectory).steps).toBe(ofKind(events, "step").length);
  });
});

describe("routing", () => {
  const routed = { ...SETTINGS, explore: 0, followupSampleSize: 1, answerSampleSize: 1 };

  test("asks the miner with the highest score, then the next one", async () => {
    const { run, modules, events } = options(new FakeChain(), { settings: routed });
    await runValidator(run);
    expect(modules.miners.asked).toEqual([[4], [3], [2]]);
    expect(ofKind(events, "step").map((event) => event.routed)).toEqual([[1], [1], [1]]);
  });

  test("is off by default: every miner has its turn", async () => {
    const { run, modules, events } = options(new FakeChain(), {
      settings: { ...routed, explore: 1, forwards: 60 },
    });
    await runValidator(run);
    const firsts = modules.miners.asked.filter((_, step) => step % 3 === 0).flat();
    expect(new Set(firsts)).toEqual(new Set([1, 2, 3, 4]));
    expect(ofKind(events, "step").flatMap((event) => event.routed)).not.toContain(1);
  });

  test("learns from every step, and the event has the loss", async () => {
    const { run, modules, events } = options(new FakeChain(), {}, [2]);
    await runValidator(run);
    expect(modules.router.trained).toEqual(modules.miners.asked);
    expect(ofKind(events, "step").map((event) => event.gating_loss)).toEqual([1, 1 / 2, 1 / 3]);
  });
});

describe("a stop", () => {
  /** Runs until the third step, then hands the run over. */
  async function running(chain = new FakeChain(), more: Partial<ValidatorOptions<Neuron>> = {}) {
    const stop = new AbortController();
    const { run, events, modules } = options(chain, { signal: stop.signal, ...more });
    const { promise: begun, resolve } = Promise.withResolvers<void>();
    modules.miners.beforeReplies = () => {
      if (ofKind(events, "step").length >= 3) resolve();
    };
    const ended = runValidator({ ...run, settings: { ...SETTINGS, forwards: 0, ...more.settings } }).then(
      () => undefined,
      (error: unknown) => error,
    );
    await begun;
    return { chain, stop, run, events, modules, ended };
  }

  test("gives up the step under way, tells the scores, and keeps the state", async () => {
    const { stop, ended, events, run } = await running();
    stop.abort();
    expect(await ended).toBeUndefined();
    expect(events.at(-1)!.kind).toBe("scores");
    expect(savedIn(run.stateDirectory).steps).toBe(ofKind(events, "step").length);
  });

  test("does not wait for a judge that hangs, nor for a duty that does", async () => {
    const chain = new FakeChain();
    const { stop, ended, modules, run, events } = await running(chain);
    modules.judge.whileScoring = () => new Promise(() => {});
    const fetchSubnet = chain.fetchSubnet.bind(chain);
    chain.fetchSubnet = () => new Promise(() => {});
    void chain.tick(10);
    stop.abort();
    const startedMs = performance.now();
    expect(await ended).toBeUndefined();
    expect(performance.now() - startedMs).toBeLessThan(5_000);
    chain.fetchSubnet = fetchSubnet;
    expect(savedIn(run.stateDirectory).steps).toBe(ofKind(events, "step").length);
  }, 30_000);

  test("a lost registration ends the run with that error, also while another duty hangs", async () => {
    const gone = new Failure("chain.not-registered", { message: "gone" });
    const { chain, ended, events } = await running();
    chain.sendWeights = () => new Promise(() => {});
    void chain.tick(20);
    await new Promise((resolve) => setImmediate(resolve));
    chain.fetchSubnet = async () => {
      throw gone;
    };
    void chain.tick(10);
    expect(await ended).toBe(gone);
    expect(ofKind(events, "chain")).toMatchObject([{ state: "registration", value: null }]);
  }, 30_000);

  test("a lost registration is waited for where that was asked for, and the run goes on with its scores", async () => {
    const { chain, ended, events, stop, modules } = await running(new FakeChain(), {
      settings: { ...SETTINGS, forwards: 0, waitsForRegistration: true },
    });
    const { fetchSubnet } = chain;
    let isGone = true;
    chain.fetchSubnet = async () => {
      if (isGone) throw new Failure("chain.not-registered", { message: "gone" });
      return fetchSubnet.call(chain);
    };
    modules.time.onSleep = () => {
      isGone = false;
    };
    void chain.tick(10);
    await until(() => ofKind(events, "run").length === 2);
    expect(ofKind(events, "chain")[0]).toMatchObject({ state: "registration", value: null });
    stop.abort();
    await ended;
  }, 30_000);

  test("blocks that do not become final are told once, and when they do again", async () => {
    const { chain, ended, events, stop } = await running();
    chain.finalBlock = chain.block;
    await chain.tick(24);
    expect(ofKind(events, "chain")).toEqual([]);
    await chain.tick();
    await chain.tick();
    chain.finalBlock = chain.block - 10;
    await chain.tick(0);
    expect(ofKind(events, "chain")).toMatchObject([
      { state: "finality", value: 25 },
      { state: "finality", value: 0 },
    ]);
    stop.abort();
    await ended;
  });

  test("the metagraph is read every few blocks, and its scores told", async () => {
    const { chain, stop, ended, modules, events } = await running();
    chain.neurons = [...chain.neurons, neuron(5)];
    await chain.tick(SETTINGS.checkpointBlocks - 1);
    expect(ofKind(events, "scores")).toHaveLength(0);
    await chain.tick();
    expect(modules.router.aligned.map(({ hotkey }) => hotkey)).toEqual(
      chain.neurons.map(({ hotkey }) => hotkey),
    );
    expect(ofKind(events, "scores")).toHaveLength(1);
    stop.abort();
    await ended;
  });
});
