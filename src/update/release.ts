import { z } from "zod";

/** Longer ones are refused: texts of a release are shown to people. */
const MAX_TEXT = 500;
/** No release is larger, unpacked: a limit for what is written to disk before anything else is known. */
const MAX_UNPACKED_BYTES = 1 << 30;

/** Between dots of a pre-release: a number without leading zeros, or letters, digits and hyphens with more than digits. */
const PART = "(?:0|[1-9]\\d{0,8}|\\d*[A-Za-z-][0-9A-Za-z-]*)";
/** semver.org without build metadata; `Bun.semver` would take anything for a version. */
const VERSION = new RegExp(
  `^(0|[1-9]\\d{0,5})\\.(0|[1-9]\\d{0,5})\\.(0|[1-9]\\d{0,5})(?:-(${PART}(?:\\.${PART})*))?$`,
);
export const CHANNELS = ["stable", "candidate", "nightly"] as const;
export type Channel = (typeof CHANNELS)[number];

export function isVersion(text: string): boolean {
  return text.length <= 64 && VERSION.test(text);
}

/** Negative, 0 or positive as `a` is before, equal to or after `b`; both must be versions. */
export function compareVersions(a: string, b: string): number {
  return Bun.semver.order(a, b);
}

/** Whether only the last number grows. */
export function isPatch(from: string, to: string): boolean {
  const [, fromMajor, fromMinor] = VERSION.exec(from) ?? [];
  const [, toMajor, toMinor] = VERSION.exec(to) ?? [];
  return fromMajor !== undefined && fromMajor === toMajor && fromMinor === toMinor;
}

const version = z.string().refine(isVersion, "no version");
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** What an artifact is, unpacked. */
const unpacked = {
  unpackedBytes: z.int().positive().max(MAX_UNPACKED_BYTES),
  unpackedSha256: sha256,
};

/** What a release says of itself: the signed `custom` field of its target. Fields of later programs are passed over. */
export const releaseSchema = z.object({
  version,
  /** Git commit it was built from. */
  commit: z.string().min(1).max(60),
  /** Platform of the executable: `linux-x64`, … */
  target: z.string().max(40),
  /** high: security or money, skips the roll-out · medium · low: may wait for a quiet hour. */
  urgency: z.enum(["low", "medium", "high"]),
  /** Programs before this one have to go to it, or a version after it, first. */
  minVersion: version,
  /** The oldest version whose program reads what this one leaves behind. */
  rollbackTo: version,
  /** Of the state database that this release writes. */
  stateVersion: z.int().positive(),
  /** ISO 8601, when it was signed: the roll-out counts from here. */
  issued: z.iso.datetime(),
  /** Address of the release notes. */
  notes: z
    .url({ protocol: /^https$/ })
    .max(MAX_TEXT)
    .nullable(),
  /** From so many hours after `issued`, so many of a hundred installations may take it; rising. Empty = all at once. */
  rollout: z.array(z.object({ afterHours: z.number().min(0), percent: z.number().min(0).max(100) })).max(20),
  /** Versions that nobody shall go to, nor stay on. */
  revoked: z.array(version).max(200),
  ...unpacked,
});
export type Release = z.infer<typeof releaseSchema>;

/** What a difference from one release to another says of itself. */
export const deltaSchema = z.object({ from: version, version, ...unpacked });
export type Delta = z.infer<typeof deltaSchema>;

/** Where a channel shows its release for a platform. */
export function channelPath(channel: Channel, target: string): string {
  return `${channel}/${target}`;
}

/** Where a release stays, whatever the channels show. */
export function releasePath(version: string, target: string): string {
  return `releases/${version}/${target}`;
}

/** Where the difference between two releases lies. */
export function deltaPath(from: string, version: string, target: string): string {
  return `${releasePath(version, target)}.from-${from}`;
}
