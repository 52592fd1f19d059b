import { join } from "node:path";
import { crc32 } from "node:zlib";
import type { BunPlugin } from "bun";
import type { EmbeddedLibrary } from "../base/native.ts";
import { BuildError, type NativePackage, ROOT } from "./targets.ts";

/*
 * Three dependencies do things that a single file cannot do; each patch below names the line it replaces, and the
 * build fails when that line is not there any more. Versions are pinned exactly, so an upgrade meets these checks.
 */

/** 46 MB become 15 MB in two seconds; level 19 would save 1.5 MB more for half a minute of each build. */
const ZSTD_LEVEL = 12;

/** What a build has patched, and what it has read of which package. */
export interface Seen {
  patched: Set<string>;
  /** Files below a node_modules. */
  files: Set<string>;
}

/** @throws BuildError when a file that has to be patched was not part of the build */
export function requirePatches({ patched }: Seen): void {
  for (const name of ["transformers", "onnxruntime", "duckdb", "wandb"])
    if (!patched.has(name)) throw new BuildError(`${name} was not part of the build, so it was not patched`);
}

export function plugins(packages: readonly NativePackage[], seen: Seen): BunPlugin[] {
  return [
    noteFiles(seen),
    withoutImages,
    followRequire(seen),
    leaveOutWorker(seen),
    embedLibraries(packages, seen),
  ];
}

/** Replaces text that must be there exactly once. */
function patch(source: string, what: string, pattern: RegExp, replacement: string): string {
  const count = source.match(new RegExp(pattern, `${pattern.flags}g`))?.length ?? 0;
  if (count !== 1) throw new BuildError(`${what}: expected once, found ${count} times: ${pattern}`);
  return source.replace(pattern, () => replacement);
}

/** For the list of what is inside. */
function noteFiles({ files }: Seen): BunPlugin {
  return {
    name: "note-files",
    setup(build) {
      build.onLoad({ filter: /[\\/]node_modules[\\/]/ }, ({ path }) => {
        files.add(path);
        return undefined;
      });
    },
  };
}

/** transformers.js loads sharp and refuses to start without it, though only images need it (19 MB). */
const withoutImages: BunPlugin = {
  name: "without-images",
  setup(build) {
    build.onResolve({ filter: /^sharp$/ }, () => ({ path: "sharp", namespace: "absent" }));
    build.onLoad({ filter: /^sharp$/, namespace: "absent" }, () => ({
      contents: 'module.exports = function sharp() { throw new Error("this program reads no images") }',
      loader: "js",
    }));
  },
};

/** transformers.js finds onnxruntime-node by createRequire, which a bundler cannot follow. */
function followRequire({ patched }: Seen): BunPlugin {
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
function leaveOutWorker({ patched }: Seen): BunPlugin {
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

/** Packages take their addons from paths; ours come out of the executable (src/base/native.ts). */
function embedLibraries(packages: readonly NativePackage[], { patched }: Seen): BunPlugin {
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
        const { folder } = packages.find(({ libraries }) => libraries?.files.includes(name))!.libraries!;
        const bytes = await Bun.file(join(folder, name)).bytes();
        return { contents: await Bun.zstdCompress(bytes, { level: ZSTD_LEVEL }), loader: "file" };
      });
    },
  };
}

async function loadCall({ package: name, libraries }: NativePackage): Promise<string> {
  if (libraries === null) return `(() => { throw new Error("${name} has no library for this platform"); })()`;
  const facts: string[] = [];
  for (const name of libraries.files) {
    const bytes = await Bun.file(join(libraries.folder, name)).bytes();
    const library: Omit<EmbeddedLibrary, "compressedPath"> = {
      name,
      sizeBytes: bytes.length,
      sha256: new Bun.CryptoHasher("sha256").update(bytes).digest("hex"),
      crc32: crc32(bytes),
    };
    facts.push(`{ ...${JSON.stringify(library)}, compressedPath: fileOf(require("embed:${name}")) }`);
  }
  return `(() => {
    const fileOf = (module) => module.default ?? module;
    return require("embed:loader").loadNative([${facts.join(", ")}], ${JSON.stringify(libraries.files[0])});
  })()`;
}
