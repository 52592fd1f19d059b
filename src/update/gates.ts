import { createHash } from "node:crypto";
import { compareVersions, isPatch, type Release } from "./release.ts";

/** What the decision about a release depends on beside the release itself. */
export interface Circumstances {
  /** Version that runs now. */
  current: string;
  /** Versions that failed on this machine. */
  bad: readonly string[];
  /** Of this installation: its place in a roll-out. */
  installId: string;
  nowMs: number;
  /** The operator named this version or asked for it at once: the roll-out does not hold it back. */
  isAskedFor: boolean;
  /** The operator wants an older one. */
  allowsDowngrade: boolean;
  /** The oldest version whose program reads what the current one leaves behind; null when its release never told. */
  rollbackTo: string | null;
  /** Nobody watches: what failed here is not tried again, and `patch` takes no more than corrections. */
  unattended?: "patch" | "on" | undefined;
}

export type Decision =
  | { kind: "up-to-date" }
  /** `isRevoked`: the version that runs now is to be left in any case. */
  | { kind: "available"; isRevoked: boolean }
  /** Its time has not come here; `untilMs` when it will, null when only a person changes that. */
  | { kind: "waits"; untilMs: number | null; why: string }
  /** Not from this version, or not this version at all. */
  | { kind: "refused"; why: string; hint: string };

const HOUR_MS = 3_600_000;

/** Whether this installation goes to a release; the release is known to be ours. Pure. */
export function decide(release: Release, circumstances: Circumstances): Decision {
  const { current, bad, allowsDowngrade, rollbackTo, unattended } = circumstances;
  const { version } = release;
  const order = compareVersions(version, current);
  if (order === 0 || (order < 0 && !allowsDowngrade)) return { kind: "up-to-date" };
  if (release.revoked.includes(version))
    return { kind: "refused", why: `${version} was revoked`, hint: "wait for the next release" };
  if (order < 0 && rollbackTo !== null && compareVersions(version, rollbackTo) < 0)
    return {
      kind: "refused",
      why: `${version} cannot read what ${current} leaves behind`,
      hint: `${rollbackTo} is the oldest version that can`,
    };
  if (order > 0 && compareVersions(current, release.minVersion) < 0)
    return {
      kind: "refused",
      why: `${version} takes over from ${release.minVersion} and later, and this is ${current}`,
      hint: `go to ${release.minVersion} first: openvalidator self-update --version ${release.minVersion}`,
    };
  const isRevoked = release.revoked.includes(current);
  if (circumstances.isAskedFor) return { kind: "available", isRevoked };
  if (bad.includes(version))
    return {
      kind: "waits",
      untilMs: null,
      why: `${version} failed on this machine; only --now tries it again`,
    };
  if (unattended === "patch" && !isPatch(current, version) && !isRevoked)
    return { kind: "waits", untilMs: null, why: `${version} is more than a correction of ${current}` };
  if (release.urgency === "high" || isRevoked) return { kind: "available", isRevoked };
  return rolloutDecision(release, circumstances);
}

/** The hundredth of all installations, 0 to below 100, in which this one is for a version; another for each version. */
export function rolloutPlace(installId: string, version: string): number {
  const digest = createHash("sha256").update(`${installId}\n${version}`).digest();
  return (digest.readUInt32BE(0) / 2 ** 32) * 100;
}

function rolloutDecision(release: Release, { installId, nowMs }: Circumstances): Decision {
  const place = rolloutPlace(installId, release.version);
  if (release.rollout.length === 0) return { kind: "available", isRevoked: false };
  const issuedMs = Date.parse(release.issued);
  const stages = release.rollout.filter(({ percent }) => place < percent);
  if (stages.length === 0)
    return { kind: "waits", untilMs: null, why: `the roll-out of ${release.version} stops before this one` };
  const untilMs = issuedMs + Math.min(...stages.map(({ afterHours }) => afterHours)) * HOUR_MS;
  if (nowMs >= untilMs) return { kind: "available", isRevoked: false };
  return {
    kind: "waits",
    untilMs,
    why: `${release.version} is rolled out in stages; this one's turn comes at ${new Date(untilMs).toISOString()}`,
  };
}
