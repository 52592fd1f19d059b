import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Fetcher, type TargetFile, Updater } from "tuf-js";
// The package does not export these, and a fetcher has to throw DownloadHTTPError to say "no newer root".
import { BadVersionError, DownloadHTTPError, ExpiredMetadataError } from "tuf-js/dist/error";
import { z } from "zod";
import { Failure, isFailure, messageOf } from "../base/error.ts";
import { NetFailure } from "../net/failure.ts";
import type { HttpAccess } from "../net/http.ts";
import { fetchBytes } from "../net/whole.ts";
import { updateFailure } from "./failure.ts";

/** Where releases come from, and what tells whether they are ours. */
export interface UpdateSource {
  /** Servers with the same files, by preference; without a slash at the end. Any mirror will do: signatures decide. */
  urls: readonly string[];
  /** The root that this program was built with, JSON text. */
  root: string;
  /** Folder for what was verified before; without it an old copy of the files would pass for the newest. */
  cacheDirectory: string;
  /** false = the folder is read and stays as it is, or is not made. */
  isCacheKept?: boolean;
  /** When this program was built: to a clock before that any expired file is fresh. */
  builtAtMs: number;
  access?: HttpAccess;
}

/** A file that our keys vouch for. */
export interface TrustedTarget {
  path: string;
  sizeBytes: number;
  /** Hex. */
  sha256: string;
  /** The signed `custom` field, unread. */
  custom: unknown;
}

export interface TrustedFiles {
  /** The server they were found on. */
  url: string;
  /** When it ends that they are trusted, by the file that ends first; milliseconds since 1970. */
  expiry: Expiry;
  /** Only for paths that the program itself makes. */
  find(path: string): Promise<TrustedTarget | undefined>;
}

export interface Expiry {
  /** `root`, `targets`, `snapshot` or `timestamp`. */
  file: string;
  atMs: number;
}

const signedSchema = z.object({ signed: z.object({ expires: z.iso.datetime() }) });

/** Of the files in a folder of verified ones, the one that ends first; undefined where there is none that can be read. */
export function expiryIn(folder: string): Expiry | undefined {
  let first: Expiry | undefined;
  for (const file of ["root", "targets", "snapshot", "timestamp"]) {
    const path = join(folder, `${file}.json`);
    if (!existsSync(path)) continue;
    const told = signedSchema.safeParse(parsed(readFileSync(path, "utf8"))).data;
    const atMs = told && Date.parse(told.signed.expires);
    if (atMs !== undefined && atMs < (first?.atMs ?? Number.POSITIVE_INFINITY)) first = { file, atMs };
  }
  return first;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // half of one; a look replaces it
  }
}

/**
 * Asks the servers in turn what our keys vouch for now, by The Update Framework 1.0 (https://theupdateframework.github.io).
 * @throws Failure `update.untrusted`, `update.stale`, `update.older`, `update.unreachable`, `update.local`,
 * `deadline.aborted`; of several servers the failure of the first
 */
export async function readTrusted(source: UpdateSource): Promise<TrustedFiles> {
  if (Date.now() < source.builtAtMs)
    throw updateFailure("update.stale", {
      message: `this machine's clock shows ${new Date().toISOString()}, which is before this program was built`,
      hint: "set the clock; without it an old release could pass for a new one",
    });
  let first: unknown;
  for (const url of source.urls) {
    try {
      return await readFrom(source, url);
    } catch (error) {
      if (isFailure(error, "deadline.aborted") || isFailure(error, "update.local")) throw error;
      first ??= error;
    }
  }
  throw first ?? noServer();
}

function noServer(): Failure {
  return updateFailure("update.no-keys", {
    message: "this program knows no update server",
    hint: "set OPENVALIDATOR_UPDATE_URL to one, or use a released executable",
  });
}

