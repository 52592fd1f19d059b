import { sleep } from "../../base/deadline.ts";
import { Failure, isFailure, messageOf } from "../../base/error.ts";
import { log } from "../../base/log.ts";
import { printable } from "../../base/text.ts";
import type { ConfigCode } from "../../config/kinds.ts";
import { loadConfiguration } from "../../config/load.ts";
import { JOURNAL_OPTIONS } from "../../config/options.ts";
import { stateDirectory } from "../../config/paths.ts";
import { isCompiled, VERSION } from "../../config/version.ts";
import { type Service, Updater } from "../../update/apply.ts";
import { stopped, updateFailure } from "../../update/failure.ts";
import { type Installation, LoneFile, ReleaseFolder } from "../../update/installation.ts";
import { placeOf } from "../../update/look-times.ts";
import { PACE, type Pace } from "../../update/pace.ts";
import { readReceipt } from "../../update/receipt.ts";
import { readRecord } from "../../update/update-record.ts";
import { channelToParent, serviceOfParent } from "../../update/updater-channel.ts";
import { findInstallation } from "../../update/whereabouts.ts";
import { type CommandContext, sourcesOf } from "../command.ts";
import { EXIT, refusedBySystem } from "../exit-codes.ts";
import { showProgress } from "../progress.ts";
import { lookForRelease, type Wish } from "../update/look-for-release.ts";
import {
  healthAt,
  type StateFolder,
  serviceOfUnit,
  type Unit,
  type UnitService,
} from "../update/unit-service.ts";
import { SELF_UPDATE_OPTIONS, UPDATE_WORKER_OPTIONS } from "../update/updater-command.ts";

/** How long one process watches a new release; the next one goes on. */
const WATCH_MS = 40 * 60_000;

/** What a release is installed and judged with. */
interface Work {
  settings: Wish & { updateTrial: number };
  installation: Installation;
  /** Absent where a person runs it. */
  unattended: "patch" | "on" | undefined;
  /** It looks, and leaves all releases as they are. */
  changesNothing: boolean;
  /** Whether the record tells of the look. */
  isKept: boolean;
  /** Absent where nobody runs the validator for us. */
  service: Service | undefined;
  /** How long to watch a new release. */
  watchMs: number;
}

/** Goes to a newer release, looks for one, or goes back. */
export async function selfUpdate(context: CommandContext): Promise<number> {
  const { flags, environment, signal } = context;
  const { settings } = loadConfiguration(SELF_UPDATE_OPTIONS, sourcesOf(context));
  const is = (name: string): boolean => flags[name] === "true";
  requireOneWish(flags);
  const policy = is("unattended") ? (settings.autoUpdate ?? "on") : undefined;
  if (policy === "off") return teller(context)({ state: "off", why: "--auto-update says so" });
  const installation = findInstallation({
    executable: process.execPath,
    isCompiled,
    mayBeContainer: settings.inContainer,
  });
  // A timer of systemd spreads by itself, and tells its services who they are.
  if (policy !== undefined && !environment.INVOCATION_ID)
    await sleep(spreadMs(installation, settings.updateInterval), signal);
  if (signal.aborted) throw stopped();
  const isQuestion = is("check") || is("dry-run");
  const changesNothing = isQuestion || policy === "notify";
  const unit = changesNothing ? undefined : unitOf(context, settings.restart, installation);
  const found = await foundUnit(context, unit, {
    path: stateDirectory(settings),
    isNamed: Object.keys(JOURNAL_OPTIONS).some((flag) => flags[flag] !== undefined),
  });
  const isOnTrial = readRecord(installation.recordFile).pending !== null;
  // Started by nobody but a person, who decides about the release on trial by starting it or with --rollback.
  if (found?.isStopped && !is("rollback") && (policy !== undefined || isOnTrial))
    return teller(context)(
      { state: "waiting", why: `${unit?.name} is stopped` },
      isOnTrial ? EXIT.tryLater : EXIT.ok,
    );
  return await update(context, {
    settings,
    installation,
    unattended: policy === "notify" ? "on" : policy,
    changesNothing,
    isKept: !isQuestion && (!changesNothing || mayWrite(installation)),
    service: found?.isStopped ? undefined : found?.service,
    watchMs: WATCH_MS,
  });
}

