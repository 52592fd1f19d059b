import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { type ScorerAgreement, shadowAgreement } from "../../src/analysis/insight/agreement.ts";
import { layGround } from "../../src/analysis/insight/ground.ts";
import { openWarehouse } from "../../src/analysis/open-warehouse.ts";
import { rankCorrelation } from "../../src/base/rank-correlation.ts";
import type { AnyEvent, EventOf } from "../../src/events/schema.ts";
import { stepBodyOf, stopEvent } from "../events/bodies.ts";
import { stepEventOf } from "../events/step-event.ts";
import { scratchFolders } from "../scratch.ts";

const scratch = scratchFolders("agreement");

async function agreementOf(events: readonly AnyEvent[]): Promise<ScorerAgreement[]> {
  const folder = scratch();
  const path = join(folder, "events.jsonl");
  await Bun.write(path, events.map((event) => `${JSON.stringify(event)}\n`).join(""));
  const opened = await openWarehouse({ words: [path], own: () => "", downloads: "", temporary: folder });
  try {
    return await shadowAgreement(await layGround(opened.warehouse, { top: 1 }));
  } finally {
    opened.close();
  }
}

describe("the agreement of a journal", () => {
  test("is that within the steps, weighted by their answers, as a whole and by task", async () => {
    const found = await agreementOf([
      stepEventOf("augment", [0.1, 0.2, 0.3], { shadow_a: [1, 2, 3], rlhf_reward_model: [1, 1, 1] }),
      stepEventOf("answer0", [0.1, 0.2, 0.3, 0.4, 0.5, 0.6], { shadow_a: [6, 5, 4, 3, 2, 1] }),
      stepEventOf("answer1", [0.1, 0.2, 0.3], { shadow_a: [1, 2, 3] }),
    ]);
    expect(found).toHaveLength(1);
    expect(found[0]!.name).toBe("shadow_a");
    expect(found[0]!.all).toEqual({
      steps: 3,
      answers: 12,
      rankCorrelation: (3 - 6 + 3) / 12,
      sameBest: 2 / 3,
    });
    expect(found[0]!.byTask.answer).toMatchObject({ steps: 2, answers: 9, sameBest: 0.5 });
    expect(found[0]!.byTask.augment!.rankCorrelation).toBeCloseTo(1, 12);
  });

  test("is Spearman's where values are equal, with a shared rank, and the first of equal scores is the highest", async () => {
    const rewards = [0.3, 0.1, 0.4, 0.4, 0.9];
    const scores = [1, 2, 5, 4, 5];
    const [found] = await agreementOf([stepEventOf("augment", rewards, { shadow_a: scores })]);
    expect(found!.all.rankCorrelation).toBeCloseTo(rankCorrelation(scores, rewards)!, 12);
    expect(found!.all.sameBest).toBe(0);
  });

  test("reads steps of both versions", async () => {
    const { reason: _, exit_code: __, steps: ___, ...base } = stopEvent(1) as EventOf<"stop">;
    const body = stepBodyOf(3, { shadow_a: [1, 2, 3] });
    const current = { ...base, ...body, rewards: [0.1, 0.2, 0.3] } as AnyEvent;
    const found = await agreementOf([
      stepEventOf("augment", [0.1, 0.2, 0.3], { shadow_a: [3, 2, 1] }),
      current,
    ]);
    expect(found).toHaveLength(1);
    expect(found[0]!.byTask.augment).toMatchObject({ steps: 2, answers: 6, sameBest: 0.5 });
  });

  test("leaves out answers without a score, steps that say nothing, and the uids of raters", async () => {
    const found = await agreementOf([
      stepEventOf("augment", [0.1, 0.9, 0.2, 0.3], {
        shadow_miners: [0.1, null, 0.2, 0.3],
        shadow_miners_uids: [3, null, 2, 1],
      }),
      stepEventOf("augment", [0.1, 0.2, 0.3], { shadow_miners: [0.5, null, 0.1] }),
      stepEventOf("augment", [0, 0, 0], { shadow_miners: [0.5, 0.2, 0.1] }),
    ]);
    expect(found.map(({ name, all }) => [name, all])).toEqual([
      ["shadow_miners", { steps: 1, answers: 3, rankCorrelation: expect.closeTo(1, 12), sameBest: 1 }],
    ]);
  });

  test("is told to be unknown when no step says anything", async () => {
    const [only] = await agreementOf([stepEventOf("augment", [1, 1, 1], { shadow_a: [1, 2, 3] })]);
    expect(only!.all).toEqual({ steps: 0, answers: 0, rankCorrelation: null, sameBest: null });
    expect(await agreementOf([stepEventOf("augment", [1], {})])).toEqual([]);
  });
});
