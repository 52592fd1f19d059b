import { existsSync, mkdirSync, statSync } from "node:fs";
import { copyFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import manifest from "../../package.json" with { type: "json" };

export const ROOT = resolve(import.meta.dir, "../..");

export class BuildError extends Error {}

/** A platform that an executable is made for. */
export interface Target {
  bun: Bun.Build.CompileTarget;
  /** Package with Bun itself for the platform; its bytes are what bun.lock says. */
  runtime: string;
  /** As package registries call the platform. */
  os: "linux" | "darwin";
  cpu: "x64" | "arm64";
  /** Files of onnxruntime-node to embed, the addon first; absent where it has none for the platform. */
  onnxRuntime?: readonly string[];
}

const ADDON = "onnxruntime_binding.node";
const ON_LINUX = [ADDON, "libonnxruntime.so.1"];
const LINUX_X64 = { runtime: "@oven/bun-linux-x64", os: "linux", cpu: "x64", onnxRuntime: ON_LINUX } as const;

export const TARGETS: Readonly<Record<string, Target>> = {
  "linux-x64": { bun: "bun-linux-x64", ...LINUX_X64 },
  // For processors without AVX2. Bun 1.4.5 publishes the same bytes for both, and chooses when it runs.
  "linux-x64-baseline": { bun: "bun-linux-x64-baseline", ...LINUX_X64 },
  "linux-arm64": {
    bun: "bun-linux-arm64",
    runtime: "@oven/bun-linux-aarch64",
    os: "linux",
    cpu: "arm64",
    onnxRuntime: ON_LINUX,
  },
  "darwin-arm64": {
    bun: "bun-darwin-arm64",
    runtime: "@oven/bun-darwin-aarch64",
    os: "darwin",
    cpu: "arm64",
    onnxRuntime: [ADDON, "libonnxruntime.1.dylib"],
  },
  "darwin-x64": { bun: "bun-darwin-x64", runtime: "@oven/bun-darwin-x64", os: "darwin", cpu: "x64" },
};

/** @throws BuildError when there is no such target */
export function targetOf(name: string): Target {
  const target = Object.hasOwn(TARGETS, name) ? TARGETS[name] : undefined;
  if (target === undefined)
    throw new BuildError(`unknown target ${name}; there are ${Object.keys(TARGETS).join(", ")}`);
  return target;
}

/** Why models do not run there; undefined where they do. */
export function withoutInference(name: string): string | undefined {
  if (targetOf(name).onnxRuntime !== undefined) return undefined;
  return `onnxruntime-node ${manifest.dependencies["onnxruntime-node"]} has no library for ${name}`;
}

/** A package whose addon, and the libraries beside it, come out of the executable. */
export interface NativePackage {
  name: string;
  /** Of the registry. */
  package: string;
  /** The file of the package that loads the addon from a path, the place in it that does, and what takes that place. */
  loader: RegExp;
  place: RegExp;
  replacement: (call: string) => string;
  /** The libraries, the addon first; null where there are none for the platform. */
  libraries: { folder: string; files: readonly string[] } | null;
}

/** @param modules folder with the packages of the platform */
export function nativePackages({ os, cpu, onnxRuntime }: Target, modules: string): NativePackage[] {
  const bindings = `@duckdb/node-bindings-${os}-${cpu}`;
  const duckdb = ["duckdb.node", `libduckdb.${os === "darwin" ? "dylib" : "so"}`];
  return [
    {
      name: "onnxruntime",
      package: "onnxruntime-node",
      loader: /onnxruntime-node[\\/]dist[\\/]binding\.js$/,
      place: /require\(`\.\.\/bin\/napi-v6\/[^`]*\/onnxruntime_binding\.node`\)/,
      replacement: (call) => call,
      libraries: onnxRuntime
        ? { folder: join(modules, "onnxruntime-node/bin/napi-v6", os, cpu), files: onnxRuntime }
        : null,
    },
    {
      name: "duckdb",
      package: bindings,
      loader: /@duckdb[\\/]node-bindings[\\/]duckdb\.js$/,
      // All of the file: it names the packages of every platform, which a bundler would look for.
      place: /^[\s\S]*module\.exports = getNativeNodeBinding\(getRuntimePlatformArch\(\)\);\s*$/,
      replacement: (call) => `module.exports = ${call};`,
      libraries: { folder: join(modules, bindings), files: duckdb },
    },
  ];
}

/** Packages of a platform. */
export interface PlatformModules {
  /** Their node_modules. */
  folder: string;
  /** Bun itself. */
  runtime: string;
  /** A file of the package that it is of. */
  package: string;
}

/** Those of this machine, or of another one, brought by Bun with the hashes of bun.lock. */
export async function modulesFor({ os, cpu, runtime }: Target): Promise<PlatformModules> {
  const own = join(ROOT, "node_modules");
  // The package `bun` takes the file out of the package of the platform when it is installed.
  const installed = [join(own, runtime, "bin/bun"), join(own, "bun/bin/bun.exe")].find(isProgram);
  if (os === process.platform && cpu === process.arch && installed !== undefined)
    return { folder: own, runtime: installed, package: join(own, runtime, "package.json") };
  const folder = join(ROOT, ".cache/platforms", `${os}-${cpu}`);
  mkdirSync(folder, { recursive: true });
  for (const file of ["package.json", "bun.lock"]) await copyFile(join(ROOT, file), join(folder, file));
  const words = ["install", "--frozen-lockfile", "--ignore-scripts", `--os=${os}`, `--cpu=${cpu}`];
  const child = Bun.spawn([process.execPath, ...words], { cwd: folder, stdout: "ignore", stderr: "pipe" });
  const [said, code] = await Promise.all([new Response(child.stderr).text(), child.exited]);
  if (code !== 0)
    throw new BuildError(`the packages of ${os}-${cpu} could not be installed: ${said.trim().slice(-500)}`);
  const modules = join(folder, "node_modules");
  const bun = join(modules, runtime);
  return { folder: modules, runtime: join(bun, "bin/bun"), package: join(bun, "package.json") };
}

/** Without its installation `bun` has a text in the place of the program. */
function isProgram(path: string): boolean {
  return existsSync(path) && statSync(path).size > 1e6;
}
