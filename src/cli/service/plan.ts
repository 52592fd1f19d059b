import { existsSync, readFileSync, realpathSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { path } from "../../config/kinds.ts";
import { loadConfiguration } from "../../config/load.ts";
import { nameOf } from "../../config/option.ts";
import { OPTIONS } from "../../config/options.ts";
import { CONFIG_NAME, expandPath } from "../../config/paths.ts";
import { SERVICE_OPTIONS } from "../../config/service-options.ts";
import { AUTO_UPDATE_OPTIONS } from "../../config/update-options.ts";
import { isCompiled } from "../../config/version.ts";
import { canonicalAddress } from "../../net/address-ranges.ts";
import { PROFILE_NAMES } from "../../rewards/profiles.ts";
import { rootAround } from "../../update/whereabouts.ts";
import { type CommandContext, sourcesOf } from "../command.ts";
import { translateOldLine } from "./old-line.ts";
import { isQuiet, type UnitPlan } from "./unit.ts";
import {
  type AutoUpdate,
  modeOf,
  ROLLBACK_SERVICE,
  UPDATE_SERVICE,
  type UpdatePlan,
} from "./update-units.ts";

export const UNIT_NAME = "openvalidator.service";

/** A service as it is to be: where its files go, and what stands in them. */
export interface ServicePlan {
  unit: UnitPlan;
  unitFile: string;
  /** Folder of the releases, with the link `current` to one of them. */
  programs: string;
  /** How releases come to it by themselves; undefined where a person sees to that. */
  updates: UpdatePlan | undefined;
  mayBeContainer: boolean;
  /** Flags of `run` for the config file. */
  flags: Readonly<Record<string, string>>;
  notes: readonly string[];
  /** Prefix of every path that is written. */
  destdir: string;
  starts: boolean;
}

const PATH_FLAGS: ReadonlySet<string> = new Set(
  Object.entries(OPTIONS).flatMap(([flag, { kind }]) => (kind.hint === path.hint ? [flag] : [])),
);

/** Groups that own the devices of a GPU. */
const GPU_GROUPS = ["render", "video"];

/** @throws Failure `config.*`, `service.bad-line` */
export function planService(context: CommandContext): ServicePlan {
  const { flags: given, environment } = context;
  const isUser = given.user === "true";
  // Those of the service come from the environment too, those of the run do not: the service has another one.
  const { settings } = loadConfiguration(SERVICE_OPTIONS, { ...sourcesOf(context), filePath: undefined });
  const old = settings.fromPm2 === undefined ? undefined : translateOldLine(settings.fromPm2);
  const home = homeOf(environment);
  const flags = withWholePaths({ ...old?.flags, ...givenFlags(given) }, home);
  const notes = [...(old?.notes ?? [])];
  if (!isUser)
    leaveOut(flags, notes, "logging.logging_dir", "the service keeps its state in /var/lib/openvalidator");
  const ownConfig = join(isUser ? environment.XDG_CONFIG_HOME || join(home, ".config") : "/etc", CONFIG_NAME);
  const destdir = settings.destdir ?? "";
  const chosen = chooseSettings(flags, `${destdir}${ownConfig}`, home);
  const programs = releaseRoot(context, settings.root, home);
  const scope = isUser ? "user" : "system";
  const unitFile = isUser ? userUnitFile(environment, home) : `/etc/systemd/system/${UNIT_NAME}`;
  const mode = settings.autoUpdate ?? modeThere(`${destdir}${unitFile}`);
  const { updateInterval, updateUrl, inContainer } = chosen;
  const updates: UpdatePlan | undefined =
    mode === "patch" || mode === "on"
      ? {
          mode,
          scope,
          root: programs,
          unit: UNIT_NAME,
          mayBeContainer: inContainer,
          intervalMinutes: updateInterval,
          urls: updateUrl ?? [],
        }
      : undefined;
  // The units say it, also where there is a config file already, which stays as it is.
  const isConfigThere = existsSync(`${destdir}${ownConfig}`);
  for (const flag of Object.keys(AUTO_UPDATE_OPTIONS))
    if (flag === "auto-update" || isConfigThere) delete flags[flag];
  const credentials: Record<string, string> = isUser
    ? {}
    : { ...credentialsThere(`${destdir}${unitFile}`, flags, chosen.hotkeyFile) };
  if (!isUser) {
    credentials.hotkey ??= chosen.hotkeyFile;
    if (chosen.passwordFile !== undefined) credentials["hotkey-password"] = chosen.passwordFile;
    for (const flag of ["wallet.path", "wallet.password_file"]) delete flags[flag];
  }
  if (settings.wandbKeyFile !== undefined) {
    if (isUser)
      notes.push(
        "--wandb_key_file was left out: a user's own service reads the key where wandb login put it",
      );
    else credentials["wandb-api-key"] = wholePath(settings.wandbKeyFile, home);
  }
  return {
    unit: {
      scope,
      executable: join(programs, "current/openvalidator"),
      configFile: ownConfig,
      environment: old?.environment ?? {},
      credentials,
      gpuGroups: namesIn("/etc/group").filter((name) => GPU_GROUPS.includes(name)),
      allowedAddresses: [...new Set([...nameServers(), ...chosen.nodeAddresses])],
      isQuiet: mode === "off",
      onFailure: updates && ROLLBACK_SERVICE,
    },
    unitFile,
    programs,
    updates,
    mayBeContainer: inContainer,
    flags,
    notes,
    destdir,
    starts: settings.start && destdir === "",
  };
}

/** Files that the unit that is there hands over, as long as it is the same hotkey: no config file names them. */
function credentialsThere(
  unitFile: string,
  flags: Readonly<Record<string, string>>,
  hotkeyFile: string,
): Record<string, string> {
  const lines = readLines(unitFile).flatMap((line) => {
    const [, name, path] = /^LoadCredential=([\w-]+):(.+)$/.exec(line) ?? [];
    return name === undefined || name === "config" ? [] : [[name, path!.replaceAll("%%", "%")] as const];
  });
  const there: Record<string, string> = Object.fromEntries(lines);
  // wallet/hotkeys/hotkey; where the wallets lie is what a flag alone says.
  const [name, wanted] = [there.hotkey ?? "", hotkeyFile].map((path) => path.split("/").slice(-3).join("/"));
  return name === wanted && flags["wallet.path"] === undefined ? there : {};
}

/** What was chosen for the units that are there. */
function modeThere(unitFile: string): AutoUpdate | "off" | undefined {
  const read = (path: string): string => (existsSync(path) ? readFileSync(path, "utf8") : "");
  return (
    modeOf(read(join(dirname(unitFile), UPDATE_SERVICE))) ?? (isQuiet(read(unitFile)) ? "off" : undefined)
  );
}

/** Folder of the releases: as given, or the one that this program is in already, or the usual one. */
export function releaseRoot(
  { flags, environment }: Pick<CommandContext, "flags" | "environment">,
  given: string | undefined,
  home = homeOf(environment),
): string {
  if (given !== undefined) return expandPath(given);
  const own = isCompiled ? rootAround(realpathSync(process.execPath)) : undefined;
  if (own !== undefined) return own;
  if (flags.user !== "true") return "/opt/openvalidator";
  return join(environment.XDG_DATA_HOME || join(home, ".local/share"), "openvalidator");
}

export function userUnitFile(environment: CommandContext["environment"], home = homeOf(environment)): string {
  return join(environment.XDG_CONFIG_HOME || join(home, ".config"), "systemd/user", UNIT_NAME);
}

function givenFlags(given: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(given).filter(([flag]) => Object.hasOwn(OPTIONS, flag)));
}

