import { describe, expect, test } from "bun:test";
import { kindsOfColumns } from "../../../src/events/column-kinds.ts";
import { tellMiner } from "../../../src/telemetry/live/miner.ts";
import { MinerBook } from "../../../src/telemetry/live/miner-book.ts";
import { explainAnswer, explainScore } from "../../../src/telemetry/live/why.ts";
import { stepEventOf } from "../../events/step-event.ts";
import { eventsOfRun, HOSTILE, hotkeyOf } from "./subnet.ts";

function historyOf(...events: Parameters<MinerBook["apply"]>[0][]): MinerBook {
  const history = new MinerBook();
  for (const event of events) history.apply(event);
  return history;
}

describe("columns", () => {
  test("are told apart by their names", () => {
    const names = [
      "rlhf_reward_model",
      "rlhf_reward_model_normalized",
      "diversity_reward_model",
      "diversity_reward_model_batch",
      "relevance_filter",
      "keyword_raw",
      "keyword_adjusted",
      "keyword_applied",
      "shadow_miners",
      "shadow_miners_uids",
    ];
    expect(Object.fromEntries(kindsOfColumns(names))).toEqual({
      rlhf_reward_model: "model",
      rlhf_reward_model_normalized: "detail",
      diversity_reward_model: "mask",
      diversity_reward_model_batch: "detail",
      relevance_filter: "mask",
      keyword_raw: "detail",
      keyword_adjusted: "detail",
      keyword_applied: "penalty",
      shadow_miners: "shadow",
      shadow_miners_uids: "detail",
    });
  });
});

describe("why an answer earned what it earned", () => {
  const columns = {
    rlhf_reward_model: [1, -2],
    rlhf_reward_model_normalized: [0.8, 0.2],
    relevance_filter: [1, 0],
    diversity_reward_model: [0.5, 1],
  };
  const history = historyOf(stepEventOf("answer0", [0.4, 0], columns));

  test("a mask that took everything is named with its reason", () => {
    const { summary } = explainAnswer(history.answers(1)[0]!);
    expect(summary).toBe("It earned 0: relevance took everything: it has too little to do with the prompt.");
  });

  test("a mask that took a part is named with its share, and models are compared with the others", () => {
    const why = explainAnswer(history.answers(0)[0]!);
    expect(why.summary).toContain("It earned 0.4 (place 1 of 2, mean 0.2, best 0.4).");
    expect(why.summary).toContain("Masks and penalties left 50 % of it: diversity took 50 % of the reward");
    expect(why.columns.map(({ column, isCost }) => [column, isCost])).toEqual([
      ["rlhf_reward_model", false],
      ["relevance_filter", false],
      ["diversity_reward_model", true],
    ]);
    expect(why.columns[0]!.words).toBe("gave it 80 %, more than the others (50 %)");
  });

  test("what a mask's last digits took is told of nobody", () => {
    const near = historyOf(
      stepEventOf("answer0", [0.4, 0.4, 0.4], { diversity_reward_model: [1 - 4e-16, 0.9991, 0.9989] }),
    );
    const told = [0, 1, 2].map((uid) => explainAnswer(near.answers(uid)[0]!));
    expect(told.map(({ columns: [diversity] }) => [diversity!.isCost, diversity!.words])).toEqual([
      [false, "took nothing"],
      [false, "took nothing"],
      [true, "took 0.1 % of the reward: it is too much like other answers, or like its earlier ones"],
    ]);
    expect(told[0]!.summary).toContain("Nothing held it back.");
  });

  test("a share that is not all and not nothing is told as neither", () => {
    const near = historyOf(
      stepEventOf("answer0", [0.9, 0.9, 0, 0.9], {
        rlhf_reward_model_normalized: [0.9, 0.9, 0.0004, 0.9],
        rlhf_reward_model: [1, 1, 0, 1],
        diversity_reward_model: [0.9969, 0.0004, 1, 0.9996],
      }),
    );
    const summaries = [0, 1].map((uid) => explainAnswer(near.answers(uid)[0]!).summary);
    expect(summaries[0]).toContain("left 99.6 % of it: diversity took 0.3 % of the reward");
    expect(summaries[1]).toContain("left under 0.1 % of it: diversity took 99.9 % of the reward");
    expect(explainAnswer(near.answers(2)[0]!).summary).toContain("gave it under 0.1 %, less than");
  });

  test("a miner that did not answer is told so", () => {
    const silent = historyOf(...eventsOfRun(16, 2)).answers(5)[0]!;
    expect(explainAnswer(silent).summary).toBe(
      "It gave no answer (408, no answer in 12 s), and no answer earns 0.",
    );
  });

  test("a step that did not count says why", () => {
    const [answer] = history.answers(0);
    const step = { ...answer!.step, counted: false, cause: "this machine has no network" };
    expect(explainAnswer({ ...answer!, step }).summary).toBe(
      "This step did not count: this machine has no network.",
    );
  });

  test("the score is told against the rewards", () => {
    expect(explainScore(0.1, history.answers(0))).toContain("the score is rising towards them");
    expect(explainScore(0.4, history.answers(0))).toContain("steady");
    expect(explainScore(0.9, history.answers(0))).toContain("falling");
    expect(explainScore(0.9, [])).toContain("was not asked");
  });
});

describe("the history of answers", () => {
  test("is bounded, newest first, with printable texts", () => {
    const history = historyOf(...eventsOfRun(16, 30));
    const answers = history.answers(2);
    expect(answers.map(({ step }) => step.step)).toEqual(Array.from({ length: 20 }, (_, at) => 130 - at));
    expect(answers[0]!.completion).toBe(HOSTILE.replace("\u202e", "\\u{202e}"));
  });

  test("begins anew with another hotkey, and follows one that moved", () => {
    const events = eventsOfRun(4, 3);
    const history = historyOf(...events);
    const metagraph = {
      ...events[0]!,
      kind: "metagraph",
      neurons: 4,
      replaced: [1],
      added: [],
      removed: [],
      serving: 4,
    };
    history.apply({ ...metagraph, moved: [{ hotkey: hotkeyOf(0), from: 0, to: 9 }] } as never);
    expect([history.answers(0).length, history.answers(1).length, history.answers(9).length]).toEqual([
      0, 0, 3,
    ]);
    expect(tellMiner(9, 0.5, history.answers(9)).hotkey).toBe(hotkeyOf(0));
  });
});
