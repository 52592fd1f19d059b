import { createHash } from "node:crypto";
import { createReadStream, createWriteStream, existsSync, rmSync, statSync } from "node:fs";
import { finished } from "node:stream/promises";
import { z } from "zod";
import { sleep } from "../base/deadline.ts";
import { Failure, isFailure, messageOf } from "../base/error.ts";
import { backOffMs } from "../base/retry.ts";
import type { InferenceCode } from "./failure.ts";

export const HUB = "https://huggingface.co";
/** A silence as long as this is a dead connection; the download goes on where it stopped. */
const STALL_TIMEOUT_MS = 30_000;
const RETRY = { firstMs: 500, maxMs: 20_000, attempts: 6 };
const MAX_RETRY_AFTER_MS = 60_000;
/** The list of a repository's files; the largest on the hub are some hundred kilobytes. */
const MAX_LIST_BYTES = 8_000_000;

export interface HubAccess {
  /** Base address without a slash at its end. */
  endpoint: string;
  token?: string;
  signal?: AbortSignal;
  /** For tests. */
  stallTimeoutMs?: number;
  retry?: typeof RETRY;
}

/** What the hub says of a file. LFS files carry a sha256, small ones the git object id (sha1). */
export interface HubFile {
  size: number;
  sha256?: string;
  gitSha1?: string;
}

const listSchema = z.object({
  siblings: z.array(
    z.object({
      rfilename: z.string(),
      size: z.number().int().nonnegative().optional(),
      blobId: z.string().optional(),
      lfs: z
        .object({ sha256: z.string().regex(/^[0-9a-f]{64}$/), size: z.number().int().nonnegative() })
        .nullish(),
    }),
  ),
});

/** The files of one commit of a repository. @throws Failure `model.unreachable` or `model.refused`. */
export async function listHubFiles(
  access: HubAccess,
  repo: string,
  revision: string,
): Promise<Map<string, HubFile>> {
  const url = `${access.endpoint}/api/models/${repo}/revision/${revision}?blobs=true`;
  const body = await withRetries(access, async () => {
    const { response, chunks } = await open(access, url, {});
    if (!response.ok) throw statusFailure(response, repo);
    const parts: Uint8Array[] = [];
    let length = 0;
    for await (const chunk of chunks) {
      length += chunk.length;
      if (length > MAX_LIST_BYTES) throw refused(`the file list of ${repo} is larger than 8 MB`);
      parts.push(chunk);
    }
    return Buffer.concat(parts).toString("utf8");
  });
  let content: unknown;
  try {
    content = JSON.parse(body);
  } catch {
    throw refused(`the file list of ${repo} is not JSON`);
  }
  const parsed = listSchema.safeParse(content);
  if (!parsed.success) throw refused(`the file list of ${repo} has another form than the hub's`);
  return new Map(
    parsed.data.siblings.map(({ rfilename, size, blobId, lfs }) => [
      rfilename,
      lfs
        ? { size: lfs.size, sha256: lfs.sha256 }
        : { size: size ?? 0, ...(blobId ? { gitSha1: blobId } : {}) },
    ]),
  );
}

export interface Wanted {
  repo: string;
  revision: string;
  path: string;
  size: number;
  sha256?: string;
  gitSha1?: string;
}

/**
 * Downloads one file into `part`, going on where an earlier attempt stopped, and checks it.
 * @returns the sha256 of the whole file.
 * @throws Failure `model.corrupt` (the part is deleted), `model.unreachable`, `model.refused`.
 */
export async function downloadFile(
  access: HubAccess,
  wanted: Wanted,
  part: string,
  onProgress: (bytes: number) => void,
): Promise<string> {
  const url = `${access.endpoint}/${wanted.repo}/resolve/${wanted.revision}/${wanted.path}`;
  await withRetries(access, () => appendRest(access, url, wanted, part, onProgress));
  const sha256 = createHash("sha256");
  const git = createHash("sha1").update(`blob ${wanted.size}\0`);
  for await (const chunk of createReadStream(part)) {
    sha256.update(chunk as Buffer);
    git.update(chunk as Buffer);
  }
  const actual = sha256.digest("hex");
  const isRight =
    wanted.sha256 === undefined
      ? wanted.gitSha1 !== undefined && git.digest("hex") === wanted.gitSha1
      : actual === wanted.sha256;
  if (isRight) return actual;
  rmSync(part, { force: true });
  throw new Failure<InferenceCode>("model.corrupt", {
    message: `the file ${wanted.path} of ${wanted.repo} arrived damaged: its sha256 is ${actual}`,
    hint: "pull again; if it stays so, the server holds another file than the one this program knows",
  });
}