/**
 * Going back is done at once and looks for nothing, so that nobody who only asks gets it.
 * @throws Failure `config.conflict`
 */
function requireOneWish(flags: CommandContext["flags"]): void {
  const isBack = flags.rollback === "true";
  const other = ["check", "dry-run", "unattended", "version"].find(
    (flag) => flags[flag] !== undefined && flags[flag] !== "false",
  );
  if (isBack && other !== undefined)
    throw new Failure<ConfigCode>("config.conflict", {
      message: `--rollback goes back at once, and --${other} asks for something else`,
      hint: "leave one of the two out",
    });
  if (!isBack && flags["if-unconfirmed"] === "true")
    throw new Failure<ConfigCode>("config.conflict", {
      message: "--if-unconfirmed says when to go back, and nothing asks for that",
      hint: "add --rollback, or leave it out",
    });
}

/** Whoever may not write here may still be told of releases. */
function mayWrite(installation: Installation): boolean {
  try {
    installation.requireWritable();
    return true;
  } catch (error) {
    if (!isFailure(error, "update.no-permission") && refusedBySystem(error) === undefined) throw error;
    return false;
  }
}

interface WantedUnit extends Unit {
  /** By a person; else it is the one that was installed here, and may be gone. */
  isNamed: boolean;
}

function unitOf(
  { flags }: CommandContext,
  named: string | undefined,
  installation: Installation,
): WantedUnit | undefined {
  if (named !== undefined)
    return { name: named, scope: flags.user === "true" ? "user" : "system", isNamed: true };
  const noted = installation instanceof ReleaseFolder ? readReceipt(installation.root)?.service : undefined;
  return noted && { name: noted.unit, scope: noted.scope, isNamed: false };
}

async function foundUnit(
  context: CommandContext,
  unit: WantedUnit | undefined,
  stateFolder: StateFolder,
): Promise<UnitService | undefined> {
  if (unit === undefined) return undefined;
  try {
    return await serviceOfUnit(context, unit, stateFolder);
  } catch (error) {
    const isGone = isFailure(error, "service.not-installed") || isFailure(error, "service.no-systemd");
    if (!isGone || unit.isNamed) throw error;
    log.warn("The service that was installed here is gone, so nothing is restarted", { unit: unit.name });
    return undefined;
  }
}

/** A third of the time between two looks, as far as this machine is among all. */
function spreadMs(installation: Installation, minutes: number): number {
  return (placeOf(readRecord(installation.recordFile).installId) * minutes * 60_000) / 3;
}

/** The same for a supervising parent, which alone starts it: it judges to the end, and takes back what has ended. */
export async function updateWorker(context: CommandContext): Promise<number> {
  const { settings } = loadConfiguration(UPDATE_WORKER_OPTIONS, sourcesOf(context));
  const { autoUpdate, program } = settings;
  const channel = channelToParent();
  if (channel === undefined || (autoUpdate !== "patch" && autoUpdate !== "on"))
    throw new Failure<ConfigCode>("config.stray-word", {
      message: "update-worker is started by openvalidator itself, not by hand",
      hint: "openvalidator self-update goes to the newest release",
    });
  const directory = stateDirectory(settings);
  const { service, signal } = serviceOfParent(channel, () => healthAt(directory), context.signal);
  const wish: Work = {
    settings,
    installation: findInstallation({ executable: program, isCompiled, mayBeContainer: settings.inContainer }),
    unattended: autoUpdate,
    changesNothing: false,
    isKept: true,
    service,
    watchMs: Number.POSITIVE_INFINITY,
  };
  return await update({ ...context, signal }, wish);
}

async function update(context: CommandContext, work: Work): Promise<number> {
  try {
    return await goOn(context, work);
  } catch (error) {
    // Programs read why from standard output; people, from standard error as ever.
    if (isFailure(error) && context.flags.json === "true")
      teller(context)({ state: "failed", code: error.code, why: messageOf(error) });
    throw error;
  }
}

