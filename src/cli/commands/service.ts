import { realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { Failure } from "../../base/error.ts";
import { OPTIONS } from "../../config/options.ts";
import { configTemplate } from "../../config/template.ts";
import { BUILD, isCompiled } from "../../config/version.ts";
import { requireOwn } from "../../update/whereabouts.ts";
import type { CommandContext } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { installService, uninstallService } from "../service/install.ts";
import { planService, type ServicePlan, UNIT_NAME, userUnitFile } from "../service/plan.ts";
import type { ServiceCode } from "../service/shell-words.ts";
import { type Systemctl, systemctlOf } from "../service/systemctl.ts";
import { unitText } from "../service/unit.ts";
import { UPDATE_SERVICE, UPDATE_TIMER, updateUnits } from "../service/update-units.ts";
import { requireKeys } from "../update/look-for-release.ts";

/** Prints the unit; what the config file would hold, and what of an old line has no place, stands below as comments. */
export async function printService(context: CommandContext): Promise<number> {
  const plan = planService(context);
  const { unit, unitFile, flags, updates } = plan;
  context.print(`# ${unitFile}\n${unitText(unit)}`);
  for (const [name, text] of updates === undefined ? [] : updateUnits(updates))
    context.print(`\n# ${join(dirname(unitFile), name)}\n${text}`);
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
  const { flags, signal } = context;
  // The link `current` of an earlier installation is no place to copy from.
  const executable = realpathSync(process.execPath);
  // What is packed up is not for this machine.
  const mayBeContainer = plan.mayBeContainer || plan.destdir !== "";
  requireOwn({ executable, isCompiled, mayBeContainer });
  if (plan.updates !== undefined) requireKeys();
  const { version, commit } = BUILD;
  const done = await installService(plan, { executable, version, commit }, systemctlFor(context), {
    allowsDowngrade: flags["allow-downgrade"] === "true",
    signal,
  });
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
  const systemctl = systemctlFor(context);
  const facts = await factsOf(systemctl, UNIT_NAME);
  const updates = await updatesOf(systemctl);
  const { ActiveState, SubState, StatusText, MainPID, NRestarts, Result, LoadState } = facts;
  if (context.flags.json === "true")
    context.print(`${JSON.stringify({ ...facts, Updates: updates ?? null }, null, 2)}\n`);
  else if (LoadState === "not-found") context.print(`${UNIT_NAME} is not installed\n`);
  else {
    const since = facts.ActiveEnterTimestamp || facts.InactiveEnterTimestamp || "never";
    context.print(
      [
        `State     ${ActiveState} (${SubState}) since ${since}`,
        `Says      ${StatusText || "nothing"}`,
        `Process   ${MainPID === "0" ? "none" : MainPID}, restarted ${NRestarts} times, last result ${Result}`,
        `Unit      ${facts.FragmentPath}`,
        `Updates   ${updates === undefined ? "by hand" : updatesText(updates)}`,
        "",
      ].join("\n"),
    );
  }
  return ActiveState === "active" ? EXIT.ok : EXIT.unavailable;
}

/** The timer and what it starts; undefined where they are not installed. */
async function updatesOf(systemctl: Systemctl) {
  const timer = await factsOf(systemctl, UPDATE_TIMER);
  if (timer.LoadState !== "loaded") return undefined;
  const { ActiveState, LastTriggerUSec } = timer;
  const service = await factsOf(systemctl, UPDATE_SERVICE);
  const { Description, Result, ActiveState: work } = service;
  return { Description, Timer: ActiveState, LastTriggerUSec, Result, ActiveState: work };
}

function updatesText(updates: NonNullable<Awaited<ReturnType<typeof updatesOf>>>): string {
  const { Description, Timer, LastTriggerUSec, Result, ActiveState } = updates;
  if (Timer !== "active") return `${Description}: its timer does not run`;
  if (!LastTriggerUSec) return `${Description}: the first look is still to come`;
  const how = ActiveState === "activating" ? "at work" : `last result ${Result}`;
  return `${Description}: looked at ${LastTriggerUSec}, ${how}`;
}

const PROPERTIES = [
  ...["LoadState", "ActiveState", "SubState", "StatusText", "MainPID", "NRestarts", "Result"],
  ...["ActiveEnterTimestamp", "InactiveEnterTimestamp", "FragmentPath", "UnitFileState"],
  ...["Description", "LastTriggerUSec"],
] as const;
type Facts = Record<(typeof PROPERTIES)[number], string>;

async function factsOf(systemctl: Systemctl, unit: string): Promise<Facts> {
  const text = await systemctl("show", unit, `--property=${PROPERTIES.join(",")}`);
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
