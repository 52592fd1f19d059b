import { decimal, integer, optional, path, text, toggle } from "./kinds.ts";
import { type OptionTable, option } from "./option.ts";

/** What `openvalidator localnet` and `openvalidator demo` make. */
export const LOCALNET_OPTIONS = {
  miners: option("miners", integer({ min: 1, max: 1024 }), 16, "localnet", "Reference miners to start."),
  blockTime: option(
    "block-time",
    decimal({ min: 0.1, max: 60 }, "SECONDS"),
    1,
    "localnet",
    "Seconds between two blocks (the public chain: 12).",
  ),
  port: option(
    "port",
    integer({ min: 0, max: 65_535 }, "PORT"),
    9944,
    "localnet",
    "Websocket port; 0 = any free one.",
  ),
  tempo: option("tempo", integer({ min: 5, max: 65_535 }, "BLOCKS"), 20, "localnet", "Blocks of one epoch."),
  commitReveal: option(
    "commit-reveal",
    toggle,
    true,
    "localnet",
    "Weights are committed first, revealed an epoch later.",
  ),
  characters: option(
    "characters",
    optional(text),
    undefined,
    "localnet",
    "Characters of the miners, with commas, repeated in turn (default: all but specialists).",
  ),
  directory: option(
    "directory",
    optional(path),
    undefined,
    "localnet",
    "Folder for the wallets (default: temporary).",
  ),
} as const satisfies OptionTable;
