import { describe, expect, test } from "bun:test";
import { asBlock } from "../../src/base/units.ts";
import type { EarlierFate } from "../../src/validator/ports.ts";
import { settleEarlierWeights } from "../../src/validator/unsettled.ts";
import { WeightsDuty } from "../../src/validator/weights-duty.ts";
import { openSession } from "../fakes/run.ts";
import { FakeChain } from "../fakes/session.ts";
import { scratchFolders } from "../scratch.ts";

const folder = scratchFolders("unsettled");

/** A run that starts after one was killed right after it had written its weights down at block 100, with nonce 5. */
async function afterKill(path: "plain" | "timelocked", fate: (id: string) => EarlierFate) {
  const chain = new FakeChain();
  const directory = folder();
  const killed = await openSession(chain, { directory });
  killed.session.recorder.saveSubmission({
    path,
    block: asBlock(100),
    uids: [1, 2],
    values: [65_535, 65_535],
    nonce: 5,
  });
  chain.block = 130;
  chain.fate = (earlier) => {
    expect(earlier).toMatchObject([{ nonce: 5, path, uids: [1, 2] }]);
    return fate(earlier[0]!.id);
  };
  const { session, events } = await openSession(chain, { directory });
  const settled = await settleEarlierWeights(session, 0);
  const [last] = session.recorder.submissions.slice(-1);
  const told = events.filter(({ kind }) => kind === "weights" || kind === "reveal");
  return { chain, session, settled, last: last!, told };
}

const included = (pending?: Extract<EarlierFate, { state: "included" }>["pending"]) => (id: string) =>
  ({ state: "included", id, block: asBlock(102), pending }) as const;

describe("weights that a killed run had signed", () => {
  test("are settled and told as included when the chain has them", async () => {
    const { last, told, settled } = await afterKill("plain", included());
    expect(settled).toEqual({ included: asBlock(102) });
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

  test("are followed to their reveal when they were a commit", async () => {
    const pending = { uid: 0, uids: [1, 2], values: [65_535, 65_535], revealBlock: 140, revealRound: 9 };
    const { told, session, chain } = await afterKill("timelocked", included(pending));
    expect(told).toMatchObject([
      { state: "included" },
      { kind: "reveal", state: "pending", committed: 102, reveal_round: 9 },
    ]);
    expect(chain.followed).toHaveLength(1);
    expect(session.recorder.pendingReveals()).toMatchObject([{ committed: 102, revealBlock: 140 }]);
  });

  test("are told as of unknown reveal when no node shows the commit's block", async () => {
    const { told } = await afterKill("timelocked", included());
    expect(told).toMatchObject([{ state: "included" }, { kind: "reveal", state: "unknown", committed: 102 }]);
  });

  test("are refused once they cannot be taken any more", async () => {
    const { last, told } = await afterKill("plain", () => ({ state: "gone" }));
    expect(last).toMatchObject({ state: "refused" });
    expect(told).toMatchObject([{ state: "refused", error: expect.stringContaining("never reached") }]);
  });

  test("stay open while they may be taken, and the next ones have their nonce and take their place", async () => {
    const { last, session, chain } = await afterKill("plain", () => ({ state: "open", nonce: 5 }));
    expect(last.state).toBe("prepared");
    await new WeightsDuty(session).run(chain.head());
    expect(chain.nonces).toEqual([5]);
    expect(session.recorder.submissions).toMatchObject([
      { state: "refused", error: expect.stringContaining("same nonce") },
      { state: "included", nonce: 5 },
    ]);
  });
});

test("weights found on chain fill their window: no others are sent in it", async () => {
  const { session, chain } = await afterKill("plain", () => ({ state: "open", nonce: 5 }));
  chain.fate = ([one]) => ({ state: "included", id: one!.id, block: asBlock(125), pending: undefined });
  await new WeightsDuty(session).run(chain.head());
  expect(chain.nonces).toEqual([]);
  expect(session.recorder.unsettled()).toEqual([]);
});
