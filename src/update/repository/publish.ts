import type { KeyObject } from "node:crypto";
import {
  copyFileSync,
  createReadStream,
  createWriteStream,
  mkdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createZstdDecompress } from "node:zlib";
import type { TargetFile } from "@tufjs/models";
import { sha256OfFile } from "../../base/file-hash.ts";
import {
  CHANNELS,
  type Channel,
  channelPath,
  compareVersions,
  deltaPath,
  deltaSchema,
  type Release,
  releasePath,
  releaseSchema,
} from "../release.ts";
import { BOM_FILE, executableName, packedName, SUMS_FILE } from "./artifacts.ts";
import { minisign } from "./minisign.ts";
import type { UpdateRepository } from "./repository.ts";
import type { Signer } from "./signer.ts";

/** What all platforms of a release have in common. */
export type ReleaseFacts = Omit<Release, "target" | "unpackedBytes" | "unpackedSha256">;

export interface Publication {
  repository: UpdateRepository;
  channel: Channel;
  facts: ReleaseFacts;
  /** Folder with the files of artifacts.ts. */
  from: string;
  targets: readonly string[];
  /** Folder for what is made on the way. */
  work: string;
  releaseKey: { signer: Signer; privateKey: KeyObject };
  onlineKey: Signer;
}

/** Releases that a difference leads from; an installation that is further behind takes the whole file. */
const DELTAS = 3;

/**
 * Adds a release to a repository and shows it in a channel: packed files, differences from the last releases, metadata,
 * and beside them, for people, the files with SHA256SUMS and its signature. What was released before stays, but for
 * differences to what no channel shows any more.
 * @returns paths that were added
 */
export async function publish(publication: Publication): Promise<string[]> {
  const { repository, channel, facts, from, targets, work, releaseKey, onlineKey } = publication;
  mkdirSync(work, { recursive: true });
  const entries = new Map((repository.released()?.entries ?? []).map((entry) => [entry.path, entry]));
  const added: TargetFile[] = [];
  for (const target of targets) {
    const path = join(from, executableName(target));
    const unpacked = { unpackedBytes: statSync(path).size, unpackedSha256: await sha256OfFile(path) };
    const custom = { ...facts, target, ...unpacked };
    const file = join(from, packedName(target));
    added.push(repository.store(channelPath(channel, target), { file, custom }));
    added.push(repository.store(releasePath(facts.version, target), { file, custom }));
    const before = releasesBefore([...entries.values()], facts.version);
    for (const earlier of before.filter(({ release }) => release.target === target).slice(0, DELTAS)) {
      const old = await unpackStored(repository, earlier, join(work, "earlier"));
      const delta = join(work, "delta");
      packDifference(old, path, delta);
      const { version } = earlier.release;
      added.push(
        repository.store(deltaPath(version, facts.version, target), {
          file: delta,
          custom: { from: version, version: facts.version, ...unpacked },
        }),
      );
    }
  }
  for (const entry of added) entries.set(entry.path, entry);
  signTargets(repository, withoutOldDeltas([...entries.values()]), releaseKey.signer);
  forPeople(publication);
  redate(repository, onlineKey);
  return added.map(({ path }) => path);
}

/** Signs what is released once more, with the release key as it is now. @throws Error when nothing is */
export function resign(repository: UpdateRepository, releaseKey: Signer, onlineKey: Signer): void {
  signTargets(repository, requireReleased(repository).entries, releaseKey);
  redate(repository, onlineKey);
}

/** Signs anew what is released: all that the online key can do. @throws Error when nothing is */
export function redate(repository: UpdateRepository, onlineKey: Signer): void {
  const { signed } = requireReleased(repository);
  const version = (repository.newest("snapshot")?.version ?? 0) + 1;
  repository.timestamp(version, repository.snapshot(version, signed, [onlineKey]), [onlineKey]);
}

