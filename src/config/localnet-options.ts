import { choice, decimal, integer, list, optional, path, text, toggle } from "./kinds.ts";
import { type OptionTable, option } from "./option.ts";

/** What `openvalidator localnet` makes. */
export const LOCALNET_OPTIONS = {
  miners: option(integer({ min: 0, max: 1024 }), 16, "localnet", "Reference miners to start."),
  uids: option(
    optional(integer({ min: 1, max: 4096 })),
    undefined,
    "localnet",
    "Neurons in all; those beside validator and miners serve nothing.",
  ),
  "block-time": option(
    decimal({ min: 0.1, max: 60 }, "SECONDS"),
    1,
    "localnet",
    "Seconds between two blocks (the public chain: 12).",
  ),
  paused: option(toggle, false, "localnet", "Make no block until `localnet set resume` or `set step`."),
  "until-block": option(
    optional(integer({ min: 1, max: 1_000_000_000 }, "BLOCK")),
    undefined,
    "localnet",
    "Stop when this block is made.",
  ),
  port: option(
    integer({ min: 0, max: 65_535 }, "PORT"),
    9944,
    "localnet",
    "Websocket port; 0 = any free one.",
  ),
  endpoints: option(
    integer({ min: 1, max: 8 }),
    1,
    "localnet",
    "Websockets to the same chain, on ports in a row, so that one can fail and another not.",
  ),
  fault: option(
    list(text),
    [],
    "localnet",
    "What goes wrong from the beginning, at the first endpoint; `localnet fault` lists what there is.",
  ),
  tempo: option(integer({ min: 5, max: 65_535 }, "BLOCKS"), 20, "localnet", "Blocks of one epoch."),
  epochs: option(
    choice("stateful", "modulo"),
    "stateful",
    "localnet",
    "Whether epochs follow each other by the tempo, or fall on blocks that it divides, as before spec 420.",
  ),
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

/** What `openvalidator localnet ask` says to miners. */
export const LOCALNET_ASK_OPTIONS = {
  prompt: option(text, "What is the capital of France, and why?", "localnet", "The question."),
  timeout: option(decimal({ min: 0.1, max: 600 }, "SECONDS"), 10, "localnet", "How long an answer may take."),
} as const satisfies OptionTable;
