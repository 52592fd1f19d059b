/** What a unit is made of. Paths are absolute; none of the texts holds a secret. */
export interface UnitPlan {
  scope: "system" | "user";
  executable: string;
  /** Config file; PID 1 hands it to the service of the system, whose user could not read it. */
  configFile: string;
  environment: Readonly<Record<string, string>>;
  /** Files that PID 1 hands to the service, by the name that the program looks for. */
  credentials: Readonly<Record<string, string>>;
  /** Groups of this machine that may open a GPU. */
  gpuGroups: readonly string[];
  /** Addresses of private networks that the service needs: its own node, the name servers of this machine. */
  allowedAddresses: readonly string[];
  /** It does not even tell of new releases. */
  isQuiet: boolean;
  /** Unit that is started when the service ended for good; undefined where nothing updates it. */
  onFailure: string | undefined;
}

/** The first line of every unit that this program writes, and may write over. */
export const UNIT_MARK =
  "# Written by openvalidator service install; changes belong into a drop-in (systemctl edit).";

/** A chain that is away for hours must not leave a dead service behind: it is started again and again (exit code 75). */
const START = `
# However long the chain is away, it is tried again; what needs a person (64, 78) is not.
StartLimitIntervalSec=0
`;

/** Variables that would have a program of Bun run something else. */
export const UNSET =
  "UnsetEnvironment=BUN_BE_BUN BUN_OPTIONS BUN_INSPECT BUN_INSPECT_PRELOAD BUN_CONFIG_VERBOSE_FETCH NODE_OPTIONS NODE_TLS_REJECT_UNAUTHORIZED LD_PRELOAD LD_LIBRARY_PATH";

const SERVICE = `
Type=notify
NotifyAccess=main
# Models load before READY; more time is asked for while they do.
TimeoutStartSec=15min
# Fed while steps or understood waits go on, not by a timer.
WatchdogSec=5min
TimeoutStopSec=90s
KillMode=mixed
Restart=always
RestartSec=30s
RestartPreventExitStatus=64 78
UMask=0077
LimitNOFILE=65536
# The watchdog's SIGABRT would write the hotkey into a core file.
LimitCORE=0
TasksMax=512
`;

/** What a user's own service manager can do as well. */
export const HARDENING = `
NoNewPrivileges=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictNamespaces=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
# With it the JIT and the calls into the C library would be gone.
MemoryDenyWriteExecute=no
`;

/** What root's does for every unit here. */
export const WALLS = `
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
ProtectProc=invisible
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
KeyringMode=private
`;

const SYSTEM_HARDENING = `
CapabilityBoundingSet=
# The NVIDIA driver is found in /proc/driver.
ProcSubset=all
RemoveIPC=yes
MemoryHigh=80%
MemoryMax=90%
# One DeviceAllow closes every other device, so all that a driver opens are named.
PrivateDevices=no
DevicePolicy=closed
DeviceAllow=char-drm rw
DeviceAllow=char-nvidia rw
DeviceAllow=char-nvidiactl rw
DeviceAllow=char-nvidia-frontend rw
DeviceAllow=char-nvidia-modeset rw
DeviceAllow=char-nvidia-uvm rw
DeviceAllow=char-nvidia-caps rw
# A second wall behind the program's own judgement of miners' addresses.
IPAddressDeny=link-local multicast 10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 100.64.0.0/10 fc00::/7
`;

const QUIET = " --auto-update off";

/** Whether a unit of ours was made with `--auto-update off`. */
export function isQuiet(unit: string): boolean {
  return unit.split("\n").some((line) => line.startsWith("ExecStart=") && line.endsWith(QUIET));
}

/** The text of openvalidator.service. */
export function unitText(plan: UnitPlan): string {
  const after = "network-online.target nss-lookup.target";
  const isSystem = plan.scope === "system";
  return [
    UNIT_MARK,
    "[Unit]",
    "Description=openvalidator (Bittensor text-prompting validator)",
    ...(isSystem ? ["Wants=network-online.target", `After=${after} nvidia-persistenced.service`] : []),
    START.trim(),
    ...(plan.onFailure === undefined ? [] : [`OnFailure=${plan.onFailure}`]),
    "",
    "[Service]",
    ...(isSystem ? systemStart(plan) : userStart(plan)),
    ...environmentLines(plan.environment),
    SERVICE.trim(),
    UNSET,
    HARDENING.trim(),
    ...(isSystem ? [WALLS.trim(), SYSTEM_HARDENING.trim(), ...addressLines(plan.allowedAddresses)] : []),
    "",
    "[Install]",
    `WantedBy=${isSystem ? "multi-user.target" : "default.target"}`,
    "",
  ].join("\n");
}

function systemStart({ executable, configFile, credentials, gpuGroups, isQuiet }: UnitPlan): string[] {
  return [
    "# NoNewPrivileges keeps the driver from making its devices; + runs this as root, - lets it be absent.",
    "ExecStartPre=+-/usr/bin/nvidia-modprobe -u -m -c 0",
    `ExecStart=${execWord(executable)} run --config \${CREDENTIALS_DIRECTORY}/config --logging.logging_dir %S/openvalidator${isQuiet ? QUIET : ""}`,
    "# Read by PID 1 and seen by this service alone; it has no access to a wallet or a home.",
    ...Object.entries({ config: configFile, ...credentials }).map(
      ([name, path]) => `LoadCredential=${name}:${path.replaceAll("%", "%%")}`,
    ),
    "DynamicUser=yes",
    "User=openvalidator",
    ...(gpuGroups.length > 0 ? [`SupplementaryGroups=${gpuGroups.join(" ")}`] : []),
    "StateDirectory=openvalidator",
    "StateDirectoryMode=0700",
    "CacheDirectory=openvalidator",
    "RuntimeDirectory=openvalidator",
    "ConfigurationDirectory=openvalidator",
    "WorkingDirectory=%S/openvalidator",
    "Environment=HOME=%S/openvalidator XDG_DATA_HOME=%S XDG_CACHE_HOME=%C/openvalidator",
  ];
}

function userStart({ executable, configFile, isQuiet }: UnitPlan): string[] {
  return [
    `ExecStart=${execWord(executable)} run --config ${execWord(configFile)}${isQuiet ? QUIET : ""}`,
    "WorkingDirectory=%h",
    "# The way to its status, for who updates it.",
    "RuntimeDirectory=openvalidator",
  ];
}

function environmentLines(environment: Readonly<Record<string, string>>): string[] {
  return Object.entries(environment).map(
    ([name, value]) => `Environment=${quoted(`${name}=${value}`).replaceAll("%", "%%")}`,
  );
}

function addressLines(addresses: readonly string[]): string[] {
  if (addresses.length === 0) return [];
  return [
    "# Name servers of this machine, and the node of the config file.",
    `IPAddressAllow=${addresses.join(" ")}`,
  ];
}

/** One word of ExecStart=, in which % begins a specifier and $ a variable. */
export function execWord(word: string): string {
  return quoted(word).replaceAll("%", "%%").replaceAll("$", "$$$$");
}

function quoted(text: string): string {
  if (/^[\w/.,:=@+%$-]+$/.test(text)) return text;
  const escaped = text.replaceAll(/["\\]/g, "\\$&").replaceAll("\n", "\\n").replaceAll("\t", "\\t");
  return `"${escaped}"`;
}
