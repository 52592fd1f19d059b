import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { writeFileAtomic } from "../../base/atomic.ts";
import { Failure } from "../../base/error.ts";
import type { ConfigCode } from "../../config/kinds.ts";
import { OPTIONS } from "../../config/options.ts";
import { configTemplate } from "../../config/template.ts";
import { type LayOutWish, layOut, type Program } from "../../update/lay-out.ts";
import { readReceipt, writeReceipt } from "../../update/receipt.ts";
import { createFile } from "../create-file.ts";
import { type ServicePlan, UNIT_NAME } from "./plan.ts";
import type { ServiceCode } from "./shell-words.ts";
import type { Systemctl } from "./systemctl.ts";
import { UNIT_MARK, unitText } from "./unit.ts";
import { ROLLBACK_SERVICE, UPDATE_SERVICE, UPDATE_TIMER, updateUnits } from "./update-units.ts";

/**
 * Puts the program, the config file and the units in their places and starts the service. What would be overwritten or is
 * missing is found out before anything is written; old units of ours and an old link are replaced.
 * @returns what was done, a sentence each
 * @throws Failure `service.*`, `update.*`, `config.exists`, or what the operating system says
 */
export async function installService(
  plan: ServicePlan,
  program: Program,
  systemctl: Systemctl,
  wish: Omit<LayOutWish, "isStaged"> = {},
): Promise<string[]> {
  const { destdir, unit, starts, updates } = plan;
  const done: string[] = [];
  const at = (path: string): string => `${destdir}${path}`;
  const unitFile = at(plan.unitFile);
  const config = at(unit.configFile);
  for (const file of filesOf(unitFile)) requireOurs(file);
  if (destdir === "") for (const [name, path] of Object.entries(unit.credentials)) requireFile(name, path);
  if (existsSync(config) && Object.keys(plan.flags).length > 0)
    throw new Failure<ConfigCode>("config.exists", {
      message: `${config} is there already, and the flags would have to go into it`,
      hint: "change it with an editor and leave the flags out, or move it aside",
    });
  const { folder } = await layOut(at(plan.programs), program, { ...wish, isStaged: destdir !== "" });
  writeReceipt(folder.root, {
    ...readReceipt(folder.root),
    method: "standalone",
    service: { unit: UNIT_NAME, scope: unit.scope },
  });
  done.push(`program  ${folder.programOf(program.version)}`);
  const isSystem = unit.scope === "system";
  const isNew = createFile(config, configTemplate(OPTIONS, plan.flags), 0o600, isSystem ? 0o755 : 0o700);
  done.push(`config   ${config}${isNew ? "" : " (as it was)"}`);
  mkdirSync(dirname(unitFile), { recursive: true, mode: 0o755 });
  writeFileAtomic(unitFile, unitText(unit), 0o644);
  done.push(`unit     ${unitFile}`);
  const hasTimer = existsSync(join(dirname(unitFile), UPDATE_TIMER));
  if (updates === undefined) {
    if (hasTimer) await removeUpdates(unitFile, destdir === "" ? systemctl : undefined);
    const told = unit.isQuiet ? "by hand" : "told of in the log, taken by hand";
    done.push(`updates  ${told} (openvalidator self-update); with --auto-update patch a timer sees to them`);
  } else {
    for (const [name, text] of updateUnits(updates))
      writeFileAtomic(join(dirname(unitFile), name), text, 0o644);
    done.push(`updates  ${updates.mode}, by ${UPDATE_TIMER}`);
  }
  if (destdir !== "") return done;
  await systemctl("daemon-reload");
  if (!starts) return done;
  await systemctl("enable", UNIT_NAME);
  await systemctl("restart", UNIT_NAME);
  if (updates !== undefined) await systemctl("enable", "--now", UPDATE_TIMER);
  done.push("started  now and at every boot");
  return done;
}

/**
 * Stops the service and takes its units away; program, config file and state stay.
 * @throws Failure `service.*`
 */
export async function uninstallService(unitFile: string, systemctl: Systemctl): Promise<void> {
  if (!existsSync(unitFile))
    throw new Failure<ServiceCode>("service.not-installed", {
      message: `there is no ${unitFile}`,
      hint: "with --user it is the unit of this user, without it that of the system",
    });
  for (const file of filesOf(unitFile)) requireOurs(file);
  // First: it would start the service again.
  if (existsSync(join(dirname(unitFile), UPDATE_TIMER))) await removeUpdates(unitFile, systemctl);
  await systemctl("disable", "--now", UNIT_NAME);
  rmSync(unitFile);
  await systemctl("daemon-reload");
}

/** Every file that a service may have, beside its unit. */
function filesOf(unitFile: string): string[] {
  const others = [UPDATE_TIMER, UPDATE_SERVICE, ROLLBACK_SERVICE];
  return [unitFile, ...others.map((name) => join(dirname(unitFile), name))];
}

async function removeUpdates(unitFile: string, systemctl: Systemctl | undefined): Promise<void> {
  await systemctl?.("disable", "--now", UPDATE_TIMER);
  await systemctl?.("stop", UPDATE_SERVICE);
  for (const file of filesOf(unitFile).slice(1)) rmSync(file, { force: true });
}

/** @throws Failure `service.not-ours` for a unit that somebody else wrote */
function requireOurs(unitFile: string): void {
  if (!existsSync(unitFile) || readFileSync(unitFile, "utf8").startsWith(UNIT_MARK)) return;
  throw new Failure<ServiceCode>("service.not-ours", {
    message: `${unitFile} was not written by openvalidator service install`,
    hint: "move it aside first; openvalidator service print shows what would be written",
  });
}

function requireFile(name: string, path: string): void {
  if (existsSync(path)) return;
  throw new Failure<ServiceCode>("service.no-hotkey", {
    message: `the file of the credential ${name}, ${path}, is not there`,
    hint: "give --wallet.name, --wallet.hotkey and --wallet.path of the hotkey, and files that exist",
  });
}
