import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { childEnvironment } from "../base/child-environment.ts";
import { updateFailure } from "./failure.ts";
import { type Installation, LoneFile, ReleaseFolder } from "./installation.ts";
import { RECEIPT, readReceipt } from "./receipt.ts";
import { isVersion } from "./release.ts";

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
  requireOwn(where);
  const { executable, exists } = where;
  const root = rootAround(executable, exists);
  if (root !== undefined) return new ReleaseFolder(root);
  const folder = dirname(executable);
  if (basename(dirname(folder)) === "releases" && isVersion(basename(folder)))
    throw notOurs(
      `${dirname(dirname(folder))} has no ${RECEIPT}, so something else may be in charge of it`,
      "if nothing is, move it aside and run openvalidator install",
    );
  return new LoneFile(executable);
}

/**
 * The folder of releases that an executable is one of, or its updater; undefined for any other.
 * @throws Failure `update.not-ours` for one with another's receipt
 */
export function rootAround(executable: string, exists: (path: string) => boolean = existsSync) {
  const folder = dirname(executable);
  const root = [dirname(folder), dirname(dirname(folder))].find((path) => exists(join(path, RECEIPT)));
  if (root !== undefined) readReceipt(root);
  return root;
}

/**
 * A program that people put where it is.
 * @throws Failure `update.not-ours` for one from source, in a container or of a package
 */
export function requireOwn(where: Whereabouts): void {
  const { executable, isCompiled, exists = existsSync, packageOf = packageOfFile } = where;
  if (!isCompiled)
    throw notOurs(
      "this program runs from its source",
      "update the source: git pull, then bun install; bun run build makes an executable",
    );
  const container = ["/.dockerenv", "/run/.containerenv"].find(exists);
  if (container !== undefined && !where.mayBeContainer)
    throw notOurs(
      "this program runs in a container",
      "start the container from a newer image; --in-container does it here, for as long as the container lasts",
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
