import { sleep } from "../../base/deadline.ts";
import { Failure, isFailure } from "../../base/error.ts";
import { lockFile } from "../../base/lock.ts";
import { printable } from "../../base/text.ts";
import type { ConfigCode } from "../../config/kinds.ts";
import { loadConfiguration } from "../../config/load.ts";
import { stateDirectory } from "../../config/paths.ts";
import { isCompiled, VERSION } from "../../config/version.ts";
import { readStatus } from "../../telemetry/status-socket.ts";
import { type Service, Updater } from "../../update/apply.ts";
import { type Health, healthSchema } from "../../update/confirm.ts";
import { stopped, updateFailure } from "../../update/failure.ts";
import { type Installation, LoneFile } from "../../update/installation.ts";
import { placeOf } from "../../update/look-times.ts";
import { readRecord } from "../../update/update-record.ts";
import { channelToParent, serviceOfParent } from "../../update/updater-channel.ts";
import { findInstallation } from "../../update/whereabouts.ts";
import { type CommandContext, sourcesOf } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { showProgress } from "../progress.ts";
import { systemctlOf } from "../service/systemctl.ts";
import { lookForRelease, type Wish } from "../update/look-for-release.ts";
import { SELF_UPDATE_OPTIONS, UPDATE_WORKER_OPTIONS } from "../update/updater-command.ts";

/** How long one process watches a new release; the next one goes on. */
const WATCH_MS = 40 * 60_000;

/** What a release is installed and judged with. */
interface Work {
  settings: Wish;
  installation: Installation;
  /** Absent where a person runs it. */
  unattended: "patch" | "on" | undefined;
  changesNothing: boolean;
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
  const policy = is("unattended") ? (settings.autoUpdate ?? "on") : undefined;
  if (policy === "off") return teller(context)({ state: "off", why: "--auto-update says so" });
  const installation = findInstallation({
    executable: process.execPath,
    isCompiled,
    mayBeContainer: is("in-container"),
  });
  // A timer of systemd spreads by itself, and tells its services who they are.
  if (policy !== undefined && !environment.INVOCATION_ID)
    await sleep(spreadMs(installation, settings.updateInterval), signal);
  if (signal.aborted) throw stopped();
  return await update(context, {
    settings,
    installation,
    unattended: policy === "notify" ? "on" : policy,
    changesNothing: is("check") || is("dry-run") || policy === "notify",
    service:
      settings.restart === undefined
        ? undefined
        : serviceOf(context, settings.restart, stateDirectory(settings)),
    watchMs: WATCH_MS,
  });
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
  const { service, signal } = serviceOfParent(channel, () => healthOf(directory), context.signal);
  const wish: Work = {
    settings,
    installation: findInstallation({ executable: program, isCompiled }),
    unattended: autoUpdate,
    changesNothing: false,
    service,
    watchMs: Number.POSITIVE_INFINITY,
  };
  return await update({ ...context, signal }, wish);
}

async function update(context: CommandContext, work: Work): Promise<number> {
  const { flags, signal } = context;
  const { installation, service, changesNothing } = work;
  const is = (name: string): boolean => flags[name] === "true";
  // What is in place: the program that updates may be an older one.
  const current = installation.currentVersion() ?? VERSION;
  const tell = teller(context);
  const updater = new Updater(installation, { ...(service && { service }), signal });
  if (!changesNothing) installation.requireWritable();
  const unlock = changesNothing ? undefined : lock(installation);
  try {
    if (is("rollback")) {
      if (is("if-unconfirmed") && updater.record.pending === null)
        return tell({ state: "nothing to roll back" });
      return await rollBack(updater, tell);
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

async function rollBack(updater: Updater, tell: ReturnType<typeof teller>): Promise<number> {
  try {
    return await updater.rollBack("a person asked for it");
  } catch (error) {
    // Here it is what was wanted.
    if (!isFailure(error, "update.rolled-back")) throw error;
    return tell({ state: "rolled back", why: error.message });
  }
}

/** One update at a time. @throws Failure `update.busy` */
function lock(installation: Installation): () => void {
  try {
    return lockFile(installation.lockFile);
  } catch (cause) {
    if (!isFailure(cause, "state.locked")) throw cause;
    throw updateFailure("update.busy", {
      message: "another process updates this installation now",
      hint: "wait for its end",
      cause,
      retry: "soon",
    });
  }
}

/** The validator as a unit of systemd, and its own word on how it is. */
function serviceOf(context: CommandContext, unit: string, directory: string): Service {
  const systemctl = systemctlOf(context, context.flags.user === "true");
  return {
    async restart() {
      await systemctl("restart", unit);
    },
    health: () => healthOf(directory),
  };
}

async function healthOf(directory: string): Promise<Health | undefined> {
  try {
    // Read as of another version, which it is.
    return healthSchema.safeParse(await readStatus(directory)).data;
  } catch (error) {
    // Nobody answers, or not as a validator does: judged as such.
    if (isFailure(error)) return undefined;
    throw error;
  }
}
