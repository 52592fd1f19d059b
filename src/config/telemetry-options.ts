import { integer, toggle } from "./kinds.ts";
import { type OptionTable, option } from "./option.ts";

/** What shows a validator to people and programs. */
export const TELEMETRY_OPTIONS = {
  "metrics.port": option(
    integer({ min: 0, max: 65_535 }, "PORT"),
    9101,
    "telemetry",
    "Loopback port of live page, metrics and health; 0 = none.",
  ),
  "metrics.per_uid": option(toggle, false, "telemetry", "Metrics of every single miner too, by uid."),
} as const satisfies OptionTable;
