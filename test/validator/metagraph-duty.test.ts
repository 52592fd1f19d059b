import { describe, expect, test } from "bun:test";
import { Failure } from "../../src/base/error.ts";
import { asBlock, asUid } from "../../src/base/units.ts";
import { metagraphDuty } from "../../src/validator/metagraph-duty.ts";
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
