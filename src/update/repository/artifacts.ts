import { createReadStream, createWriteStream, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { constants, createZstdCompress } from "node:zlib";
import { z } from "zod";
import { sha256OfFile } from "../../base/file-hash.ts";
import { isVersion } from "../release.ts";

/*
 * A folder of what was built and is not signed yet: for each platform `openvalidator-<target>` and the same with `.zst`,
 * the list of what is inside, what the build says of itself, and the hashes of all of them.
 */

export const BUILT_FILE = "release.json";
export const BOM_FILE = "openvalidator.cdx.json";
export const SUMS_FILE = "SHA256SUMS";

const builtSchema = z.object({
  version: z.string().refine(isVersion, "no version"),
  commit: z.string(),
  builtAt: z.iso.datetime(),
  /** Of the state database that it writes. */
  stateVersion: z.int().positive(),
  /** The root inside the executables, JSON text. */
  root: z.string(),
  targets: z.array(z.string().regex(/^[a-z0-9-]+$/)).min(1),
});
export type Built = z.infer<typeof builtSchema>;

export function executableName(target: string): string {
  return `openvalidator-${target}`;
}

export function packedName(target: string): string {
  return `${executableName(target)}.zst`;
}

/** Level 19 saves a tenth more for minutes of each release. */
const LEVEL = 12;

/** Completes a folder that has the executables and the list of what is inside. */
export async function completeArtifacts(folder: string, built: Built): Promise<void> {
  writeFileSync(join(folder, BUILT_FILE), `${JSON.stringify(built, null, 2)}\n`);
  for (const target of built.targets) {
    const compress = createZstdCompress({ params: { [constants.ZSTD_c_compressionLevel]: LEVEL } });
    const to = createWriteStream(join(folder, packedName(target)));
    await pipeline(createReadStream(join(folder, executableName(target))), compress, to);
  }
  const lines = [];
  for (const name of namesOf(built)) lines.push(`${await sha256OfFile(join(folder, name))}  ${name}\n`);
  writeFileSync(join(folder, SUMS_FILE), lines.join(""));
}

/** @throws Error when a file is missing, added or changed since the folder was completed */
export async function readArtifacts(folder: string): Promise<Built> {
  const sums = new Map(
    readFileSync(join(folder, SUMS_FILE), "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => [line.slice(66), line.slice(0, 64)]),
  );
  const built = builtSchema.parse(JSON.parse(readFileSync(join(folder, BUILT_FILE), "utf8")));
  const names = namesOf(built);
  if (names.length !== sums.size) throw new Error(`${SUMS_FILE} names other files than ${BUILT_FILE}`);
  for (const name of names)
    if ((await sha256OfFile(join(folder, name))) !== sums.get(name))
      throw new Error(`${join(folder, name)} is not what ${SUMS_FILE} says`);
  return built;
}

function namesOf({ targets }: Built): string[] {
  const executables = targets.flatMap((target) => [executableName(target), packedName(target)]);
  return [...executables, BOM_FILE, BUILT_FILE].sort();
}
