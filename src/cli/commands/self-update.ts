import { isFailure } from "../../base/error.ts";
import { lockFile } from "../../base/lock.ts";
import { printable } from "../../base/text.ts";
import { loadConfiguration } from "../../config/load.ts";
import { JOURNAL_OPTIONS } from "../../config/options.ts";
import { stateDirectory } from "../../config/paths.ts";
import { UPDATE_OPTIONS } from "../../config/update-options.ts";
import { BUILD, isCompiled, VERSION } from "../../config/version.ts";
import { readStatus } from "../../telemetry/status-socket.ts";
import { type Service, Updater } from "../../update/apply.ts";
import { type FoundRelease, findRelease } from "../../update/artifact.ts";
import { type Health, healthSchema } from "../../update/confirm.ts";
import { updateFailure } from "../../update/failure.ts";
import { type Decision, decide } from "../../update/gates.ts";
import { type Installation, LoneFile } from "../../update/installation.ts";
import { type Channel, channelPath, isVersion, releasePath } from "../../update/release.ts";
import { readTrusted, type TrustedFiles } from "../../update/trust.ts";
import { readRecord, writeRecord } from "../../update/update-record.ts";
import { findInstallation } from "../../update/whereabouts.ts";
import { type CommandContext, sourcesOf } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { showProgress } from "../progress.ts";
import { systemctlOf } from "../service/systemctl.ts";

/** How long one process watches a new release; the next one goes on. */
const WATCH_MS = 40 * 60_000;

/** Goes to a newer release, looks for one, or goes back. */
export async function selfUpdate(context: CommandContext): Promise<number> {
  const { flags, signal } = context;
  const { settings } = loadConfiguration({ ...UPDATE_OPTIONS, ...JOURNAL_OPTIONS }, sourcesOf(context));
  const is = (name: string): boolean => flags[name] === "true";
  const changesNothing = is("check") || is("dry-run");
  const installation = findInstallation({
    executable: process.execPath,
    isCompiled,
    mayBeContainer: is("in-container"),
  });
  // What is in place: the program that updates may be an older one.
  const current = installation.currentVersion() ?? VERSION;
  const tell = teller(context);
  const service =
    settings.restart === undefined
      ? undefined
      : serviceOf(context, settings.restart, stateDirectory(settings));
  const updater = new Updater(installation, { ...(service && { service }), signal });
  if (!changesNothing) installation.requireWritable();
  const unlock = changesNothing ? undefined : lock(installation);
  try {
    if (is("rollback")) {
      if (is("if-unconfirmed") && updater.record.pending === null)
        return tell({ state: "nothing to roll back" });
      return await rollBack(updater, tell);
    }
    const waitsFor = changesNothing ? undefined : await updater.settle(0);
    if (waitsFor !== undefined) return tell({ state: "waiting", why: waitsFor }, EXIT.tryLater);
    const { files, found, decision } = await look(context, settings, {
      installation,
      current,
      changesNothing,
    });
    if (found === undefined || decision.kind === "up-to-date")
      return tell({
        state: "up to date",
        version: current,
        channel: readRecord(installation.recordFile).channel,
      });
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
        EXIT.updateAvailable,
      );
    const progress = showProgress(process.stderr);
    if (installation instanceof LoneFile) installation.adopt(VERSION);
    await updater
      .install(files, found, current, {
        waits: !is("now"),
        onProgress: (bytes, ofBytes) => progress.onProgress(`openvalidator ${version}`, bytes, ofBytes),
      })
      .finally(() => progress.end());
    const open = await updater.settle(WATCH_MS);
    if (service === undefined) return tell({ state: "installed", version, why: "the next start runs it" });
    return tell(
      open === undefined ? { state: "confirmed", version } : { state: "waiting", version, why: open },
    );
  } finally {
    unlock?.();
  }
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

interface Looked {
  files: TrustedFiles;
  found: FoundRelease | undefined;
  decision: Decision;
}

interface Place {
  installation: Installation;
  /** Version that is in place. */
  current: string;
  changesNothing: boolean;
}

interface Wish {
  channel: Channel | undefined;
  version: string | undefined;
  updateUrl: readonly string[] | undefined;
}

async function look(
  { flags, signal }: CommandContext,
  wish: Wish,
  { installation, current, changesNothing }: Place,
): Promise<Looked> {
  const { update, builtAt, target } = BUILD;
  if (update === undefined)
    throw updateFailure("update.no-keys", {
      message: "this program was built without the keys that releases are signed with",
      hint: "take an executable of a release; one that was built from source is updated by building it anew",
    });
  if (wish.version !== undefined && !isVersion(wish.version))
    throw updateFailure("update.no-release", {
      message: `${wish.version.slice(0, 80)} is no version`,
      hint: "versions are like 1.2.3",
    });
  const record = readRecord(installation.recordFile);
  const channel = wish.channel ?? record.channel;
  const files = await readTrusted({
    urls: wish.updateUrl ?? update.urls,
    root: update.root,
    cacheDirectory: installation.trustedDirectory,
    builtAtMs: Date.parse(builtAt),
    access: { signal },
  });
  const path = wish.version === undefined ? channelPath(channel, target) : releasePath(wish.version, target);
  const found = await findRelease(files, path);
  if (found === undefined && wish.version !== undefined)
    throw updateFailure("update.no-release", {
      message: `there is no release ${wish.version} for ${target}`,
      hint: "self-update without --version goes to the newest of the channel",
    });
  // The place in a roll-out is drawn once, so it is kept from the first look on.
  if (!changesNothing) writeRecord(installation.recordFile, { ...record, channel });
  const decision: Decision =
    found === undefined
      ? { kind: "up-to-date" }
      : decide(found.release, {
          current,
          bad: record.bad.map(({ version }) => version),
          installId: record.installId,
          nowMs: Date.now(),
          isAskedFor: flags.now === "true" || wish.version !== undefined,
          allowsDowngrade: flags["allow-downgrade"] === "true",
          rollbackTo: record.rollbackTo,
          unattended: flags.unattended === "true" ? "on" : undefined,
        });
  return { files, found, decision };
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
