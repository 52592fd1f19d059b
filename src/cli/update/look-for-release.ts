import { isFailure, messageOf } from "../../base/error.ts";
import { BUILD, type BuildFacts } from "../../config/version.ts";
import { type FoundRelease, findRelease } from "../../update/artifact.ts";
import { NO_KEYS, updateFailure } from "../../update/failure.ts";
import { type Circumstances, type Decision, decide } from "../../update/gates.ts";
import type { Installation } from "../../update/installation.ts";
import { type Channel, channelPath, isVersion, releasePath } from "../../update/release.ts";
import { readTrusted, type TrustedFiles } from "../../update/trust.ts";
import { changeRecord, type Look, MAX_WHY, readRecord } from "../../update/update-record.ts";
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
  /** Whether the record tells of this look, and what was verified is kept: a mere question changes nothing. */
  isKept: boolean;
  unattended: Circumstances["unattended"];
}

/** What releases are checked with. @throws Failure `update.no-keys` in a build without */
export function requireKeys(): NonNullable<BuildFacts["update"]> {
  if (BUILD.update !== undefined) return BUILD.update;
  throw updateFailure("update.no-keys", {
    message: NO_KEYS,
    hint: "take an executable of a release; one that was built from source is updated by building it anew",
  });
}

/**
 * Asks the servers for a release, and decides whether this installation goes to it.
 * @throws Failure `update.*`, `deadline.aborted`
 */
export async function lookForRelease(context: CommandContext, wish: Wish, place: Place): Promise<Looked> {
  const { installation, isKept } = place;
  // Whoever names a version does not ask what is new.
  const noted = (found: Findings, changes: { channel?: Channel } = {}): void => {
    if (isKept)
      changeRecord(installation.recordFile, (record) => ({
        ...changes,
        ...(wish.version === undefined && { look: lookOf(found, place, record.look) }),
      }));
  };
  try {
    const { channel, ...looked } = await ask(context, wish, place);
    // The place in a roll-out is drawn once, so it is kept from the first look on.
    noted(findingsOf(looked), { channel });
    return looked;
  } catch (error) {
    if (isFailure(error) && error.code.startsWith("update."))
      noted({ state: "failed", reason: error.code, why: messageOf(error) });
    throw error;
  }
}

type Findings = Pick<Look, "state"> & Partial<Look>;

function findingsOf({ found, decision }: Looked): Findings {
  if (found === undefined || decision.kind === "up-to-date") return { state: "checked" };
  const { version: to, urgency } = found.release;
  if (decision.kind === "available") return { state: "available", to, urgency };
  return { state: "waiting", to, urgency, why: decision.why };
}

function lookOf(found: Findings, { current, unattended }: Place, before: Look | null): Look {
  const at = new Date().toISOString();
  const answeredAt = found.state === "failed" ? (before?.answeredAt ?? null) : at;
  const none = { to: null, urgency: null, reason: null };
  const why = found.why?.slice(0, MAX_WHY) ?? null;
  return { ...none, from: current, isUnattended: unattended !== undefined, ...found, why, at, answeredAt };
}

async function ask(
  { flags, signal }: CommandContext,
  wish: Wish,
  { installation, current, isKept, unattended }: Place,
): Promise<Looked & { channel: Channel }> {
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
    cacheDirectory: installation.trustedDirectory,
    isCacheKept: isKept,
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
  return { files, found, decision, channel };
}
