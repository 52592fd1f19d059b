import { decimal, integer, optional, path, text, toggle } from "./kinds.ts";
import { type OptionTable, option } from "./option.ts";

/** What `openvalidator localnet` and `openvalidator demo` make. */
export const LOCALNET_OPTIONS = {
  miners: option(integer({ min: 1, max: 1024 }), 16, "localnet", "Reference miners to start."),
  "block-time": option(
    decimal({ min: 0.1, max: 60 }, "SECONDS"),
    1,
    "localnet",
    "Seconds between two blocks (the public chain: 12).",
  ),
  port: option(
    integer({ min: 0, max: 65_535 }, "PORT"),
    9944,
    "localnet",
    "Websocket port; 0 = any free one.",
  ),
  tempo: option(integer({ min: 5, max: 65_535 }, "BLOCKS"), 20, "localnet", "Blocks of one epoch."),
  "commit-reveal": option(toggle, true, "localnet", "Weights are committed first, revealed an epoch later."),
  characters: option(
    optional(text),
    undefined,
    "localnet",
    "Characters of the miners, with commas, repeated in turn (default: all but specialists).",
  ),
  directory: option(optional(path), undefined, "localnet", "Folder for the wallets (default: temporary)."),
} as const satisfies OptionTable;

/** Where the commands `localnet …` find the running one. */
export const LOCALNET_CONTROL_OPTIONS = {
  endpoint: option(text, "ws://127.0.0.1:9944", "localnet", "Websocket of the running localnet."),
} as const satisfies OptionTable;
