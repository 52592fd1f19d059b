import { realpathSync } from "node:fs";
import { loadConfiguration } from "../../config/load.ts";
import { INSTALL_OPTIONS } from "../../config/service-options.ts";
import { BUILD, isCompiled } from "../../config/version.ts";
import { type LaidOut, layOut } from "../../update/lay-out.ts";
import { readReceipt } from "../../update/receipt.ts";
import { requireOwn } from "../../update/whereabouts.ts";
import { type CommandContext, sourcesOf } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { releaseRoot } from "../service/plan.ts";

/** Lays out a folder of releases with the executable that runs now, and starts nothing. */
export async function install(context: CommandContext): Promise<number> {
  const { flags, signal, print } = context;
  const { settings } = loadConfiguration(INSTALL_OPTIONS, sourcesOf(context));
  const executable = realpathSync(process.execPath);
  requireOwn({ executable, isCompiled, mayBeContainer: settings.inContainer });
  const { version, commit } = BUILD;
  const laidOut = await layOut(
    releaseRoot(context, settings.root),
    { executable, version, commit },
    { allowsDowngrade: flags["allow-downgrade"] === "true", signal },
  );
  const { previous, isChanged } = laidOut;
  const { root, program, updater } = laidOut.folder;
  if (flags.json === "true")
    print(`${JSON.stringify({ root, version, previous, changed: isChanged, program, updater })}\n`);
  else print(`${[whatWasDone(laidOut), ...nextSteps(laidOut, flags.user === "true")].join("\n")}\n`);
  return EXIT.ok;
}

function whatWasDone({ folder: { root }, version, previous, isChanged }: LaidOut): string {
  if (!isChanged) return `openvalidator ${version} is in ${root} already`;
  const isOther = previous !== null && previous !== version;
  return `openvalidator ${version} is in ${root} now${isOther ? `, in place of ${previous}` : ""}`;
}

function nextSteps({ folder: { root, program, updater } }: LaidOut, isUser: boolean): string[] {
  const sudo = isUser ? "" : "sudo ";
  const service = readReceipt(root)?.service;
  const manager = service?.scope === "user" ? "systemctl --user" : "sudo systemctl";
  const bin = isUser ? "~/.local/bin" : "/usr/local/bin";
  return [
    service === undefined
      ? `a service    ${sudo}${program} service install ${isUser ? "--user " : ""}--wallet.name W --wallet.hotkey H --netuid N --auto-update patch`
      : `take it      ${manager} restart ${service.unit}`,
    `by its name  ${sudo}ln -sfn ${program} ${bin}/openvalidator`,
    `newer ones   ${sudo}${updater} self-update`,
  ];
}
