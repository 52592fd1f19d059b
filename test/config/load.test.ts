import { describe, expect, test } from "bun:test";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Failure } from "../../src/base/error.ts";
import { describeOrigin, loadConfiguration } from "../../src/config/load.ts";
import { environmentName, nameOf } from "../../src/config/option.ts";
import { OPTIONS } from "../../src/config/options.ts";
import { CANARY } from "../canaries.ts";

function file(content: string): string {
  const path = join(mkdtempSync(join(tmpdir(), "ov-config-")), "config.json");
  writeFileSync(path, content);
  return path;
}

function failure(run: () => unknown): Failure {
  try {
    run();
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

describe("configuration", () => {
  test("a list has commas, spaces make no difference, and each value counts once", () => {
    const penaltiesOf = (text: string): readonly string[] =>
      loadConfiguration(OPTIONS, { flags: { "reward.penalties": text }, environment: {} }).settings
        .rewardPenalties;
    expect(penaltiesOf("content-match")).toEqual(["content-match"]);
    expect(penaltiesOf(" task-validation , content-match,task-validation,")).toEqual([
      "task-validation",
      "content-match",
    ]);
    expect(penaltiesOf("")).toEqual([]);
    expect(failure(() => penaltiesOf("content-match,magic")).message).toContain('not "magic"');
    const { kind } = OPTIONS["reward.penalties"];
    expect(kind.parse(kind.format!(["content-match", "keyword-match"]))).toEqual([
      "content-match",
      "keyword-match",
    ]);
  });

  test("a flag wins over the environment, the environment over the file, the file over the default", () => {
    const filePath = file('{"netuid": 3, "neuron": {"followup_sample_size": 7, "answer_sample_size": 8}}');
    const environment = { OPENVALIDATOR_NETUID: "4", OPENVALIDATOR_NEURON_FOLLOWUP_SAMPLE_SIZE: "9" };
    const { settings, origins } = loadConfiguration(OPTIONS, {
      flags: { netuid: "5" },
      environment,
      filePath,
    });
    expect(settings.netuid).toBe(5);
    expect(settings.neuronFollowupSampleSize).toBe(9);
    expect(settings.neuronAnswerSampleSize).toBe(8);
    expect(settings.neuronAnswerTimeout).toBe(10);
    expect(describeOrigin(origins.netuid)).toBe("flag");
    expect(describeOrigin(origins.neuronFollowupSampleSize)).toBe(
      "$OPENVALIDATOR_NEURON_FOLLOWUP_SAMPLE_SIZE",
    );
    expect(describeOrigin(origins.neuronAnswerSampleSize)).toBe(filePath);
    expect(describeOrigin(origins.neuronAnswerTimeout)).toBe("default");
  });

  test("keeps the defaults of openvalidators 1.2.0", () => {
    const { settings } = loadConfiguration(OPTIONS, { flags: {}, environment: {} });
    expect(settings).toMatchObject({
      netuid: 1,
      neuronName: "core_prompting_validator",
      neuronNumConcurrentForwards: 1,
      neuronMovingAverageAlpha: 0.05,
      neuronFollowupTimeout: 10,
      neuronFollowupSampleSize: 50,
      neuronAnswerTimeout: 10,
      neuronAnswerSampleSize: 50,
      neuronNumFollowupSteps: 4,
      neuronEpochLengthOverride: 0,
      neuronCheckpointBlockLength: 10,
      neuronEventsRetentionSize: 2e9,
      neuronVpermitTaoLimit: 4096,
      neuronDontSaveEvents: false,
      neuronAxonOff: false,
      mock: false,
    });
  });

  test("honours the environment names of the bittensor tools", () => {
    const { settings } = loadConfiguration(OPTIONS, { flags: {}, environment: { BT_WALLET_NAME: "w" } });
    expect(settings.walletName).toBe("w");
  });

  test.each([
    ["netuid", "abc", "whole number"],
    ["netuid", "70000", "0 to 65535"],
    ["neuron.moving_average_alpha", "1.5", "0 to 1"],
    ["neuron.device", "cuda", "auto, webgpu, cpu, or webgpu:N"],
    ["neuron.events_retention_size", "lots", "2 GB"],
    ["neuron.axon_off", "maybe", "switch"],
  ])("--%s %s is refused with what it must be", (flag, value, words) => {
    const error = failure(() => loadConfiguration(OPTIONS, { flags: { [flag]: value }, environment: {} }));
    expect(error.code).toBe("config.bad-value");
    expect(error.message).toContain(words);
    expect(error.message).toContain(`--${flag}`);
  });

  test("names the environment variable that holds a bad value", () => {
    const environment = { OPENVALIDATOR_NETUID: "x" };
    const error = failure(() => loadConfiguration(OPTIONS, { flags: {}, environment }));
    expect(error.message).toContain("$OPENVALIDATOR_NETUID");
  });

  test("suggests the key for a slip in the file and refuses what is not JSON", () => {
    const slip = failure(() =>
      loadConfiguration(OPTIONS, { flags: {}, environment: {}, filePath: file('{"wallet": {"nme": "x"}}') }),
    );
    expect(slip.code).toBe("config.unknown-flag");
    expect(slip.hint).toContain("wallet.name");
    const broken = failure(() =>
      loadConfiguration(OPTIONS, { flags: {}, environment: {}, filePath: file("wallet: x") }),
    );
    expect(broken.code).toBe("config.unreadable");
    const list = failure(() =>
      loadConfiguration(OPTIONS, { flags: {}, environment: {}, filePath: file("[1]") }),
    );
    expect(list.code).toBe("config.bad-value");
  });

  test("refuses a secret on the command line without repeating it", () => {
    const flags = { "data.token": CANARY.hubToken };
    const error = failure(() => loadConfiguration(OPTIONS, { flags, environment: {} }));
    expect(error.code).toBe("config.conflict");
    expect(`${error.message} ${error.hint}`).not.toContain(CANARY.hubToken);
  });

  test("every option has its own name in the code and in the environment", () => {
    const flags = Object.keys(OPTIONS);
    expect(new Set(flags.map(nameOf)).size).toBe(flags.length);
    expect(new Set(flags.map(environmentName)).size).toBe(flags.length);
  });
});

describe("what goes out to a hub", () => {
  const load = (flags: Record<string, string>, environment: Record<string, string> = {}) =>
    loadConfiguration(OPTIONS, { flags, environment });

  test("is refused at once when it is no address", () => {
    const error = failure(() => load({ "data.endpoint": "foo" }));
    expect(error.code).toBe("config.bad-value");
    expect(error.message).toContain("https://mirror.example");
  });

  test("is a token only in printable ASCII, and an error does not repeat it", () => {
    expect(load({}, { HF_TOKEN: " hf_x\n" }).settings.dataToken).toBe("hf_x");
    const error = failure(() => load({}, { HF_TOKEN: "hf_cänary" }));
    expect(error.code).toBe("config.bad-value");
    expect(`${error.message} ${error.hint}`).not.toContain("nary");
  });

  test("a file that begins with a byte order mark is read", () => {
    expect(
      loadConfiguration(OPTIONS, { flags: {}, environment: {}, filePath: file('\uFEFF{"netuid": 3}') })
        .settings.netuid,
    ).toBe(3);
  });
});
