import { describe, expect, test } from "bun:test";
import { loadConfiguration } from "../../src/config/load.ts";
import { OPTIONS, type Settings } from "../../src/config/options.ts";
import { MODEL_ROLES } from "../../src/config/scoring-options.ts";
import { readProfile } from "../../src/rewards/profile.ts";
import { readScoring } from "../../src/validator/open-judge.ts";
import { placeModels } from "../../src/validator/placement.ts";

const settingsOf = (flags: Record<string, string>): Settings =>
  loadConfiguration(OPTIONS, { flags, environment: {} }).settings;

/** Models of a profile by where they are to run. */
function placed(flags: Record<string, string>, gating = "all-minilm-l6-v2-embedded") {
  const settings = settingsOf(flags);
  return placeModels(settings, readScoring(settings), gating);
}
const standard = { "models.profile": "standard" };

describe("the models of a profile are placed", () => {
  test("rewards by weight, masks, then what can be done without, all on one device", () => {
    const models = placed(standard);
    expect(models.map(({ id, isOptional }) => [id, isOptional])).toEqual([
      ["skywork-reward-v2-qwen3-0.6b", false],
      ["skywork-reward-v2-qwen3-1.7b", false],
      ["qwen3-0.6b-base", false],
      ["all-minilm-l6-v2-embedded", false],
      ["toxic-bert", false],
      ["qwen3-0.6b", true],
    ]);
    expect(new Set(models.map(({ device }) => device))).toEqual(new Set(["auto"]));
  });

  test("single roles elsewhere", () => {
    const flags = { ...standard, "neuron.device": "webgpu:1,nsfw=cpu,shadow=webgpu:0,diversity=cpu" };
    const devices = Object.fromEntries(placed(flags).map(({ id, device }) => [id, device]));
    expect(devices).toMatchObject({
      "skywork-reward-v2-qwen3-0.6b": "webgpu:1",
      "toxic-bert": "cpu",
      "qwen3-0.6b": "webgpu:0",
      // Relevance says nothing of its own and follows diversity.
      "all-minilm-l6-v2-embedded": "cpu",
    });
    expect(placed({ "neuron.device": "gating=cpu" })[0]!.device).toBe("cpu");
  });

  test("a model that routing shares with scoring is needed", () => {
    expect(placed({})).toEqual([
      {
        id: "all-minilm-l6-v2-embedded",
        device: "auto",
        dtypes: undefined,
        isOptional: false,
        roles: ["relevance", "diversity", "gating"],
      },
    ]);
    const legacy = placed({ "models.profile": "legacy" }, "all-mpnet-base-v2");
    expect(legacy.find(({ id }) => id === "all-mpnet-base-v2")!.isOptional).toBe(false);
  });

  test("the routing encoder in the profile's dtype, unless the operator names another model", () => {
    const settings = settingsOf({});
    const scoring = readScoring(settings);
    const profile = { ...scoring.profile, gating: { model: "g", dtype: { cpu: "q8" as const } } };
    const dtypesOf = (gating: string) =>
      placeModels(settings, { ...scoring, profile }, gating).find(({ id }) => id === gating)!.dtypes;
    expect(dtypesOf("g")).toEqual({ cpu: "q8" });
    expect(dtypesOf("another")).toBeUndefined();
  });

  test("none of what is off", () => {
    const ids = placed({
      ...standard,
      "shadow.off": "true",
      "neuron.nsfw_off": "true",
      "reward.dpo_weight": "0",
      "reward.rlhf_weight": "0.5",
      "reward.reciprocate_weight": "0.5",
    }).map(({ id }) => id);
    expect(ids).not.toContain("qwen3-0.6b");
    expect(ids).not.toContain("toxic-bert");
    expect(ids).not.toContain("qwen3-0.6b-base");
  });

  test("but not in two places", () => {
    expect(() => placed({ ...standard, "neuron.device": "auto,relevance=cpu,diversity=webgpu" })).toThrow(
      expect.objectContaining({
        code: "config.conflict",
        message:
          "relevance and diversity share the model all-minilm-l6-v2-embedded, which cannot run on cpu and webgpu",
      }),
    );
  });

  test("nor in two dtypes", () => {
    const profile = readProfile({
      id: "own",
      rewards: [{ name: "relevance_reward_model", model: "m", dtype: { cpu: "q8" }, weight: 1 }],
      relevance: { model: "m", dtype: { cpu: "fp32" }, minCosine: 0.1 },
      diversity: { model: "m", batchSlope: 1, batchShift: 1, historySlope: 1, historyShift: 1 },
    });
    const settings = settingsOf({});
    const scoring = { ...readScoring(settings), profile };
    expect(() => placeModels(settings, scoring, "m")).toThrow("two dtypes");
    const one = { ...scoring, profile: { ...profile, relevance: { model: "m", minCosine: 0.1 } } };
    expect(placeModels(settings, one, "m")).toEqual([
      {
        id: "m",
        device: "auto",
        dtypes: { cpu: "q8" },
        isOptional: false,
        roles: ["relevance", "diversity", "gating"],
      },
    ]);
  });
});

describe("--neuron.device", () => {
  test("knows every role", () => {
    for (const role of MODEL_ROLES)
      expect(settingsOf({ "neuron.device": `${role}=cpu` }).neuronDevice.byRole[role]).toBe("cpu");
  });

  test.each([
    ["nsfw", "must be one of auto, webgpu, cpu"],
    ["cpu,webgpu", "must have ROLE=DEVICE after its first part"],
    ["cpu,poison=cpu", 'knows no role "poison"; there are dpo, rlhf'],
    ["cpu,nsfw=gpu", 'not "gpu"'],
    ["cpu,nsfw=", 'not ""'],
  ])("%p is refused", (value, sentence) => {
    expect(() => settingsOf({ "neuron.device": value })).toThrow(sentence);
  });
});
