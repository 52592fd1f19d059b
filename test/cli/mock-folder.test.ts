import { expect, test } from "bun:test";
import { settingsOfMock } from "../../src/cli/validate.ts";
import { loadConfiguration } from "../../src/config/load.ts";
import { OPTIONS } from "../../src/config/options.ts";
import type { Localnet } from "../../src/localnet/localnet.ts";

test("a mock's journal goes with its subnet, unless the command line says where it is to stay", () => {
  const net = {
    walletPath: "/made",
    walletName: "n",
    walletHotkey: "h",
    endpoint: "ws://x",
    netuid: 1,
  } as Localnet;
  const folderBy = (flags: Record<string, string>, environment: Record<string, string> = {}) =>
    settingsOfMock(loadConfiguration(OPTIONS, { flags: { mock: "true", ...flags }, environment }), net)
      .loggingLoggingDir;
  expect(folderBy({})).toBe("/made/logs");
  expect(folderBy({}, { OPENVALIDATOR_LOGGING_LOGGING_DIR: "/real" })).toBe("/made/logs");
  expect(folderBy({ "logging.logging_dir": "/kept" })).toBe("/kept");
});
