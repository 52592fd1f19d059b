import { isFailure } from "../../base/error.ts";
import { configureLog, type LogFormat } from "../../base/log.ts";
import { type Configuration, loadConfiguration } from "../../config/load.ts";
import type { OptionTable } from "../../config/option.ts";
import { OPTIONS } from "../../config/options.ts";
import { type CommandContext, sourcesOf } from "../command.ts";
import { CHAIN_CHECKS } from "../doctor/chain-checks.ts";
import { type Check, findingOf, ok, type Result, runChecks } from "../doctor/check.ts";
import { DATA_CHECKS } from "../doctor/data-checks.ts";
import { environmentChecks } from "../doctor/environment-checks.ts";
import { MACHINE_CHECKS } from "../doctor/machine-checks.ts";
import { MODEL_CHECKS } from "../doctor/model-checks.ts";
import { Patient } from "../doctor/patient.ts";
import { asJson, asText, countsOf } from "../doctor/report.ts";
import { STATE_CHECKS } from "../doctor/state-checks.ts";
import { SUBNET_CHECKS } from "../doctor/subnet-checks.ts";
import { TELEMETRY_CHECKS } from "../doctor/telemetry-checks.ts";
import { updateChecks } from "../doctor/update-checks.ts";
import { WALLET_CHECKS } from "../doctor/wallet-checks.ts";
import { EXIT } from "../exit-codes.ts";
import { screenWidth } from "../fit.ts";
import { ownTerminal } from "../open-signer.ts";

const SETTINGS = "settings";

/**
 * Looks at everything that `run` with the same settings would need, and changes none of it.
 * @param tables options of every command, for the names of environment variables
 * @returns 0 when nothing fails, 1 otherwise
 */
export async function doctor(context: CommandContext, tables: readonly OptionTable[]): Promise<number> {
  const { flags, print } = context;
  const asked = { isOffline: flags.offline === "true", isDeep: flags.deep === "true" };
  const results = await examine(context, asked, tables);
  print(flags.json === "true" ? asJson(results, asked) : asText(results, screenWidth(context.environment)));
  return countsOf(results).fail === 0 ? EXIT.ok : EXIT.unhealthy;
}

async function examine(
  context: CommandContext,
  asked: { isOffline: boolean; isDeep: boolean },
  tables: readonly OptionTable[],
): Promise<Result[]> {
  const { environment, signal } = context;
  let configuration: Configuration<typeof OPTIONS>;
  try {
    configuration = loadConfiguration(OPTIONS, sourcesOf(context));
  } catch (error) {
    if (!isFailure(error)) throw error;
    // Without settings there is nothing else to look at.
    return [{ name: SETTINGS, ...findingOf(error), seconds: 0 }];
  }
  const { settings, origins } = configuration;
  // The report says what the log would say of what is wrong.
  const isTold = settings.loggingDebug || settings.loggingTrace;
  configureLog({ level: isTold ? "debug" : "error", format: settings.logFormat as LogFormat });
  const patient = new Patient({
    settings,
    networkWins: origins.subtensorNetwork.kind === "flag" && origins.subtensorChainEndpoint.kind !== "flag",
    environment,
    signal,
    ...asked,
    hasTerminal: ownTerminal() !== undefined,
  });
  const readable: Check = {
    name: SETTINGS,
    timeoutMs: 1_000,
    run: () => ok("every flag, variable and key can be read"),
  };
  try {
    return await runChecks(
      [
        readable,
        ...environmentChecks(tables),
        ...WALLET_CHECKS,
        ...STATE_CHECKS,
        ...MACHINE_CHECKS,
        ...TELEMETRY_CHECKS,
        ...updateChecks(),
        ...MODEL_CHECKS,
        ...DATA_CHECKS,
        ...CHAIN_CHECKS,
        ...SUBNET_CHECKS,
      ],
      patient,
    );
  } finally {
    await patient.close();
  }
}
