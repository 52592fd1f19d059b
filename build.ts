/**
 * Makes dist/openvalidator, one executable with everything inside: `bun run build [--target NAME] [--outfile PATH]`. The
 * tools of those who keep releases stand here too: `bun build.ts key|root|publish|redate|verify`.
 *
 * Three dependencies do things that a single file cannot do; each patch below names the line it replaces, and the
 * build fails when that line is not there any more. Versions are pinned exactly, so an upgrade meets these checks.
 */

import { existsSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { $, type BunPlugin } from "bun";
import manifest from "./package.json" with { type: "json" };
import { messageOf } from "./src/base/error.ts";
import type { EmbeddedLibrary } from "./src/base/native.ts";
import type { BuildFacts } from "./src/config/version.ts";
import { RELEASE_TOOLS, runReleaseTool } from "./src/update/repository/command-line.ts";
import { STATE_VERSION } from "./src/validator/state/schema.ts";

const ROOT = import.meta.dir;

interface Target {
  bun: Bun.Build.CompileTarget;
  /** Folder of onnxruntime-node/bin/napi-v6 and the files to embed; absent where ONNX Runtime has no build. */
  onnxRuntime?: { folder: string; files: string[] };
}

const ADDON = "onnxruntime_binding.node";
const LINUX = { files: [ADDON, "libonnxruntime.so.1"] };
const TARGETS: Record<string, Target> = {
  "linux-x64": { bun: "bun-linux-x64", onnxRuntime: { folder: "linux/x64", ...LINUX } },
  // For processors without AVX2.
  "linux-x64-baseline": { bun: "bun-linux-x64-baseline", onnxRuntime: { folder: "linux/x64", ...LINUX } },
  "linux-arm64": { bun: "bun-linux-arm64", onnxRuntime: { folder: "linux/arm64", ...LINUX } },
  "darwin-arm64": {
    bun: "bun-darwin-arm64",
    onnxRuntime: { folder: "darwin/arm64", files: [ADDON, "libonnxruntime.1.dylib"] },
  },
  "darwin-x64": { bun: "bun-darwin-x64" },
};

/** 46 MB become 15 MB in two seconds; level 19 would save 1.5 MB more for half a minute of each build. */
const ZSTD_LEVEL = 12;

class BuildError extends Error {}

/** Replaces text that must be there exactly once. */
function patch(source: string, what: string, pattern: RegExp, replacement: string): string {
  const count = source.match(new RegExp(pattern, `${pattern.flags}g`))?.length ?? 0;
  if (count !== 1) throw new BuildError(`${what}: expected once, found ${count} times: ${pattern}`);
  return source.replace(pattern, () => replacement);
}

/** transformers.js loads sharp and refuses to start without it, though only images need it (19 MB). */
const withoutImages: BunPlugin = {
  name: "without-images",
  setup(build) {
    build.onResolve({ filter: /^sharp$/ }, () => ({ path: "sharp", namespace: "absent" }));
    build.onLoad({ filter: /^sharp$/, namespace: "absent" }, () => ({
      contents: 'export default function sharp() { throw new Error("this program reads no images") }',
      loader: "js",
    }));
  },
};

/** transformers.js finds onnxruntime-node by createRequire, which a bundler cannot follow. */
function followRequire(patched: Set<string>): BunPlugin {
  return {
    name: "follow-require",
    setup(build) {
      build.onLoad({ filter: /transformers\.node\.mjs$/ }, async ({ path }) => {
        patched.add("transformers");
        const text = await Bun.file(path).text();
        const inlined = patch(
          text,
          "transformers.js asks for onnxruntime-node",
          /requireFromHere\("onnxruntime-node"\)/,
          'require("onnxruntime-node")',
        );
        const line = /^var requireFromHere = createRequire\(import\.meta\.url \?\? __filename\);$/m;
        return { contents: patch(inlined, "transformers.js makes its require", line, ""), loader: "js" };
      });
    },
  };
}

/**
 * @wandb/sdk can run in a worker, whose file it finds by its path on disk. We never ask for that one, and the bundler would
 * write the path of this machine into the executable.
 */
function leaveOutWorker(patched: Set<string>): BunPlugin {
  return {
    name: "leave-out-worker",
    setup(build) {
      build.onLoad(
        { filter: /@wandb[\\/]sdk[\\/]dist[\\/]sdk[\\/]interface[\\/]messenger\.c?js$/ },
        async ({ path }) => {
          patched.add("wandb");
          const text = await Bun.file(path).text();
          const call = /require\.resolve\([^)]*\)/;
          return {
            contents: patch(text, "@wandb/sdk finds its worker", call, '"/wandb-worker"'),
            loader: "js",
          };
        },
      );
    },
  };
}

