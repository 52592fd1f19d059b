import {
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { syncDirectory } from "../base/atomic.ts";
import { isFailure } from "../base/error.ts";
import { lockFile } from "../base/lock.ts";
import { updateFailure } from "./failure.ts";
import { compareVersions, isVersion } from "./release.ts";

const PROGRAM = "openvalidator";

/**
 * The releases of one installation and which of them runs:
 * ```
 * folder   <root>/releases/<version>/openvalidator   never written again
 *          <root>/current → releases/<version>       switched whole
 *          <root>/updater/openvalidator              the last one that was well: only it updates
 *          <root>/receipt.json                       says that this is ours, and which service runs it
 *          <root>/update.json, update.lock, trusted/
 * file     <folder>/openvalidator                    a lone executable, replaced whole
 *          <folder>/openvalidator.previous           what it was before
 *          <folder>/.openvalidator-update/           releases, update.json, update.lock, trusted/
 * ```
 * At every moment the program that is run is one whole release, the old one or the new one.
 */
export abstract class Installation {
  abstract readonly kind: "folder" | "file";
  /** What people, or a service, run. */
  abstract readonly program: string;
  /** Folder of the releases, the record, the lock and what was verified. */
  protected abstract readonly data: string;

  /** Folder that all of it lies in, or will. */
  get folder(): string {
    return existsSync(this.data) ? this.data : dirname(this.data);
  }

  get recordFile(): string {
    return join(this.data, "update.json");
  }

  get lockFile(): string {
    return join(this.data, "update.lock");
  }

  get trustedDirectory(): string {
    return join(this.data, "trusted");
  }

  get #releases(): string {
    return join(this.data, "releases");
  }

  /** Where the executable of a version lies, or goes. */
  programOf(version: string): string {
    return join(this.#releases, version, PROGRAM);
  }

  /** Makes the folder that `programOf` is in. */
  makeRoomFor(version: string): void {
    const folder = dirname(this.programOf(version));
    mkdirSync(folder, { recursive: true });
    // A service of another user runs it, whatever the umask here is.
    for (const part of [this.data, this.#releases, folder]) chmodSync(part, 0o755);
  }

  has(version: string): boolean {
    return existsSync(this.programOf(version));
  }

  /**
   * @throws Failure `update.no-permission` unless this user may put a release here; what the system says of a disk that is
   * full or read-only
   */
  requireWritable(): void {
    try {
      mkdirSync(this.data, { recursive: true, mode: 0o755 });
      const probe = join(this.data, `.probe-${process.pid}`);
      mkdirSync(probe);
      rmSync(probe, { recursive: true });
    } catch (cause) {
      if (!isRefusal(cause)) throw cause;
      throw updateFailure("update.no-permission", {
        message: `this user may not write to ${this.data}`,
        hint: `run it as the owner of that folder: sudo ${this.program} self-update`,
        cause,
      });
    }
  }

  /** One at a time changes what is here. @returns what gives the lock back @throws Failure `update.busy` */
  lock(): () => void {
    try {
      return lockFile(this.lockFile);
    } catch (cause) {
      if (!isFailure(cause, "state.locked")) throw cause;
      throw updateFailure("update.busy", {
        message: `another process updates ${this.program} now`,
        hint: "wait for its end",
        cause,
        retry: "soon",
      });
    }
  }

  /** Version that `program` is; undefined when it is none of the releases here. */
  abstract currentVersion(): string | undefined;

  /** Makes a release that is here the one that runs from its next start on. */
  abstract switchTo(version: string): void;

  /** The release is well: it updates from now on, and what nobody needs any more goes. */
  confirm(version: string, kept: readonly string[]): void {
    const spared = new Set([version, ...kept]);
    for (const name of this.#folders())
      if (!spared.has(name)) rmSync(join(this.#releases, name), { recursive: true, force: true });
  }

  /** Versions that are here, oldest first. */
  versions(): string[] {
    return this.#folders()
      .filter((name) => this.has(name))
      .sort(compareVersions);
  }

  /** Of versions, also of those whose executable did not arrive. */
  #folders(): string[] {
    const names = existsSync(this.#releases) ? readdirSync(this.#releases) : [];
    return names.filter(isVersion);
  }
}

/** Whether the system says that this user has no right to it: another one might do it. */
export function isRefusal(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "EACCES" || error.code === "EPERM");
}

/** A folder of releases, made by `install`. */
export class ReleaseFolder extends Installation {
  readonly kind = "folder";
  protected readonly data: string;

  constructor(root: string) {
    super();
    this.data = root;
  }

  get root(): string {
    return this.data;
  }

  get program(): string {
    return join(this.data, "current", PROGRAM);
  }

  /** The program that updates; the one that runs may be the one that is not well. */
  get updater(): string {
    return join(this.data, "updater", PROGRAM);
  }

  currentVersion(): string | undefined {
    const link = join(this.data, "current");
    if (statSync(link, { throwIfNoEntry: false }) === undefined) return undefined;
    const version = basename(readlinkSync(link));
    return isVersion(version) ? version : undefined;
  }

  switchTo(version: string): void {
    const link = join(this.data, "current");
    const temporary = `${link}.new`;
    rmSync(temporary, { force: true });
    symlinkSync(relative(this.data, dirname(this.programOf(version))), temporary);
    renameSync(temporary, link);
    syncDirectory(this.data);
  }

  override confirm(version: string, kept: readonly string[]): void {
    this.#updateWith(version);
    super.confirm(version, kept);
  }

  /** Puts an executable among the releases, whole; another one of this version goes. @param executable copied */
  put(executable: string, version: string): void {
    this.makeRoomFor(version);
    if (executable !== this.programOf(version)) copyWhole(executable, this.programOf(version));
  }

  /** A person vouches for a release that is here: it runs from its next start on, and it updates. */
  begin(version: string): void {
    this.#updateWith(version);
    this.switchTo(version);
  }

  #updateWith(version: string): void {
    const folder = dirname(this.updater);
    mkdirSync(folder, { recursive: true });
    chmodSync(folder, 0o755);
    replaceByLink(this.programOf(version), this.updater);
  }
}

/** One executable that somebody put somewhere. */
export class LoneFile extends Installation {
  readonly kind = "file";
  readonly program: string;
  protected readonly data: string;

  constructor(path: string) {
    super();
    this.program = path;
    this.data = join(dirname(path), `.${PROGRAM}-update`);
  }

  /** Takes what runs now for a release, so that it can come back; costs no room. */
  adopt(version: string): void {
    this.makeRoomFor(version);
    const kept = statSync(this.programOf(version), { throwIfNoEntry: false });
    // One of the same version may have been built anew, or belong to another program of this folder.
    if (kept?.ino !== statSync(this.program).ino) replaceByLink(this.program, this.programOf(version));
  }

  currentVersion(): string | undefined {
    const own = statSync(this.program, { throwIfNoEntry: false });
    return this.versions().find((version) => statSync(this.programOf(version)).ino === own?.ino);
  }

  switchTo(version: string): void {
    if (this.currentVersion() !== version) replaceByLink(this.program, `${this.program}.previous`);
    replaceByLink(this.programOf(version), this.program);
  }
}

/** Makes `to` the same file as `from`, in one step; a copy where the file system has no hard links. */
function replaceByLink(from: string, to: string): void {
  const temporary = `${to}.new`;
  rmSync(temporary, { force: true });
  // rename(2) does nothing between two links to one file, and leaves both.
  if (isSameFile(from, to)) return;
  try {
    linkSync(from, temporary);
  } catch {
    copyWhole(from, temporary);
  }
  renameSync(temporary, to);
  syncDirectory(dirname(to));
}

/** Whether two paths lead to one file; not where one of them leads nowhere. */
export function isSameFile(one: string, other: string): boolean {
  const [left, right] = [one, other].map((path) => statSync(path, { throwIfNoEntry: false }));
  return left !== undefined && right !== undefined && left.ino === right.ino && left.dev === right.dev;
}

function copyWhole(from: string, to: string): void {
  // Always of this name: who comes after one that was killed writes over it.
  const temporary = `${to}.tmp`;
  try {
    copyFileSync(from, temporary);
    chmodSync(temporary, 0o755);
    const fd = openSync(temporary, "r");
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, to);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  syncDirectory(dirname(to));
}
