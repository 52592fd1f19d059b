import type { KeyObject } from "node:crypto";
import { createReadStream, createWriteStream, mkdirSync, statSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { constants, createZstdCompress } from "node:zlib";
import type { TargetFile } from "@tufjs/models";
import { sha256OfFile } from "../../base/file-hash.ts";
import { type Channel, channelPath, deltaPath, type Release, releasePath } from "../release.ts";
import { minisign } from "./minisign.ts";
import type { UpdateRepository } from "./repository.ts";
import type { Signer } from "./signer.ts";

/** What all platforms of a release have in common. */
export type ReleaseFacts = Omit<Release, "target" | "unpackedBytes" | "unpackedSha256">;

export interface Publication {
  repository: UpdateRepository;
  channel: Channel;
  facts: ReleaseFacts;
  /** Executables by platform. */
  binaries: Readonly<Record<string, string>>;
  /** Executables of earlier releases by version, for differences to them; of the platform that stands in their path's place. */
  earlier: readonly { version: string; target: string; path: string }[];
  /** Folder for what is packed. */
  work: string;
  releaseKey: { signer: Signer; privateKey: KeyObject };
  onlineKey: Signer;
}

/** Level 19 saves a tenth more for minutes of each release. */
const LEVEL = 12;

/**
 * Adds a release to a repository and shows it in a channel: packed files, differences, metadata, and beside them
 * SHA256SUMS with a signature for people. What was released before stays.
 * @returns paths that were added
 */
export async function publish(publication: Publication): Promise<string[]> {
  const { repository, channel, facts, binaries, earlier, work, releaseKey, onlineKey } = publication;
  mkdirSync(work, { recursive: true });
  const entries = new Map((repository.released()?.entries ?? []).map((entry) => [entry.path, entry]));
  const added: TargetFile[] = [];
  const sums: string[] = [];
  for (const [target, path] of Object.entries(binaries)) {
    const unpacked = { unpackedBytes: statSync(path).size, unpackedSha256: await sha256OfFile(path) };
    const file = join(work, `openvalidator-${facts.version}-${target}.zst`);
    await pack(path, file);
    sums.push(
      `${unpacked.unpackedSha256}  openvalidator-${target}`,
      `${await sha256OfFile(file)}  ${basename(file)}`,
    );
    const custom = { ...facts, target, ...unpacked };
    added.push(repository.store(channelPath(channel, target), { file, custom }));
    added.push(repository.store(releasePath(facts.version, target), { file, custom }));
    for (const old of earlier.filter((one) => one.target === target)) {
      const delta = join(work, `openvalidator-${old.version}-${facts.version}-${target}.delta`);
      await packDifference(old.path, path, delta);
      const from = { from: old.version, version: facts.version, ...unpacked };
      added.push(
        repository.store(deltaPath(old.version, facts.version, target), { file: delta, custom: from }),
      );
    }
  }
  for (const entry of added) entries.set(entry.path, entry);
  const version = (repository.newest("targets")?.version ?? 0) + 1;
  repository.targets(version, [...entries.values()], [releaseKey.signer]);
  redate(repository, onlineKey);
  const text = `${sums.join("\n")}\n`;
  const folder = join(repository.directory, "releases", facts.version);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "SHA256SUMS"), text);
  const comment = `openvalidator ${facts.version} ${facts.commit}`;
  writeFileSync(
    join(folder, "SHA256SUMS.minisig"),
    minisign(Buffer.from(text), comment, releaseKey.privateKey),
  );
  return added.map(({ path }) => path);
}

/** Signs anew what is released: all that the online key can do. @throws Error when nothing is */
export function redate(repository: UpdateRepository, onlineKey: Signer): void {
  const released = repository.released();
  if (released === undefined) throw new Error(`${repository.directory} has no release yet`);
  const version = (repository.newest("snapshot")?.version ?? 0) + 1;
  repository.timestamp(version, repository.snapshot(version, released.signed, [onlineKey]), [onlineKey]);
}

/** Offline metadata that ends within so many days, one sentence each. */
export function endingSoon(repository: UpdateRepository, days: number, nowMs = Date.now()): string[] {
  return (["root", "targets"] as const).flatMap((role) => {
    const newest = repository.newest(role);
    const { expires } = (
      JSON.parse(newest?.bytes.toString("utf8") ?? "{}") as { signed?: { expires: string } }
    ).signed ?? {
      expires: "1970-01-01T00:00:00Z",
    };
    const left = (Date.parse(expires) - nowMs) / 86_400_000;
    return left >= days ? [] : [`${role} ends on ${expires}: its offline key has to sign it anew`];
  });
}

async function pack(from: string, to: string): Promise<void> {
  const compress = createZstdCompress({ params: { [constants.ZSTD_c_compressionLevel]: LEVEL } });
  await pipeline(createReadStream(from), compress, createWriteStream(to));
}

/** The `zstd` program: the library's own dictionaries find nothing over such distances. */
async function packDifference(from: string, to: string, out: string): Promise<void> {
  const command = ["zstd", "-q", "-f", "-3", "--long=28", `--patch-from=${from}`, to, "-o", out];
  const { exitCode, stderr } = Bun.spawnSync(command, { stderr: "pipe" });
  if (exitCode !== 0)
    throw new Error(`zstd could not make a difference (${exitCode}): ${stderr.toString().trim()}`);
}