/** A package whose addon, and the libraries beside it, come out of the executable. */
interface NativePackage {
  name: string;
  /** The file of the package that loads the addon from a path, the place in it that does, and what takes that place. */
  loader: RegExp;
  place: RegExp;
  replacement: (call: string) => string;
  /** Folder of the libraries, the addon first. */
  folder: string;
  files: string[];
}

/** Packages take their addons from paths; ours come out of the executable (src/base/native.ts). */
function embedLibraries(packages: readonly NativePackage[], patched: Set<string>): BunPlugin {
  return {
    name: "embed-libraries",
    setup(build) {
      for (const one of packages)
        build.onLoad({ filter: one.loader }, async ({ path }) => {
          patched.add(one.name);
          const text = await Bun.file(path).text();
          const code = one.replacement(await loadCall(one));
          return { contents: patch(text, `${one.name} loads its addon`, one.place, code), loader: "js" };
        });
      // Names without the folder of this machine: names of chunks are made of them, and the bytes have to be the same anywhere.
      build.onResolve({ filter: /^embed:/ }, ({ path }) =>
        path === "embed:loader"
          ? { path: join(ROOT, "src/base/native.ts") }
          : { path: `${path.slice("embed:".length)}.zst`, namespace: "compressed" },
      );
      build.onLoad({ filter: /\.zst$/, namespace: "compressed" }, async ({ path }) => {
        const name = path.slice(0, -".zst".length);
        const { folder } = packages.find(({ files }) => files.includes(name))!;
        const bytes = await Bun.file(join(folder, name)).bytes();
        return { contents: await Bun.zstdCompress(bytes, { level: ZSTD_LEVEL }), loader: "file" };
      });
    },
  };
}

async function loadCall({ folder, files }: NativePackage): Promise<string> {
  const libraries: string[] = [];
  for (const name of files) {
    const bytes = await Bun.file(join(folder, name)).bytes();
    const facts: Omit<EmbeddedLibrary, "compressedPath"> = {
      name,
      sizeBytes: bytes.length,
      sha256: new Bun.CryptoHasher("sha256").update(bytes).digest("hex"),
    };
    libraries.push(`{ ...${JSON.stringify(facts)}, compressedPath: fileOf(require("embed:${name}")) }`);
  }
  return `(() => {
    const fileOf = (module) => module.default ?? module;
    return require("embed:loader").loadNative([${libraries.join(", ")}], ${JSON.stringify(files[0])});
  })()`;
}

