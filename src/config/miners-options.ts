import { integer, optional } from "./kinds.ts";
import { type OptionTable, option } from "./option.ts";

/** What `openvalidator miners` shows. */
export const MINERS_OPTIONS = {
  uid: option(
    optional(integer({ min: 0, max: 65_535 }, "UID")),
    undefined,
    "miners",
    "Show one miner: its last answers, and why it has its score.",
  ),
} as const satisfies OptionTable;
