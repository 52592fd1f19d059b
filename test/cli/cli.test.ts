import { describe, expect, test } from "bun:test";
import { COMMANDS } from "../../src/cli/commands.ts";
import { commandHelp, rootHelp } from "../../src/cli/help.ts";
import { captured } from "./captured.ts";

describe("command line", () => {
  test.each([
    [["--bogus"], "Unknown flag --bogus"],
    [["--wallet.nme", "x"], "did you mean --wallet.name?"],
    [["run", "stray"], 'Unexpected word "stray"'],
    [["run", "--wallet.name"], "--wallet.name needs a value"],
    [["run", "--wallet.name="], "--wallet.name needs a value"],
    [["run", "--wallet.name", "--netuid", "1"], "--wallet.name needs a value"],
    [["run", "--netuid", "1", "--netuid=2"], "--netuid is given twice"],
    [["run", "-wallet.name", "x"], "did you mean --wallet.name?"],
    [["lcalnet"], "did you mean openvalidator localnet?"],
    [["wallet"], "openvalidator wallet create or openvalidator wallet show"],
    [["config", "show", "--netuid", "-1"], "must be a whole number"],
    [["version", "--netuid", "1"], "Unknown flag --netuid"],
    [["run", "--gating.explore", "1.5"], "must be a number from 0 to 1"],
    [["run", "--gating.momentum", "1"], "must be a number from 0 to 0.9999"],
  ])("%p is refused with exit code 64", async (words, sentence) => {
    const { exitCode, stderr, stdout } = await captured(words);
    expect(exitCode).toBe(64);
    expect(stderr).toContain(sentence);
    expect(stdout).toBe("");
  });

  test("flags without a command belong to run", async () => {
    const { exitCode, stderr } = await captured([
      "--wallet.name",
      "w",
      "--wallet.hotkey",
      "h",
      "--netuid",
      "x",
    ]);
    expect(exitCode).toBe(64);
    expect(stderr).toContain("--netuid (from the command line) must be a whole number");
  });

  test("version --json is JSON with the version key", async () => {
    const { exitCode, stdout } = await captured(["version", "--json"]);
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ version: expect.stringMatching(/^\d+\.\d+\.\d+/) });
    expect((await captured(["--version"])).stdout).toStartWith("openvalidator ");
  });

  test("config show prints origins and hides secrets", async () => {
    const { exitCode, stdout } = await captured(["config", "show", "--netuid", "7"], {
      HF_TOKEN: "hf_canary",
    });
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^netuid\s+7\s+flag$/m);
    expect(stdout).toMatch(/^data\.token\s+\[secret\]\s+\$HF_TOKEN$/m);
    expect(stdout).not.toContain("hf_canary");
    const json = JSON.parse((await captured(["config", "show", "--json"], { HF_TOKEN: "hf_canary" })).stdout);
    expect(json["data.token"]).toEqual({ value: "[secret]", origin: "$HF_TOKEN" });
  });

  test("config show knows the gating flags of openvalidators 1.2.0, and routing is off by default", async () => {
    const old = ["--gating.model_name", "sentence-transformers/all-MiniLM-L6-v2", "--gating.num_uids", "256"];
    const rates = ["--gating.learning_rate", "0.02", "--gating.momentum", "0.8"];
    const switches = ["--neuron.use_custom_gating_model", "--neuron.mock_gating_model"];
    const { exitCode, stdout } = await captured(["config", "show", "--json", ...old, ...rates, ...switches]);
    expect(exitCode).toBe(0);
    const shown = JSON.parse(stdout);
    expect(shown["gating.explore"]).toEqual({ value: 1, origin: "default" });
    expect(shown["gating.num_uids"].value).toBe(256);
    expect(shown["gating.learning_rate"].value).toBe(0.02);
    expect(shown["gating.momentum"].value).toBe(0.8);
    expect(shown["neuron.use_custom_gating_model"].value).toBe(true);
  });

  test("help fits 100 columns and names every flag", async () => {
    expect(
      rootHelp(COMMANDS)
        .split("\n")
        .every((line) => line.length <= 100),
    ).toBe(true);
    for (const command of COMMANDS) {
      const help = commandHelp(command);
      expect(help.split("\n").filter((line) => line.length > 100)).toEqual([]);
      for (const option of Object.values(command.table))
        if (!option.secret) expect(help).toContain(`--${option.flag}`);
    }
    expect((await captured(["--help"])).stdout).toContain("Commands");
    expect((await captured(["run", "--help"])).stdout).toContain("--neuron.followup_sample_size");
  });

  test("every flag of openvalidators 1.2.0 exists under its old name", () => {
    const neuron =
      "name device disable_log_rewards num_concurrent_forwards disable_set_weights moving_average_alpha followup_timeout followup_sample_size answer_timeout answer_sample_size num_followup_steps epoch_length_override checkpoint_block_length events_retention_size dont_save_events vpermit_tao_limit axon_off mock_reward_models mock_dendrite_pool mock_gating_model mock_dataset use_custom_gating_model blacklist_off nsfw_off relevance_off diversity_off task_validator_off";
    const others =
      "netuid wallet.name wallet.hotkey wallet.path subtensor.network subtensor.chain_endpoint logging.debug logging.trace logging.logging_dir axon.port axon.ip axon.external_ip axon.external_port mock reward.dpo_weight reward.rlhf_weight reward.reciprocate_weight reward.dahoas_weight reward.prompt_based_weight";
    const known = Object.values(COMMANDS[0]!.table).map((option) => option.flag);
    const wanted = [...neuron.split(" ").map((flag) => `neuron.${flag}`), ...others.split(" ")];
    expect(wanted.filter((flag) => !known.includes(flag))).toEqual([]);
  });
});
