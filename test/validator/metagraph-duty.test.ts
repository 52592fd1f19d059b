import { describe, expect, test } from "bun:test";
import { Failure } from "../../src/base/error.ts";
import { asBlock } from "../../src/base/units.ts";
import { metagraphDuty } from "../../src/validator/metagraph-duty.ts";
import { openSession } from "../fakes/run.ts";
import { FakeChain, neuron } from "../fakes/session.ts";
import { scratchFolders } from "../scratch.ts";

const folder = scratchFolders("metagraph");

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
});
