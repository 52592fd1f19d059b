import { createHash } from "node:crypto";
import { createReadStream, rmSync, statSync } from "node:fs";
import { open } from "node:fs/promises";
import { z } from "zod";
import { Failure } from "../base/error.ts";
import type { ModelCode } from "./failure.ts";
import { type HubAccess, passing, refused, request, statusFailure, withRetries } from "./hub-request.ts";

export const HUB = "https://huggingface.co";
/** The list of a repository's files; the largest on the hub are some hundred kilobytes. */
const MAX_LIST_BYTES = 8_000_000;
/** Of one request for that list. */
const LIST_TIMEOUT_MS = 60_000;

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

/**
 * The files of one commit of a repository.
 * @throws Failure `model.unreachable`, `model.refused`, `deadline.aborted`.
 */
export async function listHubFiles(
  access: HubAccess,
  repo: string,
  revision: string,
): Promise<Map<string, HubFile>> {
  const url = `${access.endpoint}/api/models/${repo}/revision/${revision}?blobs=true`;
  const timeoutMs = access.listTimeoutMs ?? LIST_TIMEOUT_MS;
  const body = await withRetries(access, () =>
    request(access, url, { timeoutMs }, async (response, chunks) => {
      if (!response.ok) throw statusFailure(response, repo);
      const parts: Uint8Array[] = [];
      let length = 0;
      for await (const chunk of chunks) {
        length += chunk.length;
        if (length > MAX_LIST_BYTES) throw refused(`the file list of ${repo} is larger than 8 MB`);
        parts.push(chunk);
      }
      return Buffer.concat(parts).toString("utf8");
    }),
  );
  let content: unknown;
  try {
    content = JSON.parse(body);
  } catch {
    throw refused(`the file list of ${repo} is not JSON`, "check --models.mirror, or import a folder");
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
 * @throws Failure `model.corrupt` (the part is deleted), `model.unreachable`, `model.refused`, `deadline.aborted`;
 * an error of the file system, which keeps the part.
 */
export async function downloadFile(
  access: HubAccess,
  wanted: Wanted,
  part: string,
  onProgress: (bytes: number) => void,
): Promise<string> {
  const url = `${access.endpoint}/${wanted.repo}/resolve/${wanted.revision}/${wanted.path}`;
  await withRetries(
    access,
    () => appendRest(access, url, wanted, part, onProgress),
    () => statSync(part, { throwIfNoEntry: false })?.size ?? 0,
  );
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
  throw new Failure<ModelCode>("model.corrupt", {
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
  const { path, repo, size } = wanted;
  let have = statSync(part, { throwIfNoEntry: false })?.size;
  if (have !== undefined && have > size) {
    rmSync(part);
    have = undefined;
  }
  onProgress(have ?? 0);
  if (have === size) return;
  await request(access, url, { from: have ?? 0 }, async (response, chunks) => {
    let length = startOf(response, wanted, have ?? 0, part);
    const file = await open(part, length > 0 ? "a" : "w", 0o600);
    try {
      for await (const chunk of chunks) {
        length += chunk.length;
        if (length > size) {
          rmSync(part);
          throw refused(`the file ${path} of ${repo} is longer than ${size} bytes at the server`);
        }
        await file.writeFile(chunk);
        onProgress(length);
      }
      // Before the rename: a power cut must not leave a file that has its name and not its content.
      await file.sync();
    } finally {
      await file.close();
    }
    if (length < size) throw passing(`${path} of ${repo} ended after ${length} bytes`);
  });
}

/**
 * Judges an answer by its head.
 * @returns where its body begins: at `have`, or at 0 from a server that knows no ranges.
 */
function startOf(response: Response, wanted: Wanted, have: number, part: string): number {
  const { path, repo, size } = wanted;
  const { status, headers } = response;
  const [, first, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers.get("content-range") ?? "") ?? [];
  if (status === 416 || (status === 206 && Number(first) !== have)) {
    // Asking again would give the same answer, now and at the next pull: the file is begun anew.
    rmSync(part, { force: true });
    throw passing(`the server answered with another range of ${path} of ${repo}`);
  }
  if (!response.ok) throw statusFailure(response, repo);
  if (status !== 200 && status !== 206) throw refused(`the server answered ${status} for ${path} of ${repo}`);
  if (headers.get("content-type")?.startsWith("text/html") && !path.endsWith(".html"))
    throw refused(
      `the server answered with a web page in place of ${path} of ${repo}`,
      "check --models.mirror, and whether a proxy wants a login",
    );
  const start = status === 206 ? have : 0;
  const length = Number(headers.get("content-length") ?? Number.NaN);
  const whole = status === 206 ? Number(total) : length;
  // A shorter range than asked for is allowed; a longer one is not, and neither is another size of the whole.
  if ((Number.isFinite(whole) && whole !== size) || start + length > size)
    throw refused(
      `the file ${path} of ${repo} has another size at the server: ${Number.isFinite(whole) ? whole : start + length} bytes instead of ${size}`,
      "check --models.mirror: it holds another file than the one this program knows",
    );
  return start;
}
