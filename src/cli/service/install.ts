import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { writeFileAtomic } from "../../base/atomic.ts";
import { Failure } from "../../base/error.ts";
import type { ConfigCode } from "../../config/kinds.ts";
import { OPTIONS } from "../../config/options.ts";
import { configTemplate } from "../../config/template.ts";
import { ReleaseFolder } from "../../update/installation.ts";
import { createFile } from "../create-file.ts";
import { type ServicePlan, UNIT_NAME } from "./plan.ts";
import type { ServiceCode } from "./shell-words.ts";
import type { Systemctl } from "./systemctl.ts";
import { UNIT_MARK, unitText } from "./unit.ts";

export interface Program {
  /** The executable to install. */
  executable: string;
  version: string;
}

/**
 * Puts the program, the config file and the unit in their places and starts the service. What would be overwritten or is
 * missing is found out before anything is written; an old unit of ours and an old link are replaced.
 * @returns what was done, a sentence each
 * @throws Failure `service.*`, `config.exists`, or what the operating system says
 */
export async function installService(
  plan: ServicePlan,
  program: Program,
  systemctl: Systemctl,
): Promise<string[]> {
  const { destdir, unit, starts } = plan;
  const done: string[] = [];
  const at = (path: string): string => `${destdir}${path}`;
  const unitFile = at(plan.unitFile);
  const config = at(unit.configFile);
  requireOurs(unitFile);
  if (destdir === "") for (const [name, path] of Object.entries(unit.credentials)) requireFile(name, path);
  if (existsSync(config) && Object.keys(plan.flags).length > 0)
    throw new Failure<ConfigCode>("config.exists", {
      message: `${config} is there already, and the flags would have to go into it`,
      hint: "change it with an editor and leave the flags out, or move it aside",
    });
  const programs = new ReleaseFolder(at(plan.programs));
  programs.layOut(program.executable, program.version);
  done.push(`program  ${programs.programOf(program.version)}`);
  const isSystem = unit.scope === "system";
  const isNew = createFile(config, configTemplate(OPTIONS, plan.flags), 0o600, isSystem ? 0o755 : 0o700);
  done.push(`config   ${config}${isNew ? "" : " (as it was)"}`);
  mkdirSync(dirname(unitFile), { recursive: true, mode: 0o755 });
  writeFileAtomic(unitFile, unitText(unit), 0o644);
  done.push(`unit     ${unitFile}`);
  if (destdir !== "") return done;
  await systemctl("daemon-reload");
  if (starts) {
    await systemctl("enable", UNIT_NAME);
    await systemctl("restart", UNIT_NAME);
    done.push("started  now and at every boot");
  }
  return done;
}

/**
 * Stops the service and takes its unit away; program, config file and state stay.
 * @throws Failure `service.*`
 */
export async function uninstallService(unitFile: string, systemctl: Systemctl): Promise<void> {
  if (!existsSync(unitFile))
    throw new Failure<ServiceCode>("service.not-installed", {
      message: `there is no ${unitFile}`,
      hint: "with --user it is the unit of this user, without it that of the system",
    });
  requireOurs(unitFile);
  await systemctl("disable", "--now", UNIT_NAME);
  rmSync(unitFile);
  await systemctl("daemon-reload");
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
