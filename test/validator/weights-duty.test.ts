import { describe, expect, test } from "bun:test";
import { Failure } from "../../src/base/error.ts";
import { asBlock, type Hotkey } from "../../src/base/units.ts";
import { chainFailure } from "../../src/chain/errors.ts";
import type { EventBody } from "../../src/events/schema.ts";
import { commitOf } from "../../src/validator/commit.ts";
import { runLane } from "../../src/validator/lanes.ts";
import type { EarlierFate } from "../../src/validator/ports.ts";
import { followReveal } from "../../src/validator/reveals.ts";
import { WeightsDuty } from "../../src/validator/weights-duty.ts";
import { nextWeights } from "../../src/validator/weights-schedule.ts";
import { openSession as openIn, type RunChoice } from "../fakes/run.ts";
import { FakeChain } from "../fakes/session.ts";
import { scratchFolders } from "../scratch.ts";

const folder = scratchFolders("weights-duty");
const openSession = (chain: FakeChain, choice: Partial<RunChoice> = {}) =>
  openIn(chain, { directory: folder(), ...choice });

/** A run at block 100 with three steps behind it, and its duty; the epoch has 20 blocks. */
async function openDuty(chain = new FakeChain(), choice: Partial<RunChoice> = {}) {
  const all = { followupSampleSize: 4, answerSampleSize: 4, ...choice.settings };
  const run = await openSession(chain, { ...choice, settings: all });
  await runLane(run.session, 0);
  const duty = new WeightsDuty(run.session);
  /** Goes through blocks one by one, as the clock does. @returns the blocks at which the duty ran */
  const pass = async (blocks: number): Promise<number[]> => {
    const ran: number[] = [];
    for (let i = 0; i < blocks; i++) {
      chain.block++;
      run.session.state.evidence.blocks++;
      if (!duty.isDue(chain.head())) continue;
      ran.push(chain.block);
      await duty.run(chain.head());
    }
    return ran;
  };
  const weights = () =>
    run.events.filter((event): event is Extract<EventBody, { kind: "weights" }> => event.kind === "weights");
  return { ...run, chain, duty, pass, weights };
}

