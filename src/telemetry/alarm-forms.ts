import type { Upload } from "../net/http.ts";
import type { Alert, Status } from "./status.ts";

export const ALARM_FORMS = ["json", "discord", "slack", "ntfy"] as const;
export type AlarmForm = (typeof ALARM_FORMS)[number];

/** One thing to tell: that an alert came up, or that it is over. */
export interface Alarm {
  state: "firing" | "resolved";
  alert: Omit<Alert, "name"> & { name: Alert["name"] | "test" };
  /** ISO 8601; null while it is up. */
  resolvedAt: string | null;
  validator: Pick<Status, "hotkey" | "uid" | "netuid" | "version">;
}

/** Discord takes 2000 characters; the others more. */
const MAX_TEXT = 1500;

/** The form that the server of an address takes, by its name alone. */
export function formOfUrl(url: string): AlarmForm {
  const { hostname } = new URL(url);
  if (/(?:^|\.)discord(?:app)?\.com$/.test(hostname)) return "discord";
  if (/(?:^|\.)slack\.com$/.test(hostname)) return "slack";
  return /^ntfy\./.test(hostname) ? "ntfy" : "json";
}

export type AlarmUpload = Upload & { body: string };

/** An alarm as the server takes it. */
export function uploadOf(alarm: Alarm, form: AlarmForm): AlarmUpload {
  const asJson = (value: unknown): AlarmUpload => ({
    body: JSON.stringify(value),
    headers: { "content-type": "application/json" },
  });
  switch (form) {
    case "json":
      return asJson(jsonOf(alarm));
    case "discord":
      // Nobody can be called out by a name that stands in a text.
      return asJson({ content: textOf(alarm), allowed_mentions: { parse: [] } });
    case "slack":
      return asJson({ text: textOf(alarm).replace(/[&<>]/g, (found) => SLACK_ESCAPES[found]!) });
    case "ntfy":
      return {
        body: textOf(alarm),
        headers: {
          "content-type": "text/plain; charset=utf-8",
          title: `${nameOf(alarm)}: ${alarm.alert.name} ${alarm.state}`,
          priority: alarm.state === "resolved" ? "3" : alarm.alert.severity === "critical" ? "5" : "4",
          tags: alarm.state === "resolved" ? "white_check_mark" : "rotating_light",
        },
      };
  }
}

const SLACK_ESCAPES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };

function jsonOf({ state, alert, resolvedAt, validator }: Alarm): unknown {
  return {
    version: 1,
    state,
    alert: alert.name,
    severity: alert.severity,
    text: alert.text,
    since: alert.since,
    resolved_at: resolvedAt,
    validator,
  };
}

function nameOf({ validator: { uid, netuid } }: Alarm): string {
  return uid === null ? "openvalidator" : `openvalidator uid ${uid} of subnet ${netuid}`;
}

function textOf(alarm: Alarm): string {
  const { state, alert, resolvedAt } = alarm;
  const what =
    state === "resolved"
      ? `resolved: ${alert.name} (from ${alert.since} to ${resolvedAt}; it was: ${alert.text})`
      : `${alert.severity}: ${alert.name}: ${alert.text} (since ${alert.since})`;
  return `${nameOf(alarm)}: ${what}`.slice(0, MAX_TEXT).toWellFormed();
}