async function appendRest(
  access: HubAccess,
  url: string,
  wanted: Wanted,
  part: string,
  onProgress: (bytes: number) => void,
): Promise<void> {
  let have = existsSync(part) ? statSync(part).size : 0;
  if (have > wanted.size) {
    rmSync(part);
    have = 0;
  }
  if (have === wanted.size && existsSync(part)) return onProgress(have);
  const { response, chunks } = await open(access, url, have > 0 ? { range: `bytes=${have}-` } : {});
  if (!response.ok) throw statusFailure(response, wanted.repo);
  const from = /^bytes (\d+)-/.exec(response.headers.get("content-range") ?? "")?.[1];
  // A server without ranges sends the whole file; one that sends another range sends nothing we can use.
  if (response.status === 206 && Number(from) !== have) throw passing(`${url} answered with another range`);
  if (response.status !== 206) have = 0;
  const file = createWriteStream(part, { flags: have > 0 ? "a" : "w", mode: 0o600 });
  const failed = new Promise<never>((_, reject) => file.once("error", reject));
  failed.catch(() => undefined);
  try {
    for await (const chunk of chunks) {
      have += chunk.length;
      if (have > wanted.size)
        throw refused(`the file ${wanted.path} of ${wanted.repo} is longer than ${wanted.size} bytes`);
      if (!file.write(chunk))
        await Promise.race([new Promise((resolve) => file.once("drain", resolve)), failed]);
      onProgress(have);
    }
  } finally {
    file.end();
    await finished(file);
  }
  if (have < wanted.size) throw passing(`${wanted.path} of ${wanted.repo} ended after ${have} bytes`);
}

interface Opened {
  response: Response;
  chunks: AsyncGenerator<Uint8Array>;
}

/** One request; the token goes to the hub alone, never to the host it redirects to (fetch drops it there). */
async function open(access: HubAccess, url: string, headers: Record<string, string>): Promise<Opened> {
  const stall = new AbortController();
  const stallMs = access.stallTimeoutMs ?? STALL_TIMEOUT_MS;
  let timer = setTimeout(() => stall.abort(), stallMs);
  const signal = access.signal ? AbortSignal.any([access.signal, stall.signal]) : stall.signal;
  const broken = (error: unknown): unknown => {
    if (access.signal?.aborted) return access.signal.reason;
    return passing(stall.signal.aborted ? `${url} fell silent` : `${url}: ${messageOf(error)}`);
  };
  let response: Response;
  try {
    response = await fetch(url, {
      headers: {
        "accept-encoding": "identity",
        ...(access.token ? { authorization: `Bearer ${access.token}` } : {}),
        ...headers,
      },
      signal,
    });
  } catch (error) {
    clearTimeout(timer);
    throw broken(error);
  }
  async function* read(): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of response.body ?? []) {
        clearTimeout(timer);
        yield chunk;
        timer = setTimeout(() => stall.abort(), stallMs);
      }
    } catch (error) {
      if (isFailure(error)) throw error;
      throw broken(error);
    } finally {
      clearTimeout(timer);
      stall.abort();
    }
  }
  if (!response.ok) {
    clearTimeout(timer);
    await response.body?.cancel();
  }
  return { response, chunks: read() };
}

async function withRetries<T>(access: HubAccess, work: () => Promise<T>): Promise<T> {
  const policy = access.retry ?? RETRY;
  for (let attempt = 0; ; attempt++) {
    try {
      access.signal?.throwIfAborted();
      return await work();
    } catch (error) {
      if (!(error instanceof Failure) || error.retry !== "soon" || attempt + 1 >= policy.attempts)
        throw error;
      const asked = (error.data as { retryAfterMs?: number } | undefined)?.retryAfterMs;
      await sleep(asked ?? backOffMs(policy, attempt), access.signal);
    }
  }
}

function statusFailure(response: Response, repo: string): Failure<InferenceCode> {
  const { status } = response;
  if (status === 401 || status === 403)
    return refused(
      `the hub does not let us read ${repo} (${status})`,
      "accept the model's terms on its page and set HF_TOKEN",
    );
  if (status === 404)
    return refused(`${repo} has no such file or revision (404)`, "check --models.mirror, or import a folder");
  if (status === 429 || status >= 500) {
    const seconds = Number(response.headers.get("retry-after") ?? Number.NaN);
    const retryAfterMs = Number.isFinite(seconds) ? Math.min(seconds * 1000, MAX_RETRY_AFTER_MS) : undefined;
    return passing(
      status === 429 ? `the hub asks for patience (429) with ${repo}` : `the hub failed (${status})`,
      { retryAfterMs },
    );
  }
  return refused(`the hub answered ${status} for ${repo}`);
}

function refused(message: string, hint?: string): Failure<InferenceCode> {
  return new Failure("model.refused", { message, ...(hint === undefined ? {} : { hint }) });
}

function passing(message: string, data?: { retryAfterMs?: number | undefined }): Failure<InferenceCode> {
  return new Failure("model.unreachable", {
    message,
    hint: "pull again; it goes on where it stopped",
    retry: "soon",
    data,
  });
}
