import { execWord, HARDENING, UNIT_MARK, UNSET, WALLS } from "./unit.ts";

export const UPDATE_TIMER = "openvalidator-update.timer";
export const UPDATE_SERVICE = "openvalidator-update.service";
export const ROLLBACK_SERVICE = "openvalidator-rollback.service";

/** What is taken by itself; nothing else is installed for `off`. */
export type AutoUpdate = "notify" | "patch" | "on";

/** How releases come to a service. Paths are absolute. */
export interface UpdatePlan {
  mode: AutoUpdate;
  scope: "system" | "user";
  /** Folder of the releases. */
  root: string;
  /** Unit of the validator. */
  unit: string;
  /** From one look to the next. */
  intervalMinutes: number;
  /** Servers in place of those that the program was built with. */
  urls: readonly string[];
}

/** A window for the restart (72 minutes), the watch over a release (40), a slow download. */
const LONGEST = "4h";

/** Found again in the description by `service status`, and in the command by the next `service install`. */
const MODE_FLAG = "--auto-update=";

/** The text of each unit by its name. Neither config file nor wallet is named: whatever they hold, a release can be taken back. */
export function updateUnits(plan: UpdatePlan): ReadonlyMap<string, string> {
  const { mode, unit, intervalMinutes, urls } = plan;
  const servers = urls.length === 0 ? [] : ["--update.url", urls.join(",")];
  return new Map([
    [UPDATE_TIMER, timer(intervalMinutes)],
    [
      UPDATE_SERVICE,
      oneshot(plan, `Releases of openvalidator (${mode})`, [
        ...["self-update", "--unattended", `${MODE_FLAG}${mode}`, "--restart", unit],
        ...servers,
      ]),
    ],
    [
      ROLLBACK_SERVICE,
      oneshot(plan, "Put back the openvalidator before one that ended for good", [
        ...["self-update", "--rollback", "--if-unconfirmed", "--restart", unit],
      ]),
    ],
  ]);
}

/** What a unit that is there takes by itself; undefined for a text of another form. */
export function modeOf(updateService: string): AutoUpdate | undefined {
  const [, mode] = /^ExecStart=.* --auto-update=(notify|patch|on) /m.exec(updateService) ?? [];
  return mode as AutoUpdate | undefined;
}

function timer(intervalMinutes: number): string {
  const third = Math.max(1, Math.round((intervalMinutes * 60) / 3));
  return `${UNIT_MARK}
[Unit]
Description=Look for releases of openvalidator

[Timer]
OnStartupSec=5min
OnUnitActiveSec=${Math.max(1, Math.round(intervalMinutes * 60))}s
# Not all machines at once.
RandomizedDelaySec=${third}s
FixedRandomDelay=yes

[Install]
WantedBy=timers.target
`;
}

function oneshot(plan: UpdatePlan, description: string, words: readonly string[]): string {
  const { scope, root } = plan;
  const isSystem = scope === "system";
  const user = isSystem ? [] : ["--user"];
  const command = [`${root}/updater/openvalidator`, ...words, ...user].map(execWord).join(" ");
  return [
    UNIT_MARK,
    "[Unit]",
    `Description=${description}`,
    ...(isSystem ? ["Wants=network-online.target", "After=network-online.target"] : []),
    "",
    "[Service]",
    "Type=oneshot",
    `ExecStart=${command}`,
    "# There is something (10), it goes on with the next look (75).",
    "SuccessExitStatus=10 75",
    `TimeoutStartSec=${LONGEST}`,
    "# The validator comes first.",
    "Nice=10",
    "IOSchedulingClass=idle",
    "CPUWeight=20",
    "UMask=0022",
    "LimitCORE=0",
    UNSET,
    HARDENING.trim(),
    ...(isSystem ? [WALLS.trim(), ...rightsOfRoot(root)] : []),
    "",
  ].join("\n");
}

function rightsOfRoot(root: string): string[] {
  return [
    "PrivateDevices=yes",
    "# Through systemctl alone it does more than write here.",
    `ReadWritePaths=${root.includes(" ") ? `"${root}"` : root}`.replaceAll("%", "%%"),
    "# The status of the validator is open to its own user alone; a new program is tried as nobody, and killed if it hangs.",
    "CapabilityBoundingSet=CAP_DAC_OVERRIDE CAP_CHOWN CAP_SETUID CAP_SETGID CAP_SETPCAP CAP_KILL",
  ];
}
