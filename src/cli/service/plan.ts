import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { loadConfiguration } from "../../config/load.ts";
import { nameOf } from "../../config/option.ts";
import { OPTIONS } from "../../config/options.ts";
import { CONFIG_NAME } from "../../config/paths.ts";
import { SERVICE_OPTIONS } from "../../config/service-options.ts";
import { canonicalAddress } from "../../net/address-ranges.ts";
import { type CommandContext, sourcesOf } from "../command.ts";
import { translateOldLine } from "./old-line.ts";
import type { UnitPlan } from "./unit.ts";

export const UNIT_NAME = "openvalidator.service";

/** A service as it is to be: where its files go, and what stands in them. */
export interface ServicePlan {
  unit: UnitPlan;
  unitFile: string;
  /** Folder of the releases, with the link `current` to one of them. */
  programs: string;
  /** Flags of `run` for the config file. */
  flags: Readonly<Record<string, string>>;
  notes: readonly string[];
  /** Prefix of every path that is written. */
  destdir: string;
  starts: boolean;
}

/** Groups that own the devices of a GPU. */
const GPU_GROUPS = ["render", "video"];

/** @throws Failure `config.*`, `service.bad-line` */
export function planService(context: CommandContext): ServicePlan {
  const { flags: given, environment } = context;
  const isUser = given.user === "true";
  // Those of the service come from the environment too, those of the run do not: the service has another one.
  const { settings } = loadConfiguration(SERVICE_OPTIONS, { ...sourcesOf(context), filePath: undefined });
  const old = settings.fromPm2 === undefined ? undefined : translateOldLine(settings.fromPm2);
  const flags = { ...old?.flags, ...givenFlags(given) };
  const notes = [...(old?.notes ?? [])];
  if (!isUser)
    leaveOut(flags, notes, "logging.logging_dir", "the service keeps its state in /var/lib/openvalidator");
  const home = homeOf(environment);
  const ownConfig = join(isUser ? environment.XDG_CONFIG_HOME || join(home, ".config") : "/etc", CONFIG_NAME);
  const destdir = settings.destdir ?? "";
  const chosen = chooseWallet(flags, `${destdir}${ownConfig}`, home);
  const programs = isUser
    ? join(environment.XDG_DATA_HOME || join(home, ".local/share"), "openvalidator")
    : "/opt/openvalidator";
  const credentials: Record<string, string> = isUser ? {} : { hotkey: chosen.hotkeyFile };
  if (!isUser) {
    if (chosen.passwordFile !== undefined) credentials["hotkey-password"] = chosen.passwordFile;
    for (const flag of ["wallet.path", "wallet.password_file"]) delete flags[flag];
  }
  if (settings.wandbKeyFile !== undefined) {
    if (isUser)
      notes.push(
        "--wandb_key_file was left out: a user's own service reads the key where wandb login put it",
      );
    else credentials["wandb-api-key"] = settings.wandbKeyFile;
  }
  return {
    unit: {
      scope: isUser ? "user" : "system",
      executable: join(programs, "current/openvalidator"),
      configFile: ownConfig,
      environment: old?.environment ?? {},
      credentials,
      gpuGroups: namesIn("/etc/group").filter((name) => GPU_GROUPS.includes(name)),
      allowedAddresses: [...new Set([...nameServers(), ...chosen.nodeAddresses])],
    },
    unitFile: isUser ? userUnitFile(environment, home) : `/etc/systemd/system/${UNIT_NAME}`,
    programs,
    flags,
    notes,
    destdir,
    starts: settings.start && destdir === "",
  };
}

export function userUnitFile(environment: CommandContext["environment"], home = homeOf(environment)): string {
  return join(environment.XDG_CONFIG_HOME || join(home, ".config"), "systemd/user", UNIT_NAME);
}

function givenFlags(given: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(given).filter(([flag]) => Object.hasOwn(OPTIONS, flag)));
}

function leaveOut(flags: Record<string, string>, notes: string[], flag: string, why: string): void {
  if (flags[flag] === undefined) return;
  delete flags[flag];
  notes.push(`--${flag} was left out: ${why}`);
}

/** Who runs `sudo openvalidator service install` means the wallets of his own home. */
function homeOf({ SUDO_USER, HOME }: CommandContext["environment"]): string {
  const line = SUDO_USER && readLines("/etc/passwd").find((entry) => entry.startsWith(`${SUDO_USER}:`));
  return (line ? line.split(":")[5] : undefined) || HOME || homedir();
}

/** The key, its password and the node, by the flags or by the config file that is there. */
function chooseWallet(flags: Readonly<Record<string, string>>, existing: string, home: string) {
  const filePath = existsSync(existing) ? existing : undefined;
  const { settings } = loadConfiguration(OPTIONS, {
    flags,
    environment: {},
    filePath,
    command: "service install",
  });
  const expanded = (path: string): string => path.replace(/^~(?=\/|$)/, home);
  const { walletPath, walletName, walletHotkey, walletPasswordFile } = settings;
  return {
    hotkeyFile: join(expanded(walletPath), walletName, "hotkeys", walletHotkey),
    passwordFile: walletPasswordFile === undefined ? undefined : expanded(walletPasswordFile),
    nodeAddresses: addressesOf(
      [settings[nameOf("subtensor.chain_endpoint")], settings[nameOf("subtensor.network")]].join(","),
    ),
  };
}

/** Hosts of endpoints that are addresses; names are resolved at run time, so theirs cannot be told. */
function addressesOf(endpoints: string): string[] {
  return endpoints.split(",").flatMap((endpoint) => {
    const host = URL.parse(endpoint.trim())?.hostname.replace(/^\[|\]$/g, "") ?? "";
    return canonicalAddress(host) ?? [];
  });
}

/** The firewall of the unit must not cut the service off from its name servers, which often are private addresses. */
function nameServers(): string[] {
  return readLines("/etc/resolv.conf").flatMap((line) => {
    const [, address] = /^nameserver\s+([^\s%]+)/.exec(line) ?? [];
    return (address === undefined ? undefined : canonicalAddress(address)) ?? [];
  });
}

function namesIn(path: string): string[] {
  return readLines(path).map((line) => line.split(":")[0]!);
}

function readLines(path: string): string[] {
  return existsSync(path) ? readFileSync(path, "utf8").split("\n") : [];
}