describe("weights", () => {
  test("wait for one epoch of steps where there was no state, then come once per epoch", async () => {
    const { pass, weights, session } = await openDuty();
    expect(await pass(45)).toEqual([120, 140]);
    expect(session.state.weightsSet).toEqual(new Map([[0, 2]]));
    expect(weights().map(({ state }) => state)).toEqual([
      "waiting",
      "due",
      "sent",
      "included",
      "due",
      "sent",
      "included",
    ]);
    expect(weights()[0]!.reason).toContain("one epoch of steps");
    expect(weights()[3]).toMatchObject({ path: "plain", uids: [1], set_weights: [[1, 1]], extrinsic: "0x1" });
  });

  test("follow the last update on chain once there was an epoch of steps", async () => {
    const chain = new FakeChain();
    const first = await openDuty(chain);
    await first.pass(20);
    first.session.recorder.close(commitOf(first.session, true));
    chain.ownLastUpdate = 120;
    chain.block = 135;
    const again = await openDuty(chain, { directory: first.stateDirectory });
    expect(await again.pass(10)).toEqual([140]);
  });

  test("count from an update on chain that this run took for refused", async () => {
    const { chain, pass, session } = await openDuty();
    chain.refusal = new Failure("chain.outcome-unknown", { message: "no answer", retry: "soon" });
    expect(await pass(21)).toEqual([120]);
    chain.refusal = undefined;
    const mechanisms = [{ mecid: 0, of: 1, share: 1, ownLastUpdate: 121 }];
    session.state.subnet = { ...session.state.subnet, mechanisms };
    expect(await pass(40)).toEqual([141, 161]);
  });

  test("come for the first time only after half of the miners were asked", async () => {
    const { pass, weights, session } = await openDuty(new FakeChain(), {
      settings: { followupSampleSize: 1, answerSampleSize: 1, followupSteps: 0 },
    });
    expect(await pass(30)).toEqual([]);
    expect(weights().map(({ state }) => state)).toEqual(["waiting", "waiting"]);
    expect(weights()[1]!.reason).toBe("2 of 4 miners asked, 1 were so far");
    while (session.state.asked.filter((times) => times > 0).length < 2) await runLane(session, 0);
    expect(await pass(1)).toEqual([131]);
  });

  test("wait for the chain's rate limit where it is longer than the epoch", async () => {
    const { pass, session } = await openDuty();
    session.state.subnet = { ...session.state.subnet, weightsRateLimit: 33 };
    expect(await pass(70)).toEqual([123, 156]);
  });

  test("are not due while no miner has a score", async () => {
    const { pass, weights } = await openDuty(new FakeChain(), { silent: [1, 2, 3, 4] });
    expect(await pass(40)).toEqual([]);
    expect(weights().map(({ reason }) => reason)).toEqual(["a miner with a score above 0"]);
  });

  test("are never sent when the operator said so, or while the permit is missing", async () => {
    const off = await openDuty(new FakeChain(), { settings: { setsWeights: false } });
    expect(await off.pass(60)).toEqual([]);
    const bare = await openDuty();
    bare.session.watch.permit.set("missing", undefined);
    expect(await bare.pass(60)).toEqual([]);
    bare.session.watch.permit.set("held", undefined);
    expect(await bare.pass(1)).toEqual([161]);
  });

  test("wait for a clock that agrees with the chain, for a commit is locked until a time", async () => {
    const { pass, weights, session } = await openDuty();
    session.watch.clock.set("wrong", "3600 s ahead");
    expect(await pass(60)).toEqual([]);
    expect(weights().map(({ reason }) => reason)).toEqual(["a clock that agrees with the chain"]);
    session.watch.clock.set("right", "0 s");
    expect(await pass(1)).toEqual([161]);
  });

  test("give nothing to who cannot be asked, and to who took a uid over since the metagraph was read", async () => {
    const { chain, pass, session } = await openDuty();
    const { neurons } = session.state.subnet;
    session.state.subnet = {
      ...session.state.subnet,
      neurons: neurons.map((one) => (one.uid === 2 ? { ...one, isServing: false } : one)),
    };
    // Uid 4 changed hands, and the miner of uid 1 moved to uid 3 when the subnet was trimmed.
    chain.holders = [
      neurons[0]!,
      { ...neurons[1]!, hotkey: "other" as Hotkey },
      neurons[2]!,
      neurons[1]!,
      { ...neurons[4]!, hotkey: "newcomer" as Hotkey },
    ];
    await pass(20);
    const { scores } = session.state;
    expect(scores[2]).toBeGreaterThan(0);
    expect([...chain.sent[0]!]).toEqual([0, 0, 0, scores[1]!, 0]);
  });

  test("give nothing to a hotkey that registered anew since the metagraph was read", async () => {
    const { chain, pass, session } = await openDuty();
    chain.holders = chain.neurons.map((one) =>
      one.uid === 3 ? { ...one, registeredAt: asBlock(110) } : one,
    );
    await pass(20);
    const { scores } = session.state;
    expect([...chain.sent[0]!]).toEqual([0, scores[1]!, scores[2]!, 0, scores[4]!]);
  });

  test("go to each mechanism that was asked for, each in its own time, and the run waits for all of them", async () => {
    const chain = new FakeChain();
    const share = 0.5;
    chain.mechanisms = [
      { mecid: 0, of: 2, share, ownLastUpdate: 90 },
      { mecid: 1, of: 2, share, ownLastUpdate: 105 },
    ];
    const { session, duty, weights } = await openDuty(chain, { settings: { mecids: [0, 1] } });
    const second = new WeightsDuty(session, 1);
    session.state.evidence.blocks = 20;
    for (; chain.block <= 145; chain.block++)
      for (const one of [duty, second]) if (one.isDue(chain.head())) await one.run(chain.head());
    expect(chain.sentFor).toEqual([0, 1, 0, 1]);
    expect(session.state.weightsSet).toEqual(
      new Map([
        [0, 2],
        [1, 2],
      ]),
    );
    const included = weights().filter(({ state }) => state === "included");
    expect(included.map(({ mecid }) => mecid)).toEqual([undefined, 1, undefined, 1]);
    expect(session.recorder.submissions.map(({ mecid, state }) => [mecid, state])).toEqual([
      [0, "included"],
      [1, "included"],
      [0, "included"],
      [1, "included"],
    ]);
  });

  test("of one mechanism whose fate is unknown hold nothing up in the other", async () => {
    const chain = new FakeChain();
    const { session, duty } = await openDuty(chain, { settings: { mecids: [0, 1] } });
    const prepared = { path: "plain", block: asBlock(99), uids: [1], values: [65_535], nonce: 7 } as const;
    session.recorder.saveSubmission({ ...prepared, uids: [1], values: [65_535] }, 1);
    chain.fate = () => ({ state: "open", nonce: 7 });
    await duty.run(asBlock(120));
    expect(chain.nonces).toEqual([0]);
    await new WeightsDuty(session, 1).run(asBlock(121));
    expect(chain.nonces).toEqual([0, 7]);
    expect(session.recorder.submissions.map(({ mecid, state }) => [mecid, state])).toEqual([
      [1, "refused"],
      [0, "included"],
      [1, "included"],
    ]);
  });

  test("wait exactly the blocks that the chain's rate limit names, and tell it once", async () => {
    const chain = new FakeChain();
    chain.refusal = new Failure("chain.rate-limited", {
      message: "too fast",
      retryInBlocks: 7,
      retry: "soon",
    });
    const { pass, weights } = await openDuty(chain);
    expect(await pass(30)).toEqual([120, 127]);
    expect(weights().map(({ state, blocks_left }) => [state, blocks_left])).toEqual([
      ["waiting", null],
      ["due", null],
      ["waiting", 7],
      ["due", null],
    ]);
  });

  test("are tried again after a few blocks when a refusal may pass, after an epoch when it does not", async () => {
    const chain = new FakeChain();
    chain.refusal = new Failure("chain.unreachable", { message: "no answer", retry: "soon" });
    const { pass, weights } = await openDuty(chain);
    expect(await pass(37)).toEqual([120, 122, 125, 130, 135]);
    expect(weights().at(-1)).toMatchObject({ state: "refused", error: "no answer", blocks_left: 5 });
    chain.refusal = new Failure("chain.dispatch-refused", { message: "never" });
    expect(await pass(30)).toEqual([140, 160]);
  });

  test("whose fate nobody knows are told and kept as sent, not as refused", async () => {
    const { chain, duty, session, weights } = await openDuty();
    chain.sendWeights = async ({ before }) => {
      before({ path: "plain", block: chain.head(), uids: [1], values: [1], nonce: 0 });
      throw new Failure("chain.outcome-unknown", { message: "no block showed them", retry: "soon" });
    };
    await duty.run(chain.head());
    expect(weights().at(-1)).toMatchObject({ state: "sent", error: "no block showed them", blocks_left: 2 });
    expect(session.recorder.submissions.at(-1)).toMatchObject({ state: "sent" });
  });

  test("end the run when the hotkey is not registered any more", async () => {
    const chain = new FakeChain();
    const gone = new Failure("chain.not-registered", { message: "gone" });
    const { duty } = await openDuty(chain);
    chain.refusal = gone;
    await expect(duty.run(chain.head())).rejects.toBe(gone);
  });

  test("are not sent after the stop, and leave no event of a refusal", async () => {
    const { chain, duty, stop, weights } = await openDuty();
    stop.abort();
    await duty.run(chain.head());
    expect(chain.sent).toEqual([]);
    expect(weights().map(({ state }) => state)).toEqual(["due"]);
  });

  test("are written down before they are signed, and what became of them after", async () => {
    const { chain, pass, session } = await openDuty();
    const seen: unknown[] = [];
    const save = session.recorder.saveSubmission.bind(session.recorder);
    session.recorder.saveSubmission = (prepared) => {
      seen.push([prepared.block, chain.sent.length]);
      save(prepared);
    };
    await pass(20);
    expect(seen).toEqual([[120, 0]]);
    expect(session.recorder.submissions.at(-1)).toMatchObject({ state: "included", block: 120 });
  });
});

