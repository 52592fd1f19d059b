import { execWord, HARDENING, UNIT_MARK, UNSET, WALLS } from "./unit.ts";

export const UPDATE_TIMER = "openvalidator-update.timer";
export const UPDATE_SERVICE = "openvalidator-update.service";
export const ROLLBACK_SERVICE = "openvalidator-rollback.service";

/** What is taken by itself; what only tells of releases is the validator. */
export type AutoUpdate = "patch" | "on";

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
  mayBeContainer: boolean;
}

/** A window for the restart (72 minutes), the watch over a release (40), a slow download. */
const LONGEST = "4h";

/** Of what looks for releases; taking one back is not held up. */
const PRIORITY = ["# The validator comes first.", "Nice=10", "IOSchedulingClass=idle", "CPUWeight=20"];

/** The text of each unit by its name. Neither config file nor wallet is named: whatever they hold, a release can be taken back. */
export function updateUnits(plan: UpdatePlan): ReadonlyMap<string, string> {
  const { mode, unit, intervalMinutes, urls } = plan;
  const look = ["self-update", "--unattended", `--auto-update=${mode}`, "--restart", unit];
  const takeBack = ["self-update", "--rollback", "--if-unconfirmed", "--restart", unit];
  const servers = urls.length === 0 ? [] : ["--update.url", urls.join(",")];
  return new Map([
    [UPDATE_TIMER, timer(intervalMinutes)],
    [UPDATE_SERVICE, oneshot(plan, `Releases of openvalidator (${mode})`, [...look, ...servers], PRIORITY)],
    [ROLLBACK_SERVICE, oneshot(plan, "Put back the openvalidator before one that ended for good", takeBack)],
  ]);
}

/** What a unit that is there takes by itself; undefined for a text of another form. */
export function modeOf(updateService: string): AutoUpdate | undefined {
  const [, mode] = /^ExecStart=.* --auto-update=(patch|on) /m.exec(updateService) ?? [];
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

function oneshot(
  { scope, root, mayBeContainer }: UpdatePlan,
  description: string,
  words: readonly string[],
  priority: readonly string[] = [],
): string {
  const isSystem = scope === "system";
  const switches = [...(isSystem ? [] : ["--user"]), ...(mayBeContainer ? ["--in-container"] : [])];
  const command = [`${root}/updater/openvalidator`, ...words, ...switches].map(execWord).join(" ");
  return [
    UNIT_MARK,
    "[Unit]",
    `Description=${description}`,
    ...(isSystem ? ["Wants=network-online.target", "After=network-online.target"] : []),
    "",
    "[Service]",
    "Type=oneshot",
    `ExecStart=${command}`,
    "# It goes on with the next look, or another process is at it.",
    "SuccessExitStatus=75",
    `TimeoutStartSec=${LONGEST}`,
    ...priority,
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
    "# All that it writes; the restart is left to systemd.",
    `ReadWritePaths=${root.includes(" ") ? `"${root}"` : root}`.replaceAll("%", "%%"),
    "# The status of the validator is open to its own user alone; a new program is tried as nobody, and killed if it hangs.",
    "CapabilityBoundingSet=CAP_DAC_OVERRIDE CAP_CHOWN CAP_SETUID CAP_SETGID CAP_SETPCAP CAP_KILL",
  ];
}
