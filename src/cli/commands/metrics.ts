import { rulesFile } from "../../telemetry/alert-rules.ts";
import { dashboard } from "../../telemetry/dashboard.ts";
import type { CommandContext } from "../command.ts";
import { EXIT } from "../exit-codes.ts";

/** Prints a dashboard for Grafana's import. */
export async function printDashboard(context: CommandContext): Promise<number> {
  context.print(`${JSON.stringify(dashboard(), null, 2)}\n`);
  return EXIT.ok;
}

/** Prints alert rules for Prometheus. */
export async function printRules(context: CommandContext): Promise<number> {
  context.print(rulesFile());
  return EXIT.ok;
}