describe("a second attempt", () => {
  test("leaves no record of the first that waits for ever", async () => {
    const { session } = await openDuty();
    const prepared = { path: "plain" as const, block: asBlock(1), uids: [1], values: [1], nonce: 0 };
    session.recorder.saveSubmission(prepared);
    session.recorder.saveSubmission({ ...prepared, block: asBlock(2) });
    session.recorder.settleSubmission({ state: "included", block: 3, extrinsic: "0x1" });
    expect(session.recorder.submissions.map(({ state }) => state)).toEqual(["refused", "included"]);
  });

  test("that meets the rate limit after it was signed leaves none either", async () => {
    const { chain, duty, session } = await openDuty();
    chain.sendWeights = async ({ before }) => {
      before({ path: "plain", block: chain.head(), uids: [1], values: [1], nonce: 0 });
      throw new Failure("chain.rate-limited", { message: "too fast", retryInBlocks: 7, retry: "soon" });
    };
    await duty.run(chain.head());
    expect(session.recorder.submissions).toMatchObject([{ state: "refused", error: "too fast" }]);
  });
});

describe("a commit", () => {
  test("is followed to its reveal", async () => {
    const chain = new FakeChain();
    chain.path = "timelocked";
    const { pass, events, session } = await openDuty(chain);
    await pass(20);
    expect(session.recorder.pendingReveals()).toMatchObject([
      { committed: 120, revealBlock: 140, revealRound: 7 },
    ]);
    chain.followed[0]!.reveal(chain.head());
    await new Promise((resolve) => setImmediate(resolve));
    expect(events.filter(({ kind }) => kind === "reveal")).toMatchObject([
      { state: "pending", committed: 120, reveal_round: 7 },
      { state: "revealed", committed: 120 },
    ]);
    expect(session.recorder.pendingReveals()).toEqual([]);
  });

  test("that came into a block when the run was ending already is left to the next run", async () => {
    const chain = new FakeChain();
    chain.path = "timelocked";
    const { events, session, stop } = await openDuty(chain);
    stop.abort();
    const pending = { uid: 0, uids: [1], values: [65_535], revealBlock: 140 };
    followReveal(session, { ...pending, mecid: 0, id: "0x1", committed: asBlock(120), revealRound: 7 });
    chain.followed[0]!.reveal(chain.head());
    await new Promise((resolve) => setImmediate(resolve));
    expect(events.filter(({ kind }) => kind === "reveal")).toMatchObject([{ state: "pending" }]);
    expect(session.recorder.pendingReveals()).toMatchObject([{ committed: 120 }]);
  });

  test("that the chain dropped is told as missing; one whose fate is unknown stays pending", async () => {
    const chain = new FakeChain();
    chain.path = "timelocked";
    const { pass, events, session } = await openDuty(chain);
    await pass(40);
    chain.followed[0]!.drop(new Failure("chain.reveal-missing", { message: "dropped" }));
    chain.followed[1]!.drop(new Failure("chain.unreachable", { message: "no answer" }));
    await new Promise((resolve) => setImmediate(resolve));
    expect(events.filter(({ kind }) => kind === "reveal").slice(2)).toMatchObject([
      { state: "missing", committed: 120, error: "dropped" },
      { state: "unknown", committed: 140, error: "no answer" },
    ]);
    expect(session.recorder.pendingReveals().map(({ committed }) => Number(committed))).toEqual([140]);
  });

  test("of blocks that no node shows any more is told as unknown, and not followed by every run to come", async () => {
    const chain = new FakeChain();
    chain.path = "timelocked";
    const { pass, events, session } = await openDuty(chain);
    await pass(20);
    chain.followed[0]!.drop(new Failure("chain.reveal-unknown", { message: "pruned" }));
    await new Promise((resolve) => setImmediate(resolve));
    expect(events.filter(({ kind }) => kind === "reveal").at(-1)).toMatchObject({ state: "unknown" });
    expect(session.recorder.pendingReveals()).toEqual([]);
  });
});

