import { existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { $ } from "bun";
import { sha256OfFile } from "../base/file-hash.ts";
import type { BuildFacts } from "../config/version.ts";
import {
  BOM_FILE,
  completeArtifacts,
  executableName,
  packedName,
  SUMS_FILE,
} from "../update/repository/artifacts.ts";
import { STATE_VERSION } from "../validator/state/schema.ts";
import { type BomSubject, billOfMaterials } from "./bom.ts";
import { buildExecutable } from "./executable.ts";
import { BuildError, ROOT, TARGETS } from "./targets.ts";

/** The root that the project keeps, beside what builds with it. */
const OWN_ROOT = join(ROOT, "src/packaging/update-root.json");

/**
 * Makes everything of a release that needs no key: executables of all platforms, packed, what is inside them, and hashes. The
 * same commit gives the same bytes in any folder; the time in them is that of the commit, or SOURCE_DATE_EPOCH.
 */
export async function makeRelease(words: string[]): Promise<void> {
  const { values: flags } = parseArgs({
    args: words,
    options: {
      target: { type: "string", multiple: true },
      out: { type: "string" },
      "release-version": { type: "string" },
      "update-root": { type: "string" },
      "update-url": { type: "string" },
    },
  });
  const root = flags["update-root"] ?? OWN_ROOT;
  if (!existsSync(root))
    throw new BuildError(`there is no root of updates in ${root}; name it with --update-root`);
  if (flags["update-url"] === undefined)
    throw new BuildError("--update-url is missing: where releases will be");
  const epoch = process.env.SOURCE_DATE_EPOCH ?? (await $`git log -1 --format=%ct`.cwd(ROOT).text()).trim();
  const out = resolve(flags.out ?? join(ROOT, "dist/release"));
  if (existsSync(out) && readdirSync(out).length > 0 && !existsSync(join(out, SUMS_FILE)))
    throw new BuildError(`${out} is there already, and is no folder of a release`);
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });

  const targets = flags.target ?? Object.keys(TARGETS);
  const subjects: BomSubject[] = [];
  const files = new Set<string>();
  let facts: BuildFacts | undefined;
  for (const target of targets) {
    const path = join(out, executableName(target));
    const made = await buildExecutable(target, path, { ...flags, "update-root": root, epoch });
    for (const file of made.files) files.add(file);
    subjects.push({ name: executableName(target), sha256: await sha256OfFile(path) });
    facts = made.facts;
  }
  if (facts?.update === undefined) throw new BuildError("there is nothing to release");
  const { version, commit, builtAt, update } = facts;
  writeFileSync(join(out, BOM_FILE), billOfMaterials(facts, subjects, files));
  await completeArtifacts(out, {
    version,
    commit,
    builtAt,
    stateVersion: STATE_VERSION,
    root: update.root,
    targets,
  });
  for (const target of targets) {
    const [full, packed] = [executableName(target), packedName(target)].map(
      (name) => `${(statSync(join(out, name)).size / 1e6).toFixed(1)} MB`,
    );
    process.stdout.write(`${target}  ${full}, packed ${packed}\n`);
  }
  process.stdout.write(`${version} of ${commit} is in ${relative(process.cwd(), out)}, unsigned\n`);
}
