import { existsSync } from "node:fs";
import { join } from "node:path";
import { sleep } from "../../base/deadline.ts";
import { Failure } from "../../base/error.ts";
import { lockHolder } from "../../base/lock.ts";
import { log } from "../../base/log.ts";
import type { ConfigCode } from "../../config/kinds.ts";
import type { ValuesOf } from "../../config/option.ts";
import type { JOURNAL_OPTIONS } from "../../config/options.ts";
import { LOCK_FILE, stateDirectory } from "../../config/paths.ts";
import type { AUTO_UPDATE_OPTIONS } from "../../config/update-options.ts";
import { isCompiled, VERSION } from "../../config/version.ts";
import { type Installation, LoneFile, ReleaseFolder } from "../../update/installation.ts";
import { LookTimes, placeOf } from "../../update/look-times.ts";
import { SupervisingParent } from "../../update/supervising-parent.ts";
import { changeRecord, readRecord } from "../../update/update-record.ts";
import { findInstallation } from "../../update/whereabouts.ts";
import { STOP_TIMEOUT_MS } from "../../validator/stop-times.ts";
import type { CommandContext } from "../command.ts";
import { requireKeys } from "./look-for-release.ts";
import { flagsFor, UPDATE_WORKER_OPTIONS, updaterEnvironment, writtenFlags } from "./updater-command.ts";

export type SuperviseSettings = Omit<
  ValuesOf<typeof AUTO_UPDATE_OPTIONS & typeof JOURNAL_OPTIONS>,
  "autoUpdate"
> & { autoUpdate: "patch" | "on"; mock: boolean; runForwards: number; runWeights: number };

/** A validator that lost its parent notices that, and ends, within this. */
const LEFT_BEHIND_MS = STOP_TIMEOUT_MS + 5_000;
const LOOK_MS = 250;

/**
 * Runs the validator as a child that is restarted for updates.
 * @returns its exit code
 * @throws Failure `config.conflict`, `update.no-keys`, `update.not-ours`, `update.no-permission` where that cannot be
 */
export async function supervise(context: CommandContext, settings: SuperviseSettings): Promise<number> {
  const { environment, flags, signal } = context;
  const { autoUpdate, updateInterval, inContainer: mayBeContainer } = settings;
  if (settings.mock)
    throw new Failure<ConfigCode>("config.conflict", {
      message: `--auto-update ${autoUpdate} restarts the validator, and with --mock its subnet would end too`,
      hint: "leave one of the two out",
    });
  const installation = findInstallation({ executable: process.execPath, isCompiled, mayBeContainer });
  requireKeys();
  installation.requireWritable();
  if (installation instanceof LoneFile) installation.adopt(VERSION);
  // The place of this machine among all is drawn once.
  if (!existsSync(installation.recordFile)) changeRecord(installation.recordFile, () => ({}));
  const record = readRecord(installation.recordFile);
  await whenFree(join(stateDirectory(settings), LOCK_FILE), signal);
  if (signal.aborted) return 0;
  const parent = new SupervisingParent({
    validator: [installation.program, "run", ...writtenFlags(flags)],
    validatorEnvironment: environment,
    updater: () => [
      updaterOf(installation),
      "update-worker",
      ...writtenFlags({
        ...flagsFor(UPDATE_WORKER_OPTIONS, flags),
        "auto-update": autoUpdate,
        program: process.execPath,
      }),
    ],
    updaterEnvironment: updaterEnvironment(environment),
    hasUnconfirmed: () => pendingOf(installation) !== null,
    looks: new LookTimes(updateInterval * 60_000, placeOf(record.installId)),
    hasEnd: settings.runForwards > 0 || settings.runWeights > 0,
  });
  context.takeSignals?.((name) => parent.signal(name));
  log.info("New releases are taken by themselves", { autoUpdate, program: installation.program });
  return await parent.run();
}

/** The program that was well: the one on trial may be unable to take itself back. */
function updaterOf(installation: Installation): string {
  const pending = pendingOf(installation);
  if (pending !== null && installation.has(pending.previous)) return installation.programOf(pending.previous);
  const isThere = installation instanceof ReleaseFolder && existsSync(installation.updater);
  return isThere ? installation.updater : installation.program;
}

function pendingOf(installation: Installation) {
  const { pending } = readRecord(installation.recordFile);
  return pending?.previous === installation.currentVersion() ? null : pending;
}

/** What a parent that was killed left behind ends by itself, and until then holds the state. */
async function whenFree(lock: string, signal: AbortSignal): Promise<void> {
  const endMs = performance.now() + LEFT_BEHIND_MS;
  // After that the validator says who holds it.
  while (!signal.aborted && performance.now() < endMs && lockHolder(lock) !== undefined)
    await sleep(LOOK_MS, signal);
}
