import { realpathSync } from "node:fs";
import { Failure } from "../../base/error.ts";
import { OPTIONS } from "../../config/options.ts";
import { configTemplate } from "../../config/template.ts";
import { isCompiled, VERSION } from "../../config/version.ts";
import type { CommandContext } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { installService, uninstallService } from "../service/install.ts";
import { planService, type ServicePlan, UNIT_NAME, userUnitFile } from "../service/plan.ts";
import type { ServiceCode } from "../service/shell-words.ts";
import { type Systemctl, systemctlOf } from "../service/systemctl.ts";
import { unitText } from "../service/unit.ts";

/** Prints the unit; what the config file would hold, and what of an old line has no place, stands below as comments. */
export async function printService(context: CommandContext): Promise<number> {
  const plan = planService(context);
  const { unit, unitFile, flags } = plan;
  context.print(`# ${unitFile}\n${unitText(unit)}`);
  const below = [`${unit.configFile}:`, ...settingLines(flags), ...plan.notes];
  context.print(`\n${below.map((line) => `# ${line}`).join("\n")}\n`);
  return EXIT.ok;
}

/** The keys that are set in the config file. */
function settingLines(flags: ServicePlan["flags"]): string[] {
  const set = configTemplate(OPTIONS, flags)
    .split("\n")
    .filter((line) => /^ {2}"/.test(line));
  return set.length === 0 ? ["(every setting at its default)"] : ["{", ...set, "}"];
}

export async function install(context: CommandContext): Promise<number> {
  const plan = planService(context);
  if (!isCompiled)
    throw new Failure<ServiceCode>("service.from-source", {
      message: "a service runs the executable, and this is the program's source",
      hint: "bun run build makes dist/openvalidator; run service install of that",
    });
  if (plan.unit.scope === "system" && plan.destdir === "") requireRoot();
  // The link `current` of an earlier installation is no place to copy from.
  const executable = realpathSync(process.execPath);
  const done = await installService(plan, { executable, version: VERSION }, systemctlFor(context));
  context.print(`${[...done, ...plan.notes].join("\n")}\n`);
  if (plan.unit.scope === "user")
    context.print("loginctl enable-linger keeps it running while nobody is logged in\n");
  return EXIT.ok;
}

export async function uninstall(context: CommandContext): Promise<number> {
  const isUser = context.flags.user === "true";
  const unitFile = isUser ? userUnitFile(context.environment) : `/etc/systemd/system/${UNIT_NAME}`;
  if (!isUser) requireRoot();
  await uninstallService(unitFile, systemctlFor(context));
  context.print(`${unitFile} is gone; program, config file and state are where they were\n`);
  return EXIT.ok;
}

/** What systemd says of the service. The exit code is 0 only while it is active. */
export async function serviceStatus(context: CommandContext): Promise<number> {
  const facts = await factsOf(systemctlFor(context));
  const { ActiveState, SubState, StatusText, MainPID, NRestarts, Result, LoadState } = facts;
  if (context.flags.json === "true") context.print(`${JSON.stringify(facts, null, 2)}\n`);
  else if (LoadState === "not-found") context.print(`${UNIT_NAME} is not installed\n`);
  else {
    const since = facts.ActiveEnterTimestamp || facts.InactiveEnterTimestamp || "never";
    context.print(
      [
        `State     ${ActiveState} (${SubState}) since ${since}`,
        `Says      ${StatusText || "nothing"}`,
        `Process   ${MainPID === "0" ? "none" : MainPID}, restarted ${NRestarts} times, last result ${Result}`,
        `Unit      ${facts.FragmentPath}`,
        "",
      ].join("\n"),
    );
  }
  return ActiveState === "active" ? EXIT.ok : EXIT.unavailable;
}

const PROPERTIES = [
  ...["LoadState", "ActiveState", "SubState", "StatusText", "MainPID", "NRestarts", "Result"],
  ...["ActiveEnterTimestamp", "InactiveEnterTimestamp", "FragmentPath", "UnitFileState"],
] as const;
type Facts = Record<(typeof PROPERTIES)[number], string>;

async function factsOf(systemctl: Systemctl): Promise<Facts> {
  const text = await systemctl("show", UNIT_NAME, `--property=${PROPERTIES.join(",")}`);
  const said = new Map(
    text.split("\n").map((line) => {
      const equals = line.indexOf("=");
      return [line.slice(0, equals), line.slice(equals + 1)] as const;
    }),
  );
  return Object.fromEntries(PROPERTIES.map((name) => [name, said.get(name) ?? ""])) as Facts;
}

function systemctlFor(context: CommandContext): Systemctl {
  return systemctlOf(context, context.flags.user === "true");
}

function requireRoot(): void {
  if (process.geteuid?.() === 0) return;
  throw new Failure<ServiceCode>("service.needs-root", {
    message: "only root may change the services of the system",
    hint: "put sudo before the command, or give --user for a service of your own",
  });
}