/** Offline metadata that ends within so many days, one sentence each. */
export function endingSoon(repository: UpdateRepository, days: number, nowMs = Date.now()): string[] {
  return (["root", "targets"] as const).flatMap((role) => {
    const newest = repository.newest(role);
    if (newest === undefined) return [];
    const { signed } = JSON.parse(newest.bytes.toString("utf8")) as { signed: { expires: string } };
    const left = (Date.parse(signed.expires) - nowMs) / 86_400_000;
    return left >= days ? [] : [`${role} ends on ${signed.expires}: its offline key has to sign it anew`];
  });
}

function requireReleased(repository: UpdateRepository) {
  const released = repository.released();
  if (released === undefined) throw new Error(`${repository.directory} has no release yet`);
  return released;
}

function signTargets(repository: UpdateRepository, entries: readonly TargetFile[], releaseKey: Signer): void {
  repository.targets((repository.newest("targets")?.version ?? 0) + 1, entries, [releaseKey]);
}

interface Earlier {
  entry: TargetFile;
  release: Release;
}

/** The releases before a version, the newest first, each once for a platform. */
function releasesBefore(entries: readonly TargetFile[], before: string): Earlier[] {
  return entries
    .flatMap((entry) => {
      const release = releaseSchema.safeParse(entry.custom);
      return release.success && entry.path === releasePath(release.data.version, release.data.target)
        ? [{ entry, release: release.data }]
        : [];
    })
    .filter(({ release }) => compareVersions(release.version, before) < 0)
    .sort((a, b) => compareVersions(b.release.version, a.release.version));
}

/**
 * The oldest version that reads what a release leaves behind: a program refuses a state database of a later form than its
 * own, so it is the first of the releases that write the same form.
 */
export function oldestReader(
  repository: UpdateRepository,
  { version, stateVersion }: { version: string; stateVersion: number },
): string {
  const before = releasesBefore(repository.released()?.entries ?? [], version);
  const other = before.findIndex(({ release }) => release.stateVersion !== stateVersion);
  if (other === -1) return "0.0.0";
  return before[other - 1]?.release.version ?? version;
}

/** The executable of an earlier release, as installations have it. @throws Error when it is not what was signed */
async function unpackStored(
  repository: UpdateRepository,
  { entry, release }: Earlier,
  to: string,
): Promise<string> {
  await pipeline(createReadStream(repository.stored(entry)), createZstdDecompress(), createWriteStream(to));
  if ((await sha256OfFile(to)) !== release.unpackedSha256)
    throw new Error(`${repository.stored(entry)} is not what was signed as ${entry.path}`);
  return to;
}

/** The `zstd` program: the library's own dictionaries find nothing over such distances. */
function packDifference(from: string, to: string, out: string): void {
  const command = ["zstd", "-q", "-f", "-3", "--long=28", `--patch-from=${from}`, to, "-o", out];
  const { exitCode, stderr } = Bun.spawnSync(command, { stderr: "pipe" });
  if (exitCode !== 0)
    throw new Error(`zstd could not make a difference (${exitCode}): ${stderr.toString().trim()}`);
}

/** Who asks a channel goes to what it shows; the list of what is signed stays short. */
function withoutOldDeltas(entries: readonly TargetFile[]): TargetFile[] {
  const isChannel = (path: string) => CHANNELS.some((channel) => path.startsWith(`${channel}/`));
  const shown = new Set(
    entries.filter(({ path }) => isChannel(path)).map(({ custom }) => custom.unpackedSha256),
  );
  return entries.filter(({ custom }) => {
    const delta = deltaSchema.safeParse(custom);
    return !delta.success || shown.has(delta.data.unpackedSha256);
  });
}

/** The names stay the same from release to release; the folder tells the version. */
function forPeople({ repository, facts, from, targets, releaseKey }: Publication): void {
  const folder = join(repository.directory, "releases", facts.version);
  mkdirSync(folder, { recursive: true });
  for (const name of [...targets.map(packedName), BOM_FILE, SUMS_FILE])
    copyFileSync(join(from, name), join(folder, name));
  const comment = `openvalidator ${facts.version} ${facts.commit}`;
  const signature = minisign(readFileSync(join(folder, SUMS_FILE)), comment, releaseKey.privateKey);
  writeFileSync(join(folder, `${SUMS_FILE}.minisig`), signature);
}
