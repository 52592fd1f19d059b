import { createHash } from "node:crypto";
import { createReadStream, rmSync } from "node:fs";
import { z } from "zod";
import type { DeadlineCode } from "../base/deadline.ts";
import { Failure, isFailure } from "../base/error.ts";
import type { Settings } from "../config/options.ts";
import { resumeDownload } from "../net/download.ts";
import { NetFailure } from "../net/failure.ts";
import type { HttpAccess } from "../net/http.ts";
import { HUB, hubToken } from "../net/hugging-face.ts";
import { fetchJson } from "../net/whole.ts";
import type { ModelCode } from "./failure.ts";

/** The list of a repository's files; the largest on the hub are some hundred kilobytes. */
const MAX_LIST_BYTES = 8_000_000;
/** Of one request for that list. */
const LIST_TIMEOUT_MS = 60_000;

/** How the hub, or a mirror of it, is reached. */
export interface HubAccess extends Omit<HttpAccess, "token"> {
  /** Base address without a slash at its end. */
  endpoint: string;
  token?: string;
  listTimeoutMs?: number;
  /** Lists of files that the hub gave or is giving: those of a commit stay as they are, and are asked for once. */
  lists?: Map<string, Promise<Map<string, HubFile>>>;
}

/** The hub of these settings. */
export function hubAccess(
  { modelsMirror, modelsToken }: Pick<Settings, "modelsMirror" | "modelsToken">,
  signal: AbortSignal | undefined,
): HubAccess {
  return {
    endpoint: modelsMirror ?? HUB,
    signal,
    ...(modelsToken === undefined ? {} : { token: modelsToken }),
    lists: new Map(),
  };
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

/**
 * The files of one commit of a repository.
 * @throws Failure `model.unreachable`, `model.refused`, `deadline.aborted`.
 */
export function listHubFiles(
  access: HubAccess,
  repo: string,
  revision: string,
): Promise<Map<string, HubFile>> {
  const key = `${repo}@${revision}`;
  const known = access.lists?.get(key);
  if (known !== undefined) return known;
  const list = askForList(access, repo, revision);
  access.lists?.set(key, list);
  // Who asks later may have better luck; who asked first is told.
  list.catch(() => access.lists?.delete(key));
  return list;
}

async function askForList(access: HubAccess, repo: string, revision: string): Promise<Map<string, HubFile>> {
  const url = `${access.endpoint}/api/models/${repo}/revision/${revision}?blobs=true`;
  const timeoutMs = access.listTimeoutMs ?? LIST_TIMEOUT_MS;
  const content = await asked(repo, () =>
    fetchJson({ ...httpAccess(access), timeoutMs }, url, MAX_LIST_BYTES),
  );
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
  const file = { url, name: `${wanted.path} of ${wanted.repo}`, sizeBytes: wanted.size };
  await asked(wanted.repo, () => resumeDownload(httpAccess(access), file, part, onProgress));
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

function httpAccess({ endpoint, token, listTimeoutMs: _, lists: __, ...access }: HubAccess): HttpAccess {
  return { ...access, token: hubToken(token, [endpoint]) };
}

const GOES_ON = "pull again; it goes on where it stopped";

/** Tells what the network says in the words of models, with hints that help with a pull. */
async function asked<T>(repo: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (isFailure<DeadlineCode>(error, "deadline.aborted"))
      throw new Failure<DeadlineCode>("deadline.aborted", { message: "the pull was stopped", hint: GOES_ON });
    throw error instanceof NetFailure ? hubFailure(error, repo) : error;
  }
}

function hubFailure(failure: NetFailure, repo: string): Failure<ModelCode> {
  const { code, status, hint } = failure;
  // An address is shown without what may be a key, and names of repositories look like keys.
  const message = failure.message.includes(repo)
    ? failure.message
    : `${repo} cannot be had: ${failure.message}`;
  if (code === "net.unreachable") {
    const told =
      status === undefined
        ? message
        : status === 429
          ? `the hub asks for patience (429) with ${repo}`
          : `the hub failed (${status})`;
    return new Failure("model.unreachable", { message: told, hint: GOES_ON, retry: "soon", cause: failure });
  }
  if (status === 401 || status === 403)
    return refused(
      `the hub does not let us read ${repo} (${status})`,
      "accept the model's terms on its page and set HF_TOKEN",
    );
  if (status === 404) return refused(`${repo} has no such file or revision (404)`);
  return refused(message, hint);
}

export function refused(
  message: string,
  hint = "check --models.mirror, or import a folder",
): Failure<ModelCode> {
  return new Failure("model.refused", { message, hint });
}
