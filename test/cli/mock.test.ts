import { expect, test } from "bun:test";
import { describeLocalnet } from "../../src/cli/commands/localnet.ts";
import { settingsOfMock, warnOfIdleFlags } from "../../src/cli/validate.ts";
import { loadConfiguration } from "../../src/config/load.ts";
import { OPTIONS } from "../../src/config/options.ts";
import type { Localnet } from "../../src/localnet/localnet.ts";
import { capturedLog } from "../captured-log.ts";

const lines = capturedLog();
const subnet = {
  walletPath: "/made",
  walletName: "n",
  walletHotkey: "h",
  endpoint: "ws://x",
  endpoints: ["ws://x"],
  netuid: 1,
  miners: [],
  node: { first: { faults: () => [] } },
} as unknown as Localnet;

test("a mock's journal goes with its subnet, unless the command line says where it is to stay", () => {
  const folderBy = (flags: Record<string, string>, environment: Record<string, string> = {}) =>
    settingsOfMock(loadConfiguration(OPTIONS, { flags: { mock: "true", ...flags }, environment }), subnet)
      .loggingLoggingDir;
  expect(folderBy({})).toBe("/made/logs");
  expect(folderBy({}, { OPENVALIDATOR_LOGGING_LOGGING_DIR: "/real" })).toBe("/made/logs");
  expect(folderBy({ "logging.logging_dir": "/kept" })).toBe("/kept");
});

test("a mock waits for silent miners no longer than the line that localnet prints does, unless it is told to", () => {
  const timeouts = (flags: Record<string, string>): number[] => {
    const configuration = loadConfiguration(OPTIONS, { flags: { mock: "true", ...flags }, environment: {} });
    const { neuronFollowupTimeout, neuronAnswerTimeout } = settingsOfMock(configuration, subnet);
    return [neuronFollowupTimeout, neuronAnswerTimeout];
  };
  expect(timeouts({})).toEqual([2, 2]);
  expect(timeouts({ "neuron.answer_timeout": "10" })).toEqual([2, 10]);
  expect(describeLocalnet(subnet)).toContain("--neuron.followup_timeout 2 --neuron.answer_timeout 2");
});

test("a mock is looked at from another terminal, and a second validator with its key is not proposed", () => {
  const told = describeLocalnet(subnet, "/kept");
  expect(told).toMatch(/ miners --logging\.logging_dir \/kept --wallet\.name n --wallet\.hotkey h$/m);
  expect(told).toMatch(/ localnet miners --endpoint ws:\/\/x$/m);
  expect(told).not.toMatch(/\brun\b/);
  expect(told).toContain("\nMiners     none\n");
});

test("flags of what a mock makes itself are told of, and nothing else is", () => {
  warnOfIdleFlags({ flags: { mock: "true", "run.forwards": "1" } });
  expect(lines).toEqual([]);
  warnOfIdleFlags({ flags: { mock: "true", netuid: "5", "wallet.name": "w" } });
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(/WARN .*flags="--netuid --wallet\.name"/);
});