/** Packages with libraries for a target; those of other platforms are installed beside ours when that is asked for. */
function nativePackages(
  targetName: string,
  { folder, files }: NonNullable<Target["onnxRuntime"]>,
): NativePackage[] {
  const modules = join(ROOT, "node_modules");
  const platform = targetName.replace("-baseline", "");
  const duckdb = join(modules, "@duckdb", `node-bindings-${platform}`);
  if (!existsSync(duckdb))
    throw new BuildError(
      `the library of DuckDB for ${platform} is not installed: bun install --frozen-lockfile --os='*' --cpu='*'`,
    );
  return [
    {
      name: "onnxruntime",
      loader: /onnxruntime-node[\\/]dist[\\/]binding\.js$/,
      place: /require\(`\.\.\/bin\/napi-v6\/[^`]*\/onnxruntime_binding\.node`\)/,
      replacement: (call) => call,
      folder: join(modules, "onnxruntime-node/bin/napi-v6", folder),
      files,
    },
    {
      name: "duckdb",
      loader: /@duckdb[\\/]node-bindings[\\/]duckdb\.js$/,
      // All of the file: it names the packages of every platform, which a bundler would look for.
      place: /^[\s\S]*module\.exports = getNativeNodeBinding\(getRuntimePlatformArch\(\)\);\s*$/,
      replacement: (call) => `module.exports = ${call};`,
      folder: duckdb,
      files: ["duckdb.node", `libduckdb.${platform.startsWith("darwin") ? "dylib" : "so"}`],
    },
  ];
}

interface ReleaseFlags {
  /** In place of that of package.json; for tests of updates. */
  "release-version"?: string | undefined;
  /** File with the root of the update repository. */
  "update-root"?: string | undefined;
  /** Servers of releases, with commas. */
  "update-url"?: string | undefined;
}

function updateFacts({ "update-root": root, "update-url": urls }: ReleaseFlags): Pick<BuildFacts, "update"> {
  if (root === undefined && urls === undefined) return {};
  if (root === undefined || urls === undefined)
    throw new BuildError("--update-root and --update-url go together");
  // One line, whatever its form: it is compared by what it says.
  const text = JSON.stringify(JSON.parse(readFileSync(root, "utf8")));
  return { update: { root: text, urls: urls.split(",").map((url) => url.trim().replace(/\/$/, "")) } };
}

async function buildFacts(target: string, flags: ReleaseFlags): Promise<BuildFacts> {
  const head = await $`git rev-parse HEAD`.cwd(ROOT).quiet().nothrow();
  const changes = await $`git status --porcelain --untracked-files=no`.cwd(ROOT).quiet().nothrow();
  const commit = head.exitCode === 0 ? head.stdout.toString().trim() : "unknown";
  // reproducible-builds.org: seconds since the epoch, set by who wants the same bytes again.
  const epoch = process.env.SOURCE_DATE_EPOCH;
  return {
    version: flags["release-version"] ?? manifest.version,
    commit: changes.stdout.length > 0 ? `${commit}-changed` : commit,
    builtAt: (epoch === undefined ? new Date() : new Date(Number(epoch) * 1000)).toISOString(),
    target,
    ...updateFacts(flags),
  };
}

function hostTarget(): string {
  return `${process.platform}-${process.arch}`;
}

async function build(targetName: string, outfile: string, flags: ReleaseFlags): Promise<void> {
  const target = TARGETS[targetName];
  if (target === undefined)
    throw new BuildError(`unknown target ${targetName}; there are ${Object.keys(TARGETS).join(", ")}`);
  if (target.onnxRuntime === undefined)
    throw new BuildError(
      `onnxruntime-node ${manifest.dependencies["onnxruntime-node"]} has no library for ${targetName}`,
    );
  const packages = nativePackages(targetName, target.onnxRuntime);
  const patched = new Set<string>();
  mkdirSync(dirname(outfile), { recursive: true });
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
    plugins: [
      withoutImages,
      followRequire(patched),
      leaveOutWorker(patched),
      embedLibraries(packages, patched),
    ],
    compile: {
      outfile,
      // Naming the target makes Bun fetch its runtime for it; for this machine it copies the running one.
      ...(targetName === hostTarget() ? {} : { target: target.bun }),
      // The working directory belongs to anybody; nothing in it may run or change a setting.
      autoloadBunfig: false,
      autoloadDotenv: false,
      autoloadTsconfig: false,
      autoloadPackageJson: false,
    },
  });
  for (const message of result.logs) console.warn(String(message));
  for (const name of ["transformers", "onnxruntime", "duckdb", "wandb"])
    if (!patched.has(name)) throw new BuildError(`${name} was not part of the build, so it was not patched`);
  const size = (statSync(outfile).size / 1e6).toFixed(1);
  console.log(`${relative(process.cwd(), outfile)}  ${facts.version}  ${targetName}  ${size} MB`);
}

async function main(words: string[]): Promise<void> {
  const [first] = words;
  if (first !== undefined && Object.hasOwn(RELEASE_TOOLS, first))
    return await runReleaseTool(words, STATE_VERSION);
  const { values } = parseArgs({
    args: words,
    options: {
      target: { type: "string" },
      outfile: { type: "string" },
      "release-version": { type: "string" },
      "update-root": { type: "string" },
      "update-url": { type: "string" },
    },
  });
  await build(
    values.target ?? "linux-x64",
    resolve(values.outfile ?? join(ROOT, "dist/openvalidator")),
    values,
  );
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof AggregateError ? error.errors.map(String).join("\n") : messageOf(error));
  process.exitCode = 1;
}
