import { choice, integer, optional, secretAddress, toggle } from "./kinds.ts";
import { type OptionTable, option, rowsOf } from "./option.ts";

/** What shows a validator to people and programs. */
export const TELEMETRY_OPTIONS = {
  "metrics.port": option(
    integer({ min: 0, max: 65_535 }, "PORT"),
    9101,
    "telemetry",
    "Loopback port of live page, metrics and health; 0 = none.",
  ),
  "metrics.per_uid": option(toggle, false, "telemetry", "Metrics of every single miner too, by uid."),
  "alert.url": option(
    optional(secretAddress),
    undefined,
    "telemetry",
    "Where alerts are posted: a webhook of Discord or Slack, a topic of ntfy, or any server.",
    { secret: true },
  ),
  "alert.form": option(
    choice("auto", "json", "discord", "slack", "ntfy"),
    "auto",
    "telemetry",
    "Form of those posts; auto goes by the server's name.",
  ),
} as const satisfies OptionTable;

/** What leads to the operator. */
export const ALERT_OPTIONS = rowsOf(TELEMETRY_OPTIONS, "alert.url", "alert.form");
