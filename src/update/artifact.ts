import { createHash } from "node:crypto";
import { createReadStream, createWriteStream, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { posix } from "node:path";
import { pipeline } from "node:stream/promises";
import { constants, createZstdDecompress } from "node:zlib";
import { isFailure, messageOf } from "../base/error.ts";
import { sha256OfFile } from "../base/file-hash.ts";
import { log } from "../base/log.ts";
import { resumeDownload } from "../net/download.ts";
import type { HttpAccess } from "../net/http.ts";
import { updateFailure } from "./failure.ts";
import { type Delta, deltaPath, deltaSchema, type Release, releaseSchema } from "./release.ts";
import type { TrustedFiles, TrustedTarget } from "./trust.ts";

export interface FoundRelease {
  target: TrustedTarget;
  release: Release;
}

/** The release at a path. @throws Failure `update.untrusted` when it says nothing of itself that can be read */
export async function findRelease(files: TrustedFiles, path: string): Promise<FoundRelease | undefined> {
  const target = await files.find(path);
  if (target === undefined) return undefined;
  const release = releaseSchema.safeParse(target.custom);
  if (!release.success)
    throw updateFailure("update.untrusted", {
      message: `the release at ${path} is signed, but its description cannot be read: ${release.error.issues[0]?.path.join(".")}`,
      hint: "it may be for a later program: get the newest executable by hand",
    });
  return { target, release: release.data };
}

export interface ArtifactWish {
  /** Where the executable goes; beside it lie the parts on the way. Its folder exists. */
  to: string;
  /** What runs now: the difference to it is enough, where there is one. */
  running?: { version: string; path: string } | undefined;
  access?: HttpAccess;
  /** Bytes of all that are to come. */
  onProgress?: (bytes: number, ofBytes: number) => void;
}

/** How a release arrived. */
export interface Arrival {
  form: "delta" | "full";
  downloadedBytes: number;
}

/**
 * Fetches the executable of a release, or goes on fetching it, and puts it in place when its bytes are what was signed:
 * mode 0755, on the disk, whole or not at all. A difference that does not lead there is passed over.
 * @throws Failure `update.unreachable`, `update.untrusted`, `update.local`, `deadline.aborted`
 */
export async function fetchArtifact(
  files: TrustedFiles,
  { target, release }: FoundRelease,
  wish: ArtifactWish,
): Promise<Arrival> {
  const delta = wish.running && (await findDelta(files, release, wish.running.version));
  if (delta !== undefined && wish.running !== undefined) {
    try {
      await arrive(files, delta.target, delta.facts, wish, readFileSync(wish.running.path));
      return { form: "delta", downloadedBytes: delta.target.sizeBytes };
    } catch (error) {
      if (isFailure(error, "deadline.aborted") || isFailure(error, "update.local")) throw error;
      // The executable here is not the released one, or the difference is damaged: the whole file is always right.
      log.debug("The difference between two releases was of no use", { reason: messageOf(error) });
    }
  }
  await arrive(files, target, release, wish);
  return { form: "full", downloadedBytes: target.sizeBytes };
}

async function findDelta(
  files: TrustedFiles,
  { version, target: platform, unpackedSha256 }: Release,
  from: string,
): Promise<{ target: TrustedTarget; facts: Delta } | undefined> {
  const target = await files.find(deltaPath(from, version, platform));
  const facts = deltaSchema.safeParse(target?.custom);
  const isWanted = facts.success && facts.data.from === from && facts.data.unpackedSha256 === unpackedSha256;
  return target !== undefined && isWanted ? { target, facts: facts.data } : undefined;
}

async function arrive(
  files: TrustedFiles,
  target: TrustedTarget,
  facts: Pick<Release, "unpackedBytes" | "unpackedSha256">,
  wish: ArtifactWish,
  dictionary?: Buffer,
): Promise<void> {
  const part = `${wish.to}.${target.sha256}.part`;
  const { dir, base } = posix.parse(target.path);
  const wanted = {
    // Consistent snapshots of TUF: the hash stands in the name, so that a server never mixes two releases.
    url: `${files.url}/targets/${dir}/${target.sha256}.${base}`,
    name: target.path,
    sizeBytes: target.sizeBytes,
  };
  try {
    await resumeDownload(wish.access ?? {}, wanted, part, (bytes) =>
      wish.onProgress?.(bytes, target.sizeBytes),
    );
    if ((await sha256OfFile(part)) !== target.sha256) {
      rmSync(part, { force: true });
      throw updateFailure("update.untrusted", {
        message: `${target.path} is not what was signed`,
        hint: "try again, or another server; nothing was changed",
      });
    }
    await unpack(part, facts, wish.to, dictionary);
    rmSync(part, { force: true });
  } catch (error) {
    throw explainArrival(error);
  }
}

/** A window over all of the old executable; without it zstd refuses what was packed with a long one. */
const WINDOW_LOG_MAX = 28;

async function unpack(
  packed: string,
  { unpackedBytes, unpackedSha256 }: Pick<Release, "unpackedBytes" | "unpackedSha256">,
  to: string,
  dictionary: Buffer | undefined,
): Promise<void> {
  const hash = createHash("sha256");
  async function* bounded(input: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    let room = unpackedBytes;
    for await (const chunk of input) {
      room -= chunk.length;
      if (room < 0) throw notSigned("it unpacks to more than was signed");
      hash.update(chunk);
      yield chunk;
    }
  }
  const unverified = `${to}.unverified`;
  try {
    const decompress = createZstdDecompress({
      ...(dictionary && { dictionary }),
      params: { [constants.ZSTD_d_windowLogMax]: WINDOW_LOG_MAX },
    });
    const out = createWriteStream(unverified, { mode: 0o755, flush: true });
    await pipeline(createReadStream(packed), decompress, bounded, out);
    if (hash.digest("hex") !== unpackedSha256 || statSync(unverified).size !== unpackedBytes)
      throw notSigned("it unpacks to something else than was signed");
    renameSync(unverified, to);
  } finally {
    rmSync(unverified, { force: true });
  }
}

function notSigned(message: string) {
  return updateFailure("update.untrusted", { message, hint: "nothing was changed; tell the project" });
}

function explainArrival(error: unknown) {
  if (isFailure(error, "net.unreachable"))
    return updateFailure("update.unreachable", {
      message: `the release cannot be downloaded: ${error.message}`,
      hint: "the next attempt goes on where this one stopped",
      cause: error,
      retry: "soon",
    });
  if (isFailure(error, "net.refused"))
    return updateFailure("update.untrusted", { message: error.message, cause: error });
  if (isFailure(error)) return error;
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (code.startsWith("ZSTD_") || code === "ERR_ZSTD_INVALID" || /zstd|decompress/i.test(messageOf(error)))
    return notSigned(`it cannot be unpacked: ${messageOf(error)}`);
  return updateFailure("update.local", {
    message: `the release cannot be put on this disk: ${messageOf(error)}`,
    hint: "make room, or give this user the right to that folder",
    cause: error,
  });
}
