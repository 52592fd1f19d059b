import { Failure } from "../../base/error.ts";
import type { ConfigCode } from "../../config/kinds.ts";
import { loadConfiguration } from "../../config/load.ts";
import { ALERT_OPTIONS } from "../../config/telemetry-options.ts";
import { VERSION } from "../../config/version.ts";
import { formOfUrl, uploadOf } from "../../telemetry/alarm-forms.ts";
import { sendAlarm } from "../../telemetry/alarms.ts";
import { type CommandContext, sourcesOf } from "../command.ts";
import { EXIT } from "../exit-codes.ts";

/** Sends one alarm, so that an operator sees it come before it matters. */
export async function testAlert(context: CommandContext): Promise<number> {
  const { settings } = loadConfiguration(ALERT_OPTIONS, sourcesOf(context));
  const { alertUrl: url, alertForm } = settings;
  if (url === undefined)
    throw new Failure<ConfigCode>("config.missing-value", {
      message: "no alert.url is set",
      hint: "set OPENVALIDATOR_ALERT_URL, or alert.url in the config file",
    });
  const form = alertForm === "auto" ? formOfUrl(url) : alertForm;
  const text = "this is a test of the alarms; nothing is wrong";
  await sendAlarm(
    url,
    uploadOf(
      {
        state: "firing",
        alert: { name: "test", since: new Date().toISOString(), text, severity: "warning" },
        resolvedAt: null,
        validator: { hotkey: null, uid: null, netuid: null, version: VERSION },
      },
      form,
    ),
  );
  context.print(`A test alarm was sent to ${new URL(url).hostname} in the form of ${form}.\n`);
  return EXIT.ok;
}
