import { describe, expect, test } from "bun:test";
import { COMMANDS } from "../../src/cli/commands.ts";
import { commandHelp, rootHelp } from "../../src/cli/help.ts";
import { CANARY } from "../canaries.ts";
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
    [["wallet"], "openvalidator wallet create, import, show, sign or verify"],
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
      HF_TOKEN: CANARY.hubToken,
    });
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^netuid\s+7\s+flag$/m);
    expect(stdout).toMatch(/^data\.token\s+\[secret\]\s+\$HF_TOKEN$/m);
    expect(stdout).not.toContain(CANARY.hubToken);
    const json = JSON.parse(
      (await captured(["config", "show", "--json"], { HF_TOKEN: CANARY.hubToken })).stdout,
    );
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
      for (const [flag, option] of Object.entries(command.table))
        if (!option.secret) expect(help).toContain(`--${flag}`);
    }
    expect((await captured(["--help"])).stdout).toContain("Commands");
    expect((await captured(["run", "--help"])).stdout).toContain("--neuron.followup_sample_size");
  });

  test("every flag of openvalidators 1.2.0 exists under its old name", () => {
    const neuron =
      "name device disable_log_rewards num_concurrent_forwards disable_set_weights moving_average_alpha followup_timeout followup_sample_size answer_timeout answer_sample_size num_followup_steps epoch_length_override checkpoint_block_length events_retention_size dont_save_events vpermit_tao_limit axon_off mock_reward_models mock_dendrite_pool mock_gating_model mock_dataset use_custom_gating_model blacklist_off nsfw_off relevance_off diversity_off task_validator_off";
    const others =
      "netuid wallet.name wallet.hotkey wallet.path subtensor.network subtensor.chain_endpoint logging.debug logging.trace logging.logging_dir axon.port axon.ip axon.external_ip axon.external_port mock reward.dpo_weight reward.rlhf_weight reward.reciprocate_weight reward.dahoas_weight reward.prompt_based_weight wandb.off wandb.project_name wandb.entity wandb.offline wandb.weights_step_length wandb.run_step_length wandb.notes wandb.track_gating_model";
    const known = Object.keys(COMMANDS[0]!.table);
    const wanted = [...neuron.split(" ").map((flag) => `neuron.${flag}`), ...others.split(" ")];
    expect(wanted.filter((flag) => !known.includes(flag))).toEqual([]);
  });
});

describe("a switch", () => {
  const show = (...words: string[]) => captured(["config", "show", ...words]);

  test.each([
    [["--neuron.axon_off"], "true"],
    [["--neuron.axon_off", "true"], "true"],
    [["--neuron.axon_off", "false"], "false"],
    [["--neuron.axon_off=off"], "false"],
    [["--no-neuron.axon_off"], "false"],
  ])("%p is %p", async (words, value) => {
    const { exitCode, stdout } = await show(...words);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(new RegExp(`^neuron\\.axon_off +${value} +flag$`, "m"));
  });

  test("that takes the place of a value, or of a flag that needs one, is refused", async () => {
    expect((await show("--neuron.axon_off", "maybe")).stderr).toContain('Unexpected word "maybe"');
    expect((await show("--no-netuid")).stderr).toContain("Unknown flag --no-netuid");
    expect((await show("--no-neuron.axon_off", "--neuron.axon_off")).stderr).toContain("given twice");
  });
});

describe("help", () => {
  test.each([
    [["help"], "Usage: openvalidator [COMMAND] [FLAGS]"],
    [["-h"], "Usage: openvalidator [COMMAND] [FLAGS]"],
    [["help", "run"], "Usage: openvalidator run [FLAGS]"],
    [["help", "wallet"], "Usage: openvalidator wallet COMMAND [FLAGS]"],
    [["wallet", "--help"], "wallet create  Make a hotkey"],
    [["models", "--help"], "models pull    Download models"],
    [["help", "models", "pull"], "Usage: openvalidator models pull [ID|PROFILE…] [FLAGS]"],
    [["--netuid", "1", "--help"], "Usage: openvalidator [COMMAND] [FLAGS]"],
    [["-V"], "openvalidator "],
  ])("%p prints what was asked for", async (words, text) => {
    const { exitCode, stdout, stderr } = await captured(words);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(stdout).toContain(text);
  });

  test("of a command that does not exist is refused with its neighbours", async () => {
    expect((await captured(["help", "lcalnet"])).stderr).toContain("did you mean openvalidator localnet?");
    expect((await captured(["wallet", "shwo"])).stderr).toContain("did you mean openvalidator wallet show?");
    expect((await captured(["models", "xyzzy"])).stderr).toContain("openvalidator models --help lists");
  });

  test("is what a hint names for the command that was used", async () => {
    expect((await captured(["localnet", "--tempo", "0"])).stderr).toContain("openvalidator localnet --help");
    expect((await captured(["models", "pull", "--dtype", "q5"])).stderr).toContain(
      "openvalidator models pull --help",
    );
  });
});

describe("an environment variable of this program", () => {
  test("that no command reads is refused, for every command that reads the environment", async () => {
    const slip = { OPENVALIDATOR_NEURON_DISABLE_SET_WEIGHT: "true" };
    for (const words of [["config", "show"], ["wallet", "show"], ["models", "list"], ["devices"], ["run"]]) {
      const { exitCode, stderr, stdout } = await captured(words, slip);
      expect({ exitCode, stdout }).toEqual({ exitCode: 64, stdout: "" });
      expect(stderr).toContain("Unknown environment variable OPENVALIDATOR_NEURON_DISABLE_SET_WEIGHT\n");
      expect(stderr).toContain("did you mean OPENVALIDATOR_NEURON_DISABLE_SET_WEIGHTS?");
    }
    expect((await captured(["version"], slip)).exitCode).toBe(0);
    expect((await captured(["config", "show"], { openvalidator_netuid: "7" })).exitCode).toBe(64);
  });

  test("that another command, the tests or Kubernetes use is left alone", async () => {
    const known = {
      OPENVALIDATOR_DATASET: "texts.txt",
      OPENVALIDATOR_CONFIG: "",
      OPENVALIDATOR_CACHE: "/tmp",
      OPENVALIDATOR_COMMIT_REVEAL: "false",
      OPENVALIDATOR_REQUIRE_WEBGPU: "1",
      OPENVALIDATOR_TEST_VK_ICD: "x",
      OPENVALIDATOR_SERVICE_HOST: "10.0.0.1",
      OPENVALIDATOR_SERVICE_PORT: "80",
      OPENVALIDATOR_PORT: "tcp://10.0.0.1:80",
      OPENVALIDATOR_PORT_80_TCP_ADDR: "10.0.0.1",
    };
    const { exitCode, stdout } = await captured(["config", "show"], known);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^data\.source +texts\.txt +\$OPENVALIDATOR_DATASET$/m);
  });
});
