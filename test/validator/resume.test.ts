import { describe, expect, test } from "bun:test";
import { Failure, isFailure } from "../../src/base/error.ts";
import { asBlock, asUid, type Hotkey } from "../../src/base/units.ts";
import { commitOf } from "../../src/validator/commit.ts";
import { runLane } from "../../src/validator/lanes.ts";
import { adoptSubnet } from "../../src/validator/metagraph-duty.ts";
import type { Neuron } from "../../src/validator/ports.ts";
import { IDENTITY, openSession as openIn, type RunChoice } from "../fakes/run.ts";
import { FakeChain, neuron } from "../fakes/session.ts";
import { scratchFolders } from "../scratch.ts";

const folder = scratchFolders("resume");
const openSession = (chain: FakeChain, choice: Partial<RunChoice> = {}) =>
  openIn(chain, { directory: folder(), ...choice });

/** A run of one pass, ended as a stop ends it. */
async function oneRun(chain: FakeChain) {
  const run = await openSession(chain);
  await runLane(run.session, 0);
  run.session.recorder.close(commitOf(run.session, true));
  return run;
}

describe("a restart", () => {
  test("goes on with the same scores, counts, statistics and routing, to the last digit", async () => {
    const chain = new FakeChain();
    const before = await oneRun(chain);
    const again = await openSession(chain, { directory: before.stateDirectory });
    expect([...again.session.state.scores]).toEqual([...before.session.state.scores]);
    expect([...again.session.state.asked]).toEqual([...before.session.state.asked]);
    expect(again.session.state).toMatchObject({ steps: 3, evidence: { countedSteps: 3, blocks: 0 } });
    expect(again.modules.judge.remembered).toBe(3);
    expect(again.modules.router.loaded).toHaveLength(1);
    expect(again.modules.router.loaded[0]!.memory.tables.gating!.get(0)).toEqual(Float32Array.of(3));
    expect(again.modules.router.aligned.map(({ hotkey }) => String(hotkey))).toEqual([
      "key0",
      "key1",
      "key2",
      "key3",
      "key4",
    ]);
  });

  test("lets scores follow a hotkey that moved, and gives nothing to one that registered anew", async () => {
    const chain = new FakeChain();
    const before = await oneRun(chain);
    const { scores } = before.session.state;
    const [own, one, two, three, four] = chain.neurons as [
      ReturnType<typeof neuron>,
      ...ReturnType<typeof neuron>[],
    ];
    chain.neurons = [
      own,
      { ...four!, uid: asUid(1) },
      { ...two!, registeredAt: asBlock(101) },
      { ...three!, hotkey: "new" as Hotkey },
      { ...one!, uid: asUid(4) },
    ];
    const again = await openSession(chain, { directory: before.stateDirectory });
    expect([...again.session.state.scores]).toEqual([0, scores[4]!, 0, 0, scores[1]!]);
  });

  test("refuses a state of another hotkey", async () => {
    const chain = new FakeChain();
    const { stateDirectory } = await oneRun(chain);
    const { StateDatabase } = await import("../../src/validator/state/database.ts");
    const open = () => StateDatabase.open(stateDirectory, { ...IDENTITY, hotkey: "other" });
    expect(open).toThrow(expect.objectContaining({ code: "state.foreign" }));
  });
});

describe("a start without a state", () => {
  test("begins with the own weights on chain", async () => {
    const chain = new FakeChain();
    chain.ownWeights = [
      [asUid(2), 65_535],
      [asUid(4), 13_107],
    ];
    const { session } = await openSession(chain);
    expect([...session.state.scores]).toEqual([0, 0, 0.5, 0, Math.fround(0.1)]);
    expect([...session.state.asked]).toEqual([0, 0, 0, 0, 0]);
  });

  test("begins with zeros when told so", async () => {
    const chain = new FakeChain();
    chain.ownWeights = [[asUid(2), 65_535]];
    const { session } = await openSession(chain, { settings: { seedsScores: false } });
    expect([...session.state.scores]).toEqual([0, 0, 0, 0, 0]);
  });
});

describe("a hotkey without a permit", () => {
  test("is refused at the start, unless no weights are to be set", async () => {
    const chain = new FakeChain();
    chain.neurons = [neuron(0), ...chain.neurons.slice(1)];
    const refusal = await openSession(chain).catch((error: unknown) => error);
    expect(isFailure(refusal, "chain.no-permit")).toBe(true);
    const { session, events } = await openSession(chain, { settings: { setsWeights: false } });
    expect(session.watch.permit.state).toBe("missing");
    expect(events).toMatchObject([{ kind: "chain", state: "permit", value: 0 }]);
  });
});

describe("another subnet", () => {
  test("in which this hotkey has another uid, or registered anew, is told once each", async () => {
    const chain = new FakeChain();
    const { session, events } = await openSession(chain);
    const [own, one, ...rest] = chain.neurons as [Neuron, Neuron, ...Neuron[]];
    const moved = { ...own, uid: asUid(1) };
    chain.neurons = [{ ...one, uid: asUid(0) }, moved, ...rest];
    chain.ownUid = asUid(1);
    adoptSubnet(session, await chain.fetchSubnet());
    adoptSubnet(session, await chain.fetchSubnet());
    chain.neurons = [chain.neurons[0]!, { ...moved, registeredAt: asBlock(101) }, ...rest];
    adoptSubnet(session, await chain.fetchSubnet());
    expect(events.filter(({ kind }) => kind === "chain")).toEqual([
      {
        kind: "chain",
        state: "registration",
        endpoint: null,
        detail: "this hotkey moved from uid 0 to 1",
        value: 1,
      },
      {
        kind: "chain",
        state: "registration",
        endpoint: null,
        detail: "this hotkey registered anew, as uid 1",
        value: 1,
      },
    ]);
  });

  test("is adopted with what changed told once, and routing brought along", async () => {
    const chain = new FakeChain();
    const { session, modules, events } = await openSession(chain);
    await runLane(session, 0);
    const { scores } = session.state;
    const moved = { ...chain.neurons[4]!, uid: asUid(3) };
    chain.neurons = [...chain.neurons.slice(0, 3), moved, neuron(4, { hotkey: "new" as Hotkey }), neuron(5)];
    adoptSubnet(session, await chain.fetchSubnet());
    adoptSubnet(session, await chain.fetchSubnet());
    expect([...session.state.scores]).toEqual([0, scores[1]!, scores[2]!, scores[4]!, 0, 0]);
    expect(session.state.asked).toHaveLength(6);
    expect(modules.router.aligned).toHaveLength(6);
    const [told, ...more] = events.filter(({ kind }) => kind === "metagraph");
    expect(told).toMatchObject({
      neurons: 6,
      moved: [{ hotkey: "key4", from: 4, to: 3 }],
      added: [5],
      removed: [],
    });
    expect(more).toEqual([]);
  });
});

describe("a start without a registration", () => {
  test("ends, or waits for it and for a permit where that is asked for", async () => {
    const chain = new FakeChain();
    const fetchSubnet = chain.fetchSubnet.bind(chain);
    let readings = 0;
    chain.fetchSubnet = async () => {
      readings++;
      if (readings <= 3) throw new Failure("chain.not-registered", { message: "no uid" });
      if (readings === 6) chain.neurons[0] = neuron(0, { hasValidatorPermit: true });
      return fetchSubnet();
    };
    chain.neurons[0] = neuron(0);
    await expect(openSession(chain)).rejects.toThrow("no uid");
    const { session } = await openSession(chain, { settings: { waitsForRegistration: true } });
    expect(readings).toBe(6);
    expect(session.watch.permit.state).toBe("held");
  });
});
