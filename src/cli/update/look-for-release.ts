import { join } from "node:path";
import { isFailure } from "../../base/error.ts";
import { expandPath } from "../../config/paths.ts";
import { BUILD, type BuildFacts } from "../../config/version.ts";
import { type FoundRelease, findRelease } from "../../update/artifact.ts";
import { updateFailure } from "../../update/failure.ts";
import { type Circumstances, type Decision, decide } from "../../update/gates.ts";
import type { Installation } from "../../update/installation.ts";
import { type Channel, channelPath, isVersion, releasePath } from "../../update/release.ts";
import { readTrusted, type TrustedFiles } from "../../update/trust.ts";
import { readRecord, writeRecord } from "../../update/update-record.ts";
import type { CommandContext } from "../command.ts";

export interface Looked {
  files: TrustedFiles;
  found: FoundRelease | undefined;
  decision: Decision;
}

/** Which release is wanted. */
export interface Wish {
  channel: Channel | undefined;
  version: string | undefined;
  updateUrl: readonly string[] | undefined;
}

/** Who looks. */
interface Place {
  installation: Installation;
  /** Version that is in place. */
  current: string;
  changesNothing: boolean;
  unattended: Circumstances["unattended"];
}

/** What releases are checked with. @throws Failure `update.no-keys` in a build without */
export function requireKeys(): NonNullable<BuildFacts["update"]> {
  if (BUILD.update !== undefined) return BUILD.update;
  throw updateFailure("update.no-keys", {
    message: "this program was built without the keys that releases are signed with",
    hint: "take an executable of a release; one that was built from source is updated by building it anew",
  });
}

/**
 * Asks the servers for a release, and decides whether this installation goes to it.
 * @throws Failure `update.*`, `deadline.aborted`
 */
export async function lookForRelease(
  { flags, signal, environment }: CommandContext,
  wish: Wish,
  { installation, current, changesNothing, unattended }: Place,
): Promise<Looked> {
  const { builtAt, target } = BUILD;
  const update = requireKeys();
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
    cacheDirectory: changesNothing ? cacheOf(installation, environment) : installation.trustedDirectory,
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
          unattended,
        });
  return { files, found, decision };
}

/** Who may not write beside the program, and only looks, keeps what was verified in his own folder. */
function cacheOf(installation: Installation, environment: CommandContext["environment"]): string {
  try {
    installation.requireWritable();
    return installation.trustedDirectory;
  } catch (error) {
    if (!isFailure(error, "update.no-permission")) throw error;
    return join(expandPath(environment.XDG_CACHE_HOME || "~/.cache"), "openvalidator/trusted");
  }
}