describe("weights in a block that is not final", () => {
  async function included() {
    const run = await openDuty();
    expect(await run.pass(20)).toEqual([120]);
    const asked: number[] = [];
    const fateIs = (fate: EarlierFate): void => {
      run.chain.fate = (earlier) => {
        asked.push(earlier[0]!.block);
        return fate;
      };
    };
    return { ...run, asked, fateIs };
  }

  test("are looked for once that height is final, and that is all where they are there", async () => {
    const { chain, pass, asked, fateIs, session } = await included();
    fateIs({
      state: "included",
      id: session.recorder.submissions.at(-1)!.id,
      block: asBlock(120),
      pending: undefined,
    });
    chain.finalBlock = 119;
    expect(await pass(3)).toEqual([]);
    expect(asked).toEqual([]);
    chain.finalBlock = 120;
    await pass(5);
    expect(asked).toEqual([110]);
    expect(session.recorder.submissions.at(-1)).toMatchObject({ state: "included", block: 120 });
  });

  test("are asked for once more where the chain cannot tell, and nothing says that they were refused", async () => {
    const { chain, pass, session, weights } = await included();
    const told = weights().length;
    chain.finalBlock = 120;
    let asked = 0;
    chain.fate = () => {
      asked++;
      throw chainFailure("chain.unreachable", { message: "no answer" });
    };
    expect(await pass(6)).toEqual([121, 123, 125]);
    expect(asked).toBe(3);
    expect(weights()).toHaveLength(told);
    expect(session.recorder.submissions.at(-1)).toMatchObject({ state: "included", block: 120 });
  });

  test("are set again at once where the chain took the block back, without excluding that the first ones come", async () => {
    const { chain, pass, fateIs, session, weights } = await included();
    chain.finalBlock = 120;
    fateIs({ state: "open", nonce: 7 });
    expect(await pass(1)).toEqual([121]);
    expect(chain.nonces.at(-1)).toBe(7);
    expect(weights().map(({ state }) => state)).toContain("sent");
    expect(session.recorder.submissions.map(({ state }) => state)).toEqual(["refused", "included"]);
  });
});

