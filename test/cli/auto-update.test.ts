import { describe, expect, test } from "bun:test";
import { updaterEnvironment, writtenFlags } from "../../src/cli/update/updater-command.ts";
import { CANARY } from "../canaries.ts";
import { captured } from "./captured.ts";

describe("run --auto-update", () => {
  test.each(["patch", "on"])("%s is refused where it cannot be, with the way out", async (mode) => {
    const { exitCode, stderr } = await captured(["run", "--auto-update", mode]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 78, stderr: expect.stringContaining("git pull") });
  });

  test("is refused with a subnet that would end with the validator", async () => {
    const { exitCode, stderr } = await captured(["run", "--mock", "--auto-update", "on"]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 64, stderr: expect.stringContaining("--mock") });
  });

  test("takes no other word", async () => {
    const { exitCode, stderr } = await captured(["run", "--auto-update", "always"]);
    expect({ exitCode, stderr }).toEqual({
      exitCode: 64,
      stderr: expect.stringContaining("off, notify, patch, on"),
    });
  });
});

test("self-update --unattended does nothing where the operator wants no updates", async () => {
  const words = ["self-update", "--unattended", "--json"];
  const { exitCode, stdout } = await captured(words, { OPENVALIDATOR_AUTO_UPDATE: "off" });
  expect({ exitCode, said: JSON.parse(stdout) }).toMatchObject({ exitCode: 0, said: { state: "off" } });
});

// From source it would be refused as well, with another exit code and another sentence.
test.each([
  "--rollback --check",
  "--rollback --dry-run",
  "--rollback --unattended",
  "--rollback --version=1.0.0",
  "--if-unconfirmed",
])("self-update %s goes neither back nor on", async (words) => {
  const { exitCode, stderr } = await captured(["self-update", ...words.split(" ")]);
  expect({ exitCode, stderr }).toEqual({ exitCode: 64, stderr: expect.stringContaining("leave") });
});

test.each(["--rollback", "--rollback --if-unconfirmed", "--rollback --check=false"])(
  "self-update %s asks for one thing",
  async (words) => {
    const { exitCode, stderr } = await captured(["self-update", ...words.split(" ")]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 78, stderr: expect.stringContaining("git pull") });
  },
);

test("nobody but a parent starts the worker", async () => {
  const { exitCode, stderr } = await captured(["update-worker", "--auto-update", "on"]);
  expect({ exitCode, stderr }).toEqual({ exitCode: 64, stderr: expect.stringContaining("not by hand") });
});

test("the updater gets what it reads, and none of the secrets of the validator", () => {
  const environment = {
    PATH: "/usr/bin",
    OPENVALIDATOR_UPDATE_URL: "https://mirror.example",
    OPENVALIDATOR_WALLET_NAME: "w",
    BT_WALLET_NAME: "w",
    https_proxy: "http://proxy.example",
    WANDB_API_KEY: CANARY.wandbKey,
    BT_PW__HOME_WALLETS: CANARY.password,
    OPENVALIDATOR_ALERT_URL: CANARY.hookPath,
    OPENVALIDATOR_SUPERVISOR: "1",
  };
  expect(Object.keys(updaterEnvironment(environment)).sort()).toEqual([
    "BT_WALLET_NAME",
    "OPENVALIDATOR_UPDATE_URL",
    "OPENVALIDATOR_WALLET_NAME",
    "PATH",
    "https_proxy",
  ]);
  expect(writtenFlags({ netuid: "1", "wallet.name": "a b" })).toEqual(["--netuid=1", "--wallet.name=a b"]);
});