async function goOn(context: CommandContext, work: Work): Promise<number> {
  const { flags, signal } = context;
  const { installation, service, changesNothing } = work;
  const is = (name: string): boolean => flags[name] === "true";
  // What is in place: the program that updates may be an older one.
  const current = installation.currentVersion() ?? VERSION;
  const tell = teller(context);
  const pace: Pace = { ...PACE, trialMs: work.settings.updateTrial * 60_000 };
  const updater = new Updater(installation, { ...(service && { service }), pace, signal });
  if (!changesNothing) installation.requireWritable();
  const unlock = work.isKept ? installation.lock() : undefined;
  try {
    if (is("rollback")) {
      if (is("if-unconfirmed") && updater.record.pending === null)
        return tell({ state: "nothing to roll back" });
      const end = is("if-unconfirmed") ? (service?.ended?.() ?? "it was not confirmed") : undefined;
      return await rollBack(updater, tell, end ?? "a person asked for it");
    }
    const waitsFor = changesNothing
      ? undefined
      : await updater.settle(work.unattended === undefined ? 0 : work.watchMs);
    if (waitsFor !== undefined) return tell({ state: "waiting", why: waitsFor }, EXIT.tryLater);
    const { files, found, decision } = await lookForRelease(context, work.settings, { ...work, current });
    if (found === undefined || decision.kind === "up-to-date") {
      // Somebody put it in place, and the validator still runs the one before.
      if (work.unattended !== undefined && !changesNothing && (await updater.catchUp()))
        return await watch(updater, work, current, tell);
      return tell({
        state: "up to date",
        version: current,
        channel: readRecord(installation.recordFile).channel,
      });
    }
    const { version, urgency, notes } = found.release;
    if (decision.kind === "refused")
      throw updateFailure("update.no-release", { message: decision.why, hint: decision.hint });
    if (decision.kind === "waits") {
      const until = decision.untilMs === null ? null : new Date(decision.untilMs).toISOString();
      return tell(
        { state: "waiting", version, urgency, why: decision.why, until },
        is("check") ? EXIT.updateAvailable : EXIT.ok,
      );
    }
    if (changesNothing)
      return tell(
        { state: "available", version, urgency, notes, isRevoked: decision.isRevoked },
        // A timer that only tells of releases has not failed.
        is("unattended") ? EXIT.ok : EXIT.updateAvailable,
      );
    const progress = showProgress(process.stderr);
    if (installation instanceof LoneFile) installation.adopt(VERSION);
    await updater
      .install(files, found, current, {
        waits: !is("now"),
        onProgress: (bytes, ofBytes) => progress.onProgress(`openvalidator ${version}`, bytes, ofBytes),
      })
      .finally(() => progress.end());
    if (service === undefined) return tell({ state: "installed", version, why: "the next start runs it" });
    return await watch(updater, work, version, tell);
  } finally {
    unlock?.();
  }
}

async function watch(
  updater: Updater,
  { watchMs }: Work,
  version: string,
  tell: ReturnType<typeof teller>,
): Promise<number> {
  const open = await updater.settle(watchMs);
  return tell(
    open === undefined ? { state: "confirmed", version } : { state: "waiting", version, why: open },
  );
}

type Told = Readonly<Record<string, string | number | boolean | null>>;

function teller({ flags, print }: CommandContext) {
  return (told: Told, exit: number = EXIT.ok): number => {
    if (flags.json === "true") print(`${JSON.stringify({ from: VERSION, ...told })}\n`);
    else {
      const { state, version, why, until, urgency, notes } = told;
      const parts = [
        state,
        version,
        urgency && `(urgency ${urgency})`,
        why && `– ${why}`,
        until && `until ${until}`,
        notes,
      ];
      print(
        `${parts
          .filter(Boolean)
          .map((part) => printable(String(part), 300))
          .join(" ")}\n`,
      );
    }
    return exit;
  };
}

async function rollBack(updater: Updater, tell: ReturnType<typeof teller>, why: string): Promise<number> {
  try {
    return await updater.rollBack(why);
  } catch (error) {
    // Here it is what was wanted.
    if (!isFailure(error, "update.rolled-back")) throw error;
    return tell({ state: "rolled back", why: error.message });
  }
}
