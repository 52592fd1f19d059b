import { expect, test } from "bun:test";
import { asBlock } from "../../src/base/units.ts";
import { settleEarlierWeights } from "../../src/validator/unsettled.ts";
import { openSession } from "../fakes/run.ts";
import { FakeChain } from "../fakes/session.ts";
import { scratchFolders } from "../scratch.ts";

const folder = scratchFolders("unsettled");

/** A run that starts after one was killed right after it had written its weights down at block 100. */
async function afterKill(path: "plain" | "timelocked", head: number, ownLastUpdate: number) {
  const chain = new FakeChain();
  const directory = folder();
  const killed = await openSession(chain, { directory });
  killed.session.recorder.saveSubmission({
    path,
    block: asBlock(100),
    uids: [1, 2],
    values: [65_535, 65_535],
  });
  chain.block = head;
  chain.ownLastUpdate = ownLastUpdate;
  const { session, events } = await openSession(chain, { directory });
  settleEarlierWeights(session);
  const [last] = session.recorder.submissions.slice(-1);
  return { last: last!, told: events.filter(({ kind }) => kind === "weights" || kind === "reveal") };
}

test("weights that the chain has are settled and told as included", async () => {
  const { last, told } = await afterKill("plain", 130, 102);
  expect(last).toMatchObject({ state: "included", block: 102 });
  expect(told).toMatchObject([
    {
      kind: "weights",
      state: "included",
      set_weights: [
        [1, 0.5],
        [2, 0.5],
      ],
    },
  ]);
});

test("a commit whose reveal block nobody learnt is told as unknown", async () => {
  const { told } = await afterKill("timelocked", 130, 102);
  expect(told).toMatchObject([{ state: "included" }, { kind: "reveal", state: "unknown", committed: 102 }]);
});

test("weights that never landed are refused once their extrinsic is dead, and left open before", async () => {
  expect((await afterKill("plain", 163, 90)).last.state).toBe("prepared");
  const { last, told } = await afterKill("plain", 164, 90);
  expect(last).toMatchObject({ state: "refused" });
  expect(told).toMatchObject([{ state: "refused", error: expect.stringContaining("killed") }]);
});