describe("a commit in a block that is not final", () => {
  const pending = { uid: 0, uids: [1], values: [65_535], revealBlock: 141, revealRound: 7 };

  async function committed() {
    const chain = new FakeChain();
    chain.path = "timelocked";
    const run = await openDuty(chain);
    expect(await run.pass(20)).toEqual([120]);
    chain.finalBlock = 120;
    const reveals = () => run.events.filter(({ kind }) => kind === "reveal");
    const id = run.session.recorder.submissions.at(-1)!.id;
    return { ...run, reveals, id, state: run.session.state };
  }

  test("is followed no more where the chain took the block back, counts for nothing, and gives way to the next", async () => {
    const { chain, pass, session, state, reveals } = await committed();
    expect(state.weightsSet.get(0)).toBe(1);
    chain.fate = () => ({ state: "open", nonce: 7 });
    expect(await pass(1)).toEqual([121]);
    expect(state.weightsSet.get(0)).toBe(1);
    expect(session.recorder.pendingReveals().map((one) => Number(one.committed))).toEqual([121]);
    expect(reveals()).toMatchObject([
      { state: "pending", committed: 120 },
      { state: "missing", committed: 120, error: expect.stringContaining("took block 120 back") },
      { state: "pending", committed: 121 },
    ]);
    // What follows the first one is over: whatever it finds tells nothing any more.
    chain.followed[0]!.drop(chainFailure("chain.reveal-missing", { message: "dropped" }));
    await new Promise((resolve) => setImmediate(resolve));
    expect(reveals()).toHaveLength(3);
    expect([...state.reveals.keys()]).toEqual(["0x2"]);
  });

  test("is followed from the block that it was moved to, once that is final it is left alone", async () => {
    const { chain, pass, session, state, reveals, id } = await committed();
    let asked = 0;
    chain.fate = () => {
      asked++;
      return { state: "included", id, block: asBlock(121), pending };
    };
    await pass(1);
    expect(state.weightsSet.get(0)).toBe(1);
    expect(session.recorder.submissions).toMatchObject([{ state: "included", block: 121 }]);
    expect(session.recorder.pendingReveals()).toMatchObject([{ committed: 121, revealBlock: 141 }]);
    expect(reveals()).toMatchObject([
      { state: "pending", committed: 120 },
      { state: "pending", committed: 121 },
    ]);
    chain.finalBlock = 130;
    await pass(5);
    expect(asked).toBe(2);
  });

  test("that is in a later block after all counts again, is followed once, and is looked for there", async () => {
    const { chain, pass, session, state, id } = await committed();
    chain.fate = () => ({ state: "open", nonce: 7 });
    chain.refusal = chainFailure("chain.pool-refused", { message: "another one waits", retry: "soon" });
    await pass(1);
    expect(state.weightsSet.get(0)).toBe(0);
    expect(session.recorder.pendingReveals()).toEqual([]);
    let asked = 0;
    chain.fate = () => {
      asked++;
      return { state: "included", id, block: asBlock(122), pending };
    };
    expect(await pass(3)).toEqual([123]);
    expect(state.weightsSet.get(0)).toBe(1);
    expect(session.recorder.pendingReveals()).toMatchObject([{ id: "0x1", committed: 122 }]);
    chain.finalBlock = 122;
    await pass(3);
    expect(asked).toBe(2);
  });

  test("of the run before is looked for as well", async () => {
    const { chain, session, id } = await committed();
    chain.finalBlock = 119;
    chain.ownLastUpdate = 120;
    session.state.subnet = await chain.fetchSubnet();
    const duty = new WeightsDuty(session, 0);
    const asked: string[] = [];
    chain.fate = (earlier) => {
      asked.push(earlier[0]!.id);
      return { state: "included", id, block: asBlock(120), pending };
    };
    chain.block = 121;
    expect(duty.isDue(chain.head())).toBe(false);
    chain.finalBlock = 120;
    expect(duty.isDue(chain.head())).toBe(true);
    await duty.run(chain.head());
    expect(asked).toEqual([id]);
  });
});

