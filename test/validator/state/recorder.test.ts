import { describe, expect, test } from "bun:test";
import { Failure } from "../../../src/base/error.ts";
import type { EventBody } from "../../../src/events/schema.ts";
import { commitOf } from "../../../src/validator/commit.ts";
import { runLane } from "../../../src/validator/lanes.ts";
import { StateDatabase } from "../../../src/validator/state/database.ts";
import { openSession } from "../../fakes/run.ts";
import { FakeChain } from "../../fakes/session.ts";
import { scratchFolders } from "../../scratch.ts";

const folder = scratchFolders("recorder");

describe("a state that cannot be written", () => {
  test("is not what numbers tell of that are none: the disk took the rest", async () => {
    const run = await openSession(new FakeChain(), { directory: folder() });
    const commit = commitOf(run.session);
    for (const score of [Number.NaN, Number.NaN, 0.5]) {
      commit.scores!.scores[1] = score;
      run.session.recorder.saveStep(commit);
    }
    expect(run.events.filter(({ kind }) => kind === "disk")).toEqual([]);
    run.session.recorder.close(commitOf(run.session, true));
  });

  test("ends nothing, is told once when it begins and once when it ends, and has everything then", async () => {
    const chain = new FakeChain();
    const run = await openSession(chain, { directory: folder() });
    const { commit } = StateDatabase.prototype;
    let isFull = true;
    StateDatabase.prototype.commit = function (...given) {
      if (isFull) throw new Failure("state.full", { message: "the disk is full", retry: "soon" });
      commit.apply(this, given);
    };
    try {
      await runLane(run.session, 0);
      await runLane(run.session, 0);
      const disk = (): EventBody[] => run.events.filter(({ kind }) => kind === "disk");
      expect(disk()).toMatchObject([{ state: "state-full", detail: "the disk is full" }]);
      expect(run.session.state.steps).toBe(6);
      isFull = false;
      await runLane(run.session, 0);
      expect(disk().map((event) => event.kind === "disk" && event.state)).toEqual([
        "state-full",
        "state-back",
      ]);
    } finally {
      StateDatabase.prototype.commit = commit;
    }
    run.session.recorder.close(commitOf(run.session, true));
    const again = await openSession(chain, { directory: run.stateDirectory });
    expect(again.session.state.steps).toBe(9);
    expect(again.session.state.scores).toEqual(run.session.state.scores);
    again.session.recorder.close(commitOf(again.session, true));
  });

  test("does not hide a fault of this program", async () => {
    const run = await openSession(new FakeChain(), { directory: folder() });
    const { commit } = StateDatabase.prototype;
    StateDatabase.prototype.commit = () => {
      throw new TypeError("a fault");
    };
    try {
      expect(() => run.session.recorder.saveStep(commitOf(run.session))).toThrow("a fault");
    } finally {
      StateDatabase.prototype.commit = commit;
    }
    run.session.recorder.close(commitOf(run.session, true));
  });
});