async function readFrom(source: UpdateSource, url: string): Promise<TrustedFiles> {
  const { cacheDirectory: cache, isCacheKept = true, root, access = {} } = source;
  const fetcher = new MetadataFetcher(access);
  let work: string | undefined;
  let expiry: Expiry | undefined;
  try {
    if (isCacheKept) mkdirSync(cache, { recursive: true, mode: 0o700 });
    // tuf-js writes its files in place; a half written one must never be what the next start reads.
    work = mkdtempSync(isCacheKept ? join(cache, ".work-") : join(tmpdir(), "openvalidator-look-"));
    const cached = (existsSync(cache) ? readdirSync(cache) : []).filter((file) => file.endsWith(".json"));
    for (const file of cached) copyFileSync(join(cache, file), join(work, file));
    writeFileSync(join(work, "root.json"), newestRoot(join(work, "root.json"), root));
    const updater = new Updater({ metadataDir: work, metadataBaseUrl: `${url}/metadata`, fetcher });
    try {
      await updater.refresh();
      expiry = expiryIn(work);
    } finally {
      // Also after a refusal: a newer root and timestamp were verified, and to forget them would allow older ones.
      if (isCacheKept) for (const file of readdirSync(work)) renameSync(join(work, file), join(cache, file));
    }
    // What was just verified is there.
    return { url, expiry: expiry!, find: async (path) => trustedTarget(await updater.getTargetInfo(path)) };
  } catch (error) {
    throw explain(error, fetcher.problem, url);
  } finally {
    if (work !== undefined) rmSync(work, { recursive: true, force: true });
  }
}

function trustedTarget(target: TargetFile | undefined): TrustedTarget | undefined {
  if (target === undefined) return undefined;
  const { sha256 } = target.hashes;
  if (sha256 === undefined || !/^[0-9a-f]{64}$/.test(sha256))
    throw updateFailure("update.untrusted", { message: `${target.path} is signed without a SHA-256` });
  return { path: target.path, sizeBytes: target.length, sha256, custom: target.custom };
}

/** What was verified before, unless it is damaged or older than what this program was built with. */
function newestRoot(cached: string, embedded: string): string {
  try {
    const text = readFileSync(cached, "utf8");
    if (versionOf(text) >= versionOf(embedded)) return text;
  } catch {
    // None yet, or damaged: the embedded one is always right.
  }
  return embedded;
}

function versionOf(root: string): number {
  return (JSON.parse(root) as { signed: { version: number } }).signed.version;
}

/** The transport of tuf-js: small files, bounded; the large ones go another way (artifact.ts). */
class MetadataFetcher implements Fetcher {
  /** tuf-js makes texts of some failures; the original is kept here. */
  problem: unknown;
  readonly #access: HttpAccess;

  constructor(access: HttpAccess) {
    this.#access = access;
  }

  async downloadBytes(url: string, maxBytes: number): Promise<Buffer> {
    try {
      return Buffer.from((await fetchBytes(this.#access, { url, maxBytes })).bytes);
    } catch (error) {
      const status = error instanceof NetFailure ? error.status : undefined;
      // The chain of roots ends with the first that is not there.
      if (url.endsWith(".root.json") && (status === 403 || status === 404))
        throw new DownloadHTTPError(messageOf(error), status);
      this.problem = error;
      throw error;
    }
  }

  downloadFile(): Promise<never> {
    return Promise.reject(new Error("files of releases are not downloaded by tuf-js"));
  }
}

/** One sentence for what tuf-js refused. Its texts are shown as they are: they name files and versions, no secrets. */
function explain(error: unknown, transport: unknown, url: string): Failure {
  const problem = transport ?? error;
  if (problem instanceof NetFailure)
    return updateFailure("update.unreachable", {
      message: `the update server cannot be used: ${problem.message}`,
      hint: problem.hint ?? "check the network of this machine; updates wait until then, validating does not",
      cause: problem,
      retry: "soon",
    });
  if (problem instanceof Failure) return problem;
  const text = messageOf(error);
  if (error instanceof Error && "code" in error && typeof error.code === "string")
    return updateFailure("update.local", {
      message: `what is known of updates cannot be kept: ${text}`,
      hint: "make room, or give this user the right to that folder",
      cause: error,
    });
  if (error instanceof SyntaxError || /JSON Parse/.test(text))
    return updateFailure("update.unreachable", {
      message: `what answers at ${new URL(url).origin} is no update server`,
      hint: "check the address, and whether a proxy wants a login",
      cause: error,
      retry: "soon",
    });
  if (error instanceof ExpiredMetadataError || /expired/.test(text))
    return updateFailure("update.stale", {
      message: `what the update server says was not renewed in time: ${text}`,
      hint: "check this machine's clock; else the server holds back news, or its keepers are late",
      cause: error,
      retry: "soon",
    });
  if (
    error instanceof BadVersionError ||
    /less than current|does not match|Expected (hash|length)/i.test(text)
  )
    return updateFailure("update.older", {
      message: `the update server gives older files than before, or files that do not belong together: ${text}`,
      hint: "try again later or another server; nothing was changed",
      cause: error,
      retry: "soon",
    });
  return updateFailure("update.untrusted", {
    message: `what the update server says is not signed by our keys: ${text}`,
    hint: "do not install it by hand; tell the project, and try another server",
    cause: error,
  });
}
