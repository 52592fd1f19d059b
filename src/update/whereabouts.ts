import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { z } from "zod";
import { childEnvironment } from "../base/child-environment.ts";
import { updateFailure } from "./failure.ts";
import { type Installation, LoneFile, RECEIPT, ReleaseFolder } from "./installation.ts";
import { isVersion } from "./release.ts";

const receiptSchema = z.object({ method: z.literal("standalone") });

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
  if (root !== undefined) {
    checkReceipt(join(root, RECEIPT));
    return new ReleaseFolder(root);
  }
  if (basename(dirname(folder)) === "releases" && isVersion(basename(folder)))
    throw notOurs(
      `${dirname(dirname(folder))} has no ${RECEIPT}, so something else may be in charge of it`,
      "if nothing is: openvalidator service install",
    );
  return new LoneFile(executable);
}

function checkReceipt(path: string): void {
  try {
    receiptSchema.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch {
    throw notOurs(
      `${path} is no receipt of ours`,
      "if nothing else is in charge: openvalidator service install",
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
