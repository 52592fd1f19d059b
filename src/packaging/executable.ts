import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { $ } from "bun";
import manifest from "../../package.json" with { type: "json" };
import type { BuildFacts } from "../config/version.ts";
import { signAdHoc } from "./mach-o.ts";
import { plugins, requirePatches, type Seen } from "./plugins.ts";
import { BuildError, modulesFor, nativePackages, ROOT, targetOf, withoutInference } from "./targets.ts";

export interface ReleaseFlags {
  /** In place of that of package.json; for tests of updates. */
  "release-version"?: string | undefined;
  /** File with the root of the update repository. */
  "update-root"?: string | undefined;
  /** Servers of releases, with commas. */
  "update-url"?: string | undefined;
  /** Seconds since 1970 that the executable tells as the time of its build; now unless given. */
  epoch?: string | undefined;
}

/** What an executable was made of. */
export interface Made {
  facts: BuildFacts;
  /** Files of packages that went into it, their libraries too. */
  files: string[];
}

/** What a build says of itself at `version`. */
export async function buildFacts(targetName: string, flags: ReleaseFlags): Promise<BuildFacts> {
  const head = await $`git rev-parse HEAD`.cwd(ROOT).quiet().nothrow();
  const changes = await $`git status --porcelain --untracked-files=no`.cwd(ROOT).quiet().nothrow();
  const commit = head.exitCode === 0 ? head.stdout.toString().trim() : "unknown";
  // https://reproducible-builds.org/docs/source-date-epoch: set by who wants the same bytes again.
  const epoch = flags.epoch ?? process.env.SOURCE_DATE_EPOCH;
  const missing = withoutInference(targetName);
  return {
    version: flags["release-version"] ?? manifest.version,
    commit: changes.stdout.length > 0 ? `${commit}-changed` : commit,
    builtAt: (epoch === undefined ? new Date() : new Date(Number(epoch) * 1000)).toISOString(),
    target: targetName,
    ...(missing && { withoutInference: missing }),
    ...updateFacts(flags),
  };
}

function updateFacts({ "update-root": root, "update-url": urls }: ReleaseFlags): Pick<BuildFacts, "update"> {
  if (root === undefined && urls === undefined) return {};
  if (root === undefined || urls === undefined)
    throw new BuildError("--update-root and --update-url go together");
  // One line, whatever its form: it is compared by what it says.
  const text = JSON.stringify(JSON.parse(readFileSync(root, "utf8")));
  return { update: { root: text, urls: urls.split(",").map((url) => url.trim().replace(/\/$/, "")) } };
}

/** Makes one executable. @throws BuildError, AggregateError of the bundler */
export async function buildExecutable(
  targetName: string,
  outfile: string,
  flags: ReleaseFlags,
): Promise<Made> {
  const folder = dirname(outfile);
  mkdirSync(folder, { recursive: true });
  // Bun writes the name of the file into the file, and the bytes shall not depend on where it goes.
  const work = mkdtempSync(join(folder, ".build-"));
  try {
    const made = await compile(targetName, join(work, "openvalidator"), flags);
    renameSync(join(work, "openvalidator"), outfile);
    return made;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function compile(targetName: string, outfile: string, flags: ReleaseFlags): Promise<Made> {
  const target = targetOf(targetName);
  const modules = await modulesFor(target);
  const packages = nativePackages(target, modules.folder);
  const seen: Seen = { patched: new Set(), files: new Set() };
  const facts = await buildFacts(targetName, flags);
  const result = await Bun.build({
    entrypoints: [join(ROOT, "src/main.ts")],
    target: "bun",
    format: "esm",
    // Commands are loaded when they are asked for, which keeps --help quick.
    splitting: true,
    bytecode: true,
    // Names stay: @polkadot/types tells classes apart by name, and a stack trace should be readable.
    minify: { whitespace: true, syntax: true, identifiers: false },
    define: {
      OPENVALIDATOR_BUILD: JSON.stringify(facts),
      // The bundler would write the folders of this machine into the executable.
      __dirname: JSON.stringify("/"),
      __filename: JSON.stringify("/openvalidator"),
    },
    plugins: plugins(packages, seen),
    compile: {
      outfile,
      target: target.bun,
      // Otherwise Bun takes the running one, or fetches one without a hash to compare it with.
      executablePath: modules.runtime,
      // The working directory belongs to anybody; nothing in it may run or change a setting.
      autoloadBunfig: false,
      autoloadDotenv: false,
      autoloadTsconfig: false,
      autoloadPackageJson: false,
    },
  });
  if (target.os === "darwin" && target.cpu === "x64") signAdHoc(outfile);
  for (const message of result.logs) process.stderr.write(`${message}\n`);
  requirePatches(seen);
  const libraries = packages.flatMap(({ libraries }) =>
    (libraries?.files ?? []).map((name) => join(libraries!.folder, name)),
  );
  return { facts, files: [...seen.files, ...libraries, modules.package] };
}
