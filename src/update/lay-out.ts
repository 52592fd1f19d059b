import { existsSync, lstatSync, mkdirSync, readdirSync, realpathSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { isFailure } from "../base/error.ts";
import { sha256OfFile } from "../base/file-hash.ts";
import { updateFailure } from "./failure.ts";
import { isRefusal, isSameFile, ReleaseFolder } from "./installation.ts";
import { preflight } from "./preflight.ts";
import { readReceipt, writeReceipt } from "./receipt.ts";
import { compareVersions, type Release } from "./release.ts";
import { changeRecord, readRecord } from "./update-record.ts";

/** An executable and what it says of itself. */
export interface Program extends Pick<Release, "version" | "commit"> {
  executable: string;
}

export interface LaidOut {
  folder: ReleaseFolder;
  version: string;
  /** Version that was in place before; null in a new folder. */
  previous: string | null;
  /** False where all of it was there already. */
  isChanged: boolean;
}

export interface LayOutWish {
  allowsDowngrade?: boolean;
  /** The folder is packed up and brought elsewhere: whose the folders around it are says nothing. */
  isStaged?: boolean;
  signal?: AbortSignal;
}

/** What one that was killed before it wrote the receipt may have left. */
const OWN_TRACES = /^(?:\.probe-\d+|update\.lock|(?:receipt|update)\.json\.[\w.]+\.tmp)$/;
const WRITABLE_BY_OTHERS = 0o022;
const STICKY = 0o1000;

/**
 * Lays out a folder of releases with an executable that runs from its next start on, or adds it to one that is there.
 * Killed at any point, what ran before runs on, and the next call ends it.
 * @throws Failure `update.not-ours`, `update.no-permission`, `update.no-release` where a newer one is in place,
 * `update.unfit`, `update.busy`
 */
export async function layOut(
  wanted: string,
  program: Program,
  { allowsDowngrade = false, isStaged = false, signal }: LayOutWish = {},
): Promise<LaidOut> {
  const root = existsSync(wanted) ? realpathSync(wanted) : wanted;
  requireOurs(root);
  const folder = new ReleaseFolder(root);
  makeFolder(root, folder);
  requireSafe(root, isStaged);
  const unlock = folder.lock();
  try {
    const previous = folder.currentVersion() ?? null;
    if (previous !== null) requireNewer(folder, previous, program.version, allowsDowngrade);
    const isThere = await isSame(program.executable, folder.programOf(program.version));
    const isWhole =
      isThere && previous === program.version && (await isSame(program.executable, folder.updater));
    // First: from here on what is in the folder is ours, whenever this ends.
    writeReceipt(root, { ...readReceipt(root), method: "standalone" });
    sweep(root);
    if (!isThere) folder.put(program.executable, program.version);
    // Where it will run, for the disk may forbid programs.
    await preflight(folder.programOf(program.version), program, signal);
    if (!isWhole) {
      if (previous !== null && previous !== program.version) note(folder, previous, program.version);
      folder.begin(program.version);
    }
    return { folder, version: program.version, previous, isChanged: !isWhole };
  } finally {
    unlock();
  }
}

/** @throws Failure `update.not-ours` where something else lies */
function requireOurs(root: string): void {
  const found = statSync(root, { throwIfNoEntry: false });
  if (found === undefined || (found.isDirectory() && readReceipt(root) !== undefined)) return;
  if (found.isDirectory() && readdirSync(root).every((name) => OWN_TRACES.test(name))) return;
  throw updateFailure("update.not-ours", {
    message: `${root} is there and was not made by openvalidator install`,
    hint: "move it aside, or choose another folder with --root",
  });
}

function makeFolder(root: string, folder: ReleaseFolder): void {
  try {
    // Those above it are made as the system makes them for everybody.
    mkdirSync(dirname(root), { recursive: true, mode: 0o755 });
    folder.requireWritable();
  } catch (cause) {
    if (!isFailure(cause, "update.no-permission") && !isRefusal(cause)) throw cause;
    throw updateFailure("update.no-permission", {
      message: `this user may not write to ${root}`,
      hint: "put sudo before the command, or give --user for a folder in your home",
      cause,
    });
  }
}

/**
 * Whoever may exchange the program decides what its user, often root, runs.
 * @throws Failure `update.not-ours`
 */
function requireSafe(root: string, isStaged: boolean): void {
  const own = process.geteuid?.();
  for (const path of [root, join(root, "releases"), join(root, "updater")]) {
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found === undefined) continue;
    if (!found.isDirectory() || found.uid !== own || (found.mode & WRITABLE_BY_OTHERS) !== 0)
      throw unsafe(path, found.isDirectory() ? `chown ${own} and chmod go-w it` : "make it a folder again");
  }
  if (own !== 0 || isStaged) return;
  for (let path = dirname(root); path !== dirname(path); path = dirname(path)) {
    const { uid, mode } = statSync(path);
    const isOpen = (mode & WRITABLE_BY_OTHERS) !== 0 && (mode & STICKY) === 0;
    if (uid !== 0 || isOpen) throw unsafe(path, "choose a --root that only root may change, or give --user");
  }
}

function unsafe(path: string, hint: string) {
  return updateFailure("update.not-ours", {
    message: `others than this user may change ${path}, and with it what this user runs`,
    hint,
  });
}

function requireNewer(
  folder: ReleaseFolder,
  current: string,
  version: string,
  allowsDowngrade: boolean,
): void {
  if (compareVersions(version, current) >= 0) return;
  const { rollbackTo } = readRecord(folder.recordFile);
  if (rollbackTo !== null && compareVersions(version, rollbackTo) < 0)
    throw updateFailure("update.no-release", {
      message: `${current} is in place, and ${version} cannot read what it leaves behind`,
      hint: `${rollbackTo} is the oldest version that can`,
    });
  if (!allowsDowngrade)
    throw updateFailure("update.no-release", {
      message: `${current} is in place, which is newer than this ${version}`,
      hint: `use that one (${folder.program}), or give --allow-downgrade`,
    });
}

async function isSame(one: string, other: string): Promise<boolean> {
  if (isSameFile(one, other)) return true;
  const [left, right] = [one, other].map((path) => statSync(path, { throwIfNoEntry: false })?.size);
  if (left === undefined || left !== right) return false;
  return (await sha256OfFile(one)) === (await sha256OfFile(other));
}

/** In the record: a person put it there, so nothing judges it, and the one that was on trial is not judged by it either. */
function note({ recordFile }: ReleaseFolder, from: string, to: string): void {
  const at = new Date().toISOString();
  const why = "openvalidator install put it there";
  changeRecord(recordFile, ({ news }) => ({
    pending: null,
    news: [...news, { at, outcome: "installed", from, to, why }],
  }));
}

function sweep(root: string): void {
  for (const name of readdirSync(root))
    if (OWN_TRACES.test(name) && name !== "update.lock")
      rmSync(join(root, name), { recursive: true, force: true });
}
