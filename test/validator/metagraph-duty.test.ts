import { describe, expect, test } from "bun:test";
import { Failure } from "../../src/base/error.ts";
import { asBlock, asHotkey, asUid } from "../../src/base/units.ts";
import { claimsOf } from "../../src/validator/claims.ts";
import { metagraphDuty } from "../../src/validator/metagraph-duty.ts";
import type { Neuron } from "../../src/validator/ports.ts";
import type { Session } from "../../src/validator/session.ts";
import { capturedLog } from "../captured-log.ts";
import { openSession } from "../fakes/run.ts";
import { FakeChain, neuron } from "../fakes/session.ts";
import { scratchFolders } from "../scratch.ts";

const folder = scratchFolders("metagraph");
const log = capturedLog();

/** The duty of a session at block 100, and how to go through blocks as the clock does. */
async function openDuty() {
  const chain = new FakeChain();
  const run = await openSession(chain, { directory: folder() });
  const duty = metagraphDuty(run.session);
  const pass = async (blocks: number): Promise<number[]> => {
    const ran: number[] = [];
    for (let i = 0; i < blocks; i++) {
      chain.block++;
      if (!duty.isDue(chain.head())) continue;
      ran.push(chain.block);
      await duty.run(chain.head()).catch(() => undefined);
    }
    return ran;
  };
  return { ...run, chain, pass };
}

describe("the metagraph", () => {
  test("is read every few blocks, and a failed reading is tried again some blocks later", async () => {
    const { chain, pass } = await openDuty();
    expect(await pass(10)).toEqual([105, 110]);
    chain.fetchSubnet = async () => {
      throw new Failure("chain.unreachable", { message: "no answer", retry: "soon" });
    };
    expect(await pass(12)).toEqual([115, 118, 121]);
  });

  test("of an endpoint that lags does not undo what is known", async () => {
    const { chain, pass, session } = await openDuty();
    const before = session.state.subnet;
    const { fetchSubnet } = chain;
    chain.fetchSubnet = async () => ({
      ...(await fetchSubnet.call(chain)),
      block: asBlock(90),
      neurons: [neuron(0, { hasValidatorPermit: true })],
    });
    await pass(5);
    expect(session.state.subnet).toBe(before);
  });

  describe("whose registration is taken back by a reorganisation", () => {
    const claims = ({ state, settings }: Session<Neuron>, holders: readonly Neuron[]) => {
      const { scoresFor, neverAsked } = claimsOf({ state, settings });
      return { scores: [...scoresFor(holders)], neverAsked: neverAsked(holders) };
    };
    /** Uid 2 is taken over, as a reading shows, and given back. */
    const takenOver = async () => {
      const run = await openDuty();
      const { chain, pass, session } = run;
      session.state.scores = Float32Array.of(0, 0.5, 0.25, 0, 0);
      session.state.asked.fill(5);
      const { neurons } = chain;
      chain.neurons = neurons.with(2, neuron(2, { hotkey: asHotkey("new"), registeredAt: asBlock(104) }));
      await pass(5);
      expect([...session.state.scores]).toEqual([0, 0.5, 0, 0, 0]);
      chain.neurons = neurons;
      return { ...run, neurons };
    };

    test("gives the score back to who held the uid, and weights before the next reading heed it", async () => {
      const { pass, session, neurons } = await takenOver();
      const unread = claims(session, neurons);
      expect(unread.scores).toEqual([0, 0.5, 0.25, 0, 0]);
      expect(unread.neverAsked).toEqual([false, false, false, false, false]);
      const other = neurons.with(2, { ...neurons[2]!, registeredAt: asBlock(106) });
      expect(claims(session, other).scores).toEqual([0, 0.5, 0, 0, 0]);
      await pass(5);
      expect([...session.state.scores]).toEqual([0, 0.5, 0.25, 0, 0]);
      expect([...session.state.asked]).toEqual([5, 5, 5, 5, 5]);
    });

    test("gives nothing back to a neuron that could not be asked", async () => {
      const { session, neurons } = await takenOver();
      session.state.lapsed = session.state.lapsed.map((one) => ({
        ...one,
        neuron: { ...one.neuron, isServing: false },
      }));
      expect(claims(session, neurons).scores).toEqual([0, 0.5, 0, 0, 0]);
    });

    test("is forgotten when the registration that took the uid has stayed", async () => {
      const { chain, pass, session, neurons } = await takenOver();
      chain.neurons = neurons.with(2, neuron(2, { hotkey: asHotkey("new"), registeredAt: asBlock(104) }));
      expect(session.state.lapsed).toHaveLength(1);
      await pass(15);
      expect(session.state.lapsed).toEqual([]);
    });
  });

  test("tells once of an update by somebody else, and of none that is the reveal of an own commit", async () => {
    const { chain, pass, session } = await openDuty();
    const weights = { uids: [1], values: [65_535] };
    session.recorder.saveSubmission({ path: "timelocked", block: asBlock(99), ...weights, nonce: 1 });
    session.recorder.settleSubmission({ state: "included", block: asBlock(100), extrinsic: "0x1" });
    let readings = 0;
    chain.readOwnWeights = async () => {
      readings++;
      return chain.ownWeights;
    };
    const foreign = () => log.filter((line) => line.includes("Somebody else set weights")).length;

    chain.ownLastUpdate = 104;
    chain.ownWeights = [[asUid(1), 65_535]];
    await pass(10);
    expect([readings, foreign()]).toEqual([1, 0]);

    chain.ownLastUpdate = 112;
    chain.ownWeights = [[asUid(2), 65_535]];
    await pass(10);
    expect([readings, foreign()]).toEqual([2, 1]);

    // What is read here may be the own weights of a block after that update.
    chain.ownLastUpdate = 122;
    chain.readOwnWeights = async () => {
      session.recorder.saveSubmission({ path: "plain", block: asBlock(124), ...weights, nonce: 2 });
      return [[asUid(1), 65_535]];
    };
    await pass(5);
    expect(foreign()).toBe(1);
  });
});