describe("weights on a schedule that validators share", () => {
  test("come so many blocks before each epoch, once", async () => {
    const chain = new FakeChain();
    chain.nextEpochBlock = 130;
    const { pass } = await openDuty(chain, { settings: { beforeEpochBlocks: 4 } });
    expect(await pass(70)).toEqual([126, 146, 166]);
  });

  test("tell the block of the next ones, also of those that were just set", async () => {
    const chain = new FakeChain();
    chain.nextEpochBlock = 130;
    const { pass, session, weights } = await openDuty(chain, { settings: { beforeEpochBlocks: 4 } });
    expect(nextWeights(session, 90, 100)).toBe(126);
    await pass(30);
    const { state, blocks_left: blocksLeft } = weights().at(-1)!;
    expect([state, blocksLeft]).toEqual(["included", 20]);
  });

  test("come once in every epoch, also where that number is more than an epoch has", async () => {
    const chain = new FakeChain();
    chain.nextEpochBlock = 130;
    const { pass } = await openDuty(chain, { settings: { beforeEpochBlocks: 5000 } });
    // The first waits for an epoch of steps.
    expect(await pass(70)).toEqual([120, 131, 151]);
  });
});

describe("a dry run", () => {
  test("tells the weights that it would set, once per epoch, and sends none", async () => {
    const { chain, pass, weights } = await openDuty(new FakeChain(), { settings: { isDryRun: true } });
    expect(await pass(45)).toEqual([120, 140]);
    expect(chain.sent).toEqual([]);
    expect(weights().at(-1)).toMatchObject({
      state: "waiting",
      reason: "a run that is no dry run",
      uids: [1, 2, 3, 4],
    });
  });
});

test("with all weight to be burnt when nobody earned anything, scores above 0 are not waited for", async () => {
  const { pass } = await openDuty(new FakeChain(), { silent: [1, 2, 3, 4], settings: { burnsIdle: true } });
  expect(await pass(20)).toEqual([120]);
});
