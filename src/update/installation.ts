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
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { z } from "zod";
import { syncDirectory, writeFileAtomic } from "../base/atomic.ts";
import { childEnvironment } from "../base/child-environment.ts";
import { updateFailure } from "./failure.ts";
import { compareVersions, isVersion } from "./release.ts";

const PROGRAM = "openvalidator";
const RECEIPT = "receipt.json";
const receiptSchema = z.object({ method: z.literal("standalone") });

/**
 * The releases of one installation and which of them runs:
 * ```
 * folder   <root>/releases/<version>/openvalidator   never written again
 *          <root>/current → releases/<version>       switched whole
 *          <root>/updater/openvalidator              the last one that was well: only it updates
 *          <root>/receipt.json                       says that this is ours
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

  get recordFile(): string {
    return join(this.data, "update.json");
  }

  get lockFile(): string {
    return join(this.data, "update.lock");
  }

  get trustedDirectory(): string {
    return join(this.data, "trusted");
  }

  /** Where the executable of a version lies, or goes. */
  programOf(version: string): string {
    return join(this.data, "releases", version, PROGRAM);
  }

  /** Makes the folder that `programOf` is in. */
  makeRoomFor(version: string): void {
    const folder = dirname(this.programOf(version));
    mkdirSync(folder, { recursive: true });
    // A service of another user runs it, whatever the umask here is.
    for (const part of [this.data, dirname(folder), folder]) chmodSync(part, 0o755);
  }

  has(version: string): boolean {
    return existsSync(this.programOf(version));
  }

  /** @throws Failure `update.no-permission` unless this user may put a release here */
  requireWritable(): void {
    try {
      mkdirSync(this.data, { recursive: true, mode: 0o755 });
      const probe = join(this.data, `.probe-${process.pid}`);
      mkdirSync(probe);
      rmSync(probe, { recursive: true });
    } catch (cause) {
      throw updateFailure("update.no-permission", {
        message: `this user may not write to ${this.data}`,
        hint: `run it as the owner of that folder: sudo ${this.program} self-update`,
        cause,
      });
    }
  }

  /** Version that `program` is; undefined when it is none of the releases here. */
  abstract currentVersion(): string | undefined;

  /** Makes a release that is here the one that runs from its next start on. */
  abstract switchTo(version: string): void;

  /** The release is well: it updates from now on, and what nobody needs any more goes. */
  confirm(version: string, kept: readonly string[]): void {
    const folder = join(this.data, "releases");
    const spared = new Set([version, ...kept]);
    for (const name of existsSync(folder) ? readdirSync(folder) : [])
      if (isVersion(name) && !spared.has(name)) rmSync(join(folder, name), { recursive: true, force: true });
  }

  /** Versions that are here, oldest first. */
  versions(): string[] {
    const folder = join(this.data, "releases");
    const names = existsSync(folder) ? readdirSync(folder) : [];
    return names.filter((name) => isVersion(name) && this.has(name)).sort(compareVersions);
  }
}

/** A folder of releases, made by `install` or `service install`. */
export class ReleaseFolder extends Installation {
  readonly kind = "folder";
  protected readonly data: string;

  constructor(root: string) {
    super();
    this.data = root;
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
    mkdirSync(dirname(this.updater), { recursive: true, mode: 0o755 });
    replaceByLink(this.programOf(version), this.updater);
    super.confirm(version, kept);
  }

  /**
   * Lays out the folder with a release that runs from now on; others that are there stay.
   * @param executable copied
   */
  layOut(executable: string, version: string): void {
    this.requireWritable();
    this.makeRoomFor(version);
    if (executable !== this.programOf(version)) copyWhole(executable, this.programOf(version));
    if (this.currentVersion() !== version) this.switchTo(version);
    if (!existsSync(this.updater)) {
      mkdirSync(dirname(this.updater), { recursive: true, mode: 0o755 });
      replaceByLink(this.programOf(version), this.updater);
    }
    writeFileAtomic(join(this.data, RECEIPT), `${JSON.stringify({ method: "standalone" })}\n`, 0o644);
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
  try {
    linkSync(from, temporary);
  } catch {
    copyWhole(from, temporary);
  }
  renameSync(temporary, to);
  syncDirectory(dirname(to));
}

function copyWhole(from: string, to: string): void {
  const temporary = `${to}.${process.pid}.tmp`;
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

export interface Whereabouts {
  /** Of the running executable, links resolved. */
  executable: string;
  isCompiled: boolean;
  /** The operator wants it also where the change lasts as long as the container. */
  mayBeContainer?: boolean;
  /** Whether a file is there; for tests. */
  exists?: (path: string) => boolean;
  /** Name of the package that a file belongs to. */
  packageOf?: (path: string) => string | undefined;
}

/**
 * The installation that the running program belongs to.
 * @throws Failure `update.not-ours` where another program is in charge of its versions
 */
export function findInstallation(where: Whereabouts): Installation {
  const { executable, isCompiled, exists = existsSync, packageOf = packageOfFile } = where;
  if (!isCompiled)
    throw notOurs("this program runs from its source", "update the source: git pull, then bun install");
  const container = ["/.dockerenv", "/run/.containerenv"].find(exists);
  if (container !== undefined && !where.mayBeContainer)
    throw notOurs(
      "this program runs in a container",
      "start the container from a newer image; --in-container updates it here, for as long as the container lasts",
    );
  if (
    executable.startsWith("/nix/store/") ||
    executable.startsWith("/snap/") ||
    executable.includes("/Cellar/")
  )
    throw notOurs(
      `a package manager put this program into ${dirname(executable)}`,
      "update it with that one",
    );
  const name = packageOf(executable);
  if (name !== undefined)
    throw notOurs(`this program belongs to the package ${name}`, "update it with the package manager");
  const folder = dirname(executable);
  const roots = [dirname(folder), dirname(dirname(folder))];
  const root = roots.find((path) => exists(join(path, RECEIPT)));
  if (root !== undefined && isReceiptOf(root)) return new ReleaseFolder(root);
  if (basename(dirname(folder)) === "releases" && isVersion(basename(folder)))
    throw notOurs(
      `${dirname(dirname(folder))} has no ${RECEIPT}, so something else may be in charge of it`,
      "if nothing is: openvalidator install",
    );
  return new LoneFile(executable);
}

function isReceiptOf(root: string): boolean {
  try {
    receiptSchema.parse(JSON.parse(readFileSync(join(root, RECEIPT), "utf8")));
    return true;
  } catch {
    throw notOurs(
      `${join(root, RECEIPT)} is no receipt of ours`,
      "if nothing else is in charge: openvalidator install",
    );
  }
}

function notOurs(message: string, hint: string) {
  return updateFailure("update.not-ours", { message, hint });
}

/** Asks the package managers that are there; they know only files of these folders. */
function packageOfFile(path: string): string | undefined {
  if (!/^\/(usr|bin|sbin|opt)\//.test(path)) return undefined;
  for (const [program, ...words] of [
    ["dpkg", "-S"],
    ["rpm", "-qf"],
  ] as const) {
    if (Bun.which(program) === null) continue;
    const { exitCode, stdout } = Bun.spawnSync([program, ...words, path], {
      env: childEnvironment(process.env),
      stderr: "ignore",
      timeout: 10_000,
    });
    if (exitCode === 0) return stdout.toString().split(":")[0]!.trim().slice(0, 80);
  }
  return undefined;
}
