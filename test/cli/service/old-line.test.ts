import { describe, expect, test } from "bun:test";
import { translateOldLine } from "../../../src/cli/service/old-line.ts";
import { shellWords } from "../../../src/cli/service/shell-words.ts";

describe("words of a shell", () => {
  test.each([
    ["a  b\tc", ["a", "b", "c"]],
    [`'a b' "c d" e\\ f ''`, ["a b", "c d", "e f", ""]],
    ["a \\\n  b", ["a", "b"]],
    [`"say \\"hi\\" \\x" 'it''s'`, [`say "hi" \\x`, "its"]],
    ["", []],
  ])("%p", (line, words) => {
    expect(shellWords(line)).toEqual(words);
  });

  test("are those of bash", () => {
    for (const line of [`x 'a "b' "c 'd" e\\"f`, `--a="b c" --d='e'`, "a\\\\b '\\n'"]) {
      const script = `printf '%s\\0' ${line}`;
      const bash = Bun.spawnSync(["bash", "-c", script]).stdout.toString().split("\0").slice(0, -1);
      expect(shellWords(line)).toEqual(bash);
    }
  });

  test.each(["a $HOME", "a `id`", "a; b", "a | b", `"$x"`, "a 'b", "a > b", "*"])("refuses %p", (line) => {
    expect(() => shellWords(line)).toThrow("the old line has");
  });
});

describe("an old start line", () => {
  const WALLET = { "wallet.name": "W", "wallet.hotkey": "H" };

  test.each([
    "pm2 start run.sh --name openvalidators_autoupdate -- --wallet.name W --wallet.hotkey H",
    "pm2 start run.sh --name a -- --script openvalidators/neuron.py --name b --wallet.name W --wallet.hotkey H",
    "pm2 start openvalidators/neuron.py --name x --interpreter python3 -- --wallet.name W --wallet.hotkey=H",
    "/usr/local/bin/pm2 start ~/validators/run.sh --interpreter bash -- --wallet.name W --wallet.hotkey H",
    "npx pm2 start run.sh -- --wallet.name W --wallet.hotkey H",
    "python3 validators/openvalidators/neuron.py --wallet.name W --wallet.hotkey H",
    "./run.sh --script openvalidators/neuron.py --wallet.name W --wallet.hotkey H",
    "nohup bash run.sh --wallet.name Q --wallet.name W --wallet.hotkey H",
  ])("%s", (line) => {
    expect(translateOldLine(line)).toEqual({ flags: WALLET, environment: {}, notes: [] });
  });

  test("keeps switches, other settings of 1.2.0, and variables of drivers", () => {
    const { flags, environment, notes } = translateOldLine(
      "CUDA_VISIBLE_DEVICES=0,1 BT_WALLET_PATH=/w pm2 start run.sh --name x -- --wallet.name W --neuron.nsfw_off " +
        "--logging.debug --neuron.device cuda --subtensor.network finney --neuron.use_custom_gating_model " +
        "--gating.model_name sentence-transformers/all-distilroberta-v1",
    );
    expect(flags).toEqual({
      "wallet.name": "W",
      "neuron.nsfw_off": "true",
      "logging.debug": "true",
      "neuron.device": "cuda",
      "subtensor.network": "finney",
      "neuron.use_custom_gating_model": "true",
      "gating.model_name": "sentence-transformers/all-distilroberta-v1",
    });
    expect(environment).toEqual({ CUDA_VISIBLE_DEVICES: "0,1", BT_WALLET_PATH: "/w" });
    expect(notes).toEqual([]);
  });

  test("says what it left out, and never a secret", () => {
    const { flags, environment, notes } = translateOldLine(
      "WANDB_API_KEY=canary LD_PRELOAD=/x.so PYTHONPATH=. BT_PW_X=canary pm2 start run.sh -- --wallet.name W " +
        "--logging.record_log --no_version_checking --bogus 1 --data.token canary",
    );
    expect(flags).toEqual({ "wallet.name": "W" });
    expect(environment).toEqual({});
    expect(notes).toHaveLength(8);
    expect(JSON.stringify(notes)).not.toContain("canary");
  });

  test.each([
    "",
    "ls -l",
    "pm2 restart all",
    "pm2 start miner.py -- --wallet.name W",
    "./run.sh W",
    "run.sh --netuid",
  ])("refuses %p", (line) => {
    expect(() => translateOldLine(line)).toThrow(/old line/);
  });
});