/** A path that is the same in any folder and home: the service has its own of both. */
function wholePath(path: string, home: string): string {
  return expandPath(path.replace(/^~(?=\/|$)/, home));
}

/** Flags of `run`, their paths as the service can read them. */
function withWholePaths(flags: Readonly<Record<string, string>>, home: string): Record<string, string> {
  const whole = (flag: string, value: string): string => {
    if (flag === "data.source")
      return value
        .split(",")
        .map((name) => name.trim())
        .map((name) => (name.startsWith("hf:") ? name : wholePath(name, home)))
        .join(",");
    const isFile = flag === "models.profile" ? !PROFILE_NAMES.includes(value) : PATH_FLAGS.has(flag);
    return isFile ? wholePath(value, home) : value;
  };
  return Object.fromEntries(Object.entries(flags).map(([flag, value]) => [flag, whole(flag, value)]));
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

/** The key, its password, the node and how to look for releases, by the flags or by the config file that is there. */
function chooseSettings(flags: Readonly<Record<string, string>>, existing: string, home: string) {
  const filePath = existsSync(existing) ? existing : undefined;
  const { settings } = loadConfiguration(OPTIONS, {
    flags,
    environment: {},
    filePath,
    command: "service install",
  });
  const { walletPath, walletName, walletHotkey, walletPasswordFile } = settings;
  const { updateInterval, updateUrl, inContainer } = settings;
  return {
    updateInterval,
    updateUrl,
    inContainer,
    hotkeyFile: join(wholePath(walletPath, home), walletName, "hotkeys", walletHotkey),
    passwordFile: walletPasswordFile === undefined ? undefined : wholePath(walletPasswordFile, home),
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
