import { randomBytes } from "node:crypto";
import {
  closeSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
} from "node:fs";
import { homedir, tmpdir } from "node:os";
import { isAbsolute, join } from "node:path";
import { crc32 } from "node:zlib";
import { writeWhole } from "./atomic.ts";
import { Failure, messageOf } from "./error.ts";

/*
 * The operating system can only load a library from a file, so the binary carries ONNX Runtime and DuckDB compressed and
 * puts each into a cache folder when it is first needed. build.ts makes their packages call loadNative(); run from source,
 * nothing here is used.
 */

export type NativeCode = "native.library";

/** A library inside the executable. */
export interface EmbeddedLibrary {
  /** File name that the loader expects. */
  name: string;
  /** Of the library itself, not of its compressed form. */
  sizeBytes: number;
  sha256: string;
  crc32: number;
  /** Where the zstd-compressed form can be read. */
  compressedPath: string;
}

export interface ExtractionPlace {
  folder: string;
  /** Removed once the libraries are loaded: a loaded library needs no file any more. */
  isTemporary: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Absolute folder for things that can be made again; undefined where the user has no home. */
export function cacheDirectory(environment: Environment = process.env): string | undefined {
  const own = environment.OPENVALIDATOR_CACHE;
  if (own !== undefined && own !== "") return isAbsolute(own) ? own : join(process.cwd(), own);
  // The XDG base directory specification tells to ignore a relative path here.
  const xdg = environment.XDG_CACHE_HOME;
  if (xdg !== undefined && isAbsolute(xdg)) return join(xdg, "openvalidator");
  const home = environment.HOME ?? homedir();
  return isAbsolute(home) ? join(home, ".cache", "openvalidator") : undefined;
}

function sha256Of(bytes: Uint8Array): string {
  return new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
}

/** One name for a set of libraries, so that versions never share a folder. */
function setName(libraries: readonly EmbeddedLibrary[]): string {
  return sha256Of(Buffer.from(libraries.map(({ name, sha256 }) => `${sha256} ${name}\n`).join(""))).slice(
    0,
    32,
  );
}

/** Makes the folder and refuses one in which somebody else could exchange a library between our check and its use. */
function prepareFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const { mode, uid } = lstatSync(folder);
  const self = process.getuid?.();
  if ((mode & 0o170000) !== 0o040000) throw new Error(`${folder} is not a folder`);
  if (self !== undefined && uid !== self) throw new Error(`${folder} belongs to another user`);
  if ((mode & 0o022) !== 0) throw new Error(`${folder} can be written by other users`);
}

/** Bytes of a file that are read at once. */
const CHUNK_BYTES = 1 << 18;

/**
 * Whether the file is there, whole and unchanged, which is looked at in each start, because a flipped byte in a library
 * shows itself as a wrong score or a crash. Nobody else can write into the folder, so this is about damage, and a CRC
 * finds that: of 70 MB in 4 ms, where SHA-256 took 90, more than the answer to a question may take.
 */
function isIntact(path: string, library: EmbeddedLibrary): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (!found?.isFile() || found.size !== library.sizeBytes) return false;
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  const fd = openSync(path, "r");
  try {
    let sum = 0;
    for (let read = readSync(fd, chunk); read > 0; read = readSync(fd, chunk))
      sum = crc32(chunk.subarray(0, read), sum);
    return sum === library.crc32;
  } finally {
    closeSync(fd);
  }
}

/** Writes under a name of its own and renames, so that two starts at once each see a whole file or none. */
function extract(library: EmbeddedLibrary, path: string): void {
  const bytes = Bun.zstdDecompressSync(readFileSync(library.compressedPath));
  if (bytes.length !== library.sizeBytes || sha256Of(bytes) !== library.sha256)
    throw new Error(`the executable is damaged: ${library.name} inside it has a wrong checksum`);
  const temporary = `${path}.${randomBytes(6).toString("hex")}.part`;
  try {
    const fd = openSync(temporary, "wx", 0o500);
    try {
      writeWhole(fd, bytes);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** Puts what is missing or damaged into the folder. @throws Error of the file system. */
function extractInto(folder: string, libraries: readonly EmbeddedLibrary[]): void {
  prepareFolder(folder);
  for (const library of libraries) {
    const path = join(folder, library.name);
    if (!isIntact(path, library)) extract(library, path);
  }
}

function* places(environment: Environment, set: string): Generator<ExtractionPlace> {
  const cache = cacheDirectory(environment);
  if (cache !== undefined) yield { folder: join(cache, "native", set), isTemporary: false };
  // Unwritable, foreign or noexec cache: a private folder for this start only.
  yield { folder: mkdtempSync(join(tmpdir(), "openvalidator-native-")), isTemporary: true };
}

/**
 * Extracts the libraries and hands the folder to `open`, in the cache folder or, where that does not work, in a
 * temporary one.
 * @throws Failure `native.library` when no place works; its data names each place and its error.
 */
export function openNative<T>(
  libraries: readonly EmbeddedLibrary[],
  open: (folder: string) => T,
  environment: Environment = process.env,
): T {
  const attempts: { folder: string; error: string }[] = [];
  const remaining = places(environment, setName(libraries));
  for (;;) {
    let folder = tmpdir();
    let isTemporary = false;
    try {
      const next = remaining.next();
      if (next.done) break;
      ({ folder, isTemporary } = next.value);
      extractInto(folder, libraries);
      return open(folder);
    } catch (error) {
      attempts.push({ folder, error: messageOf(error) });
    } finally {
      if (isTemporary) rmSync(folder, { recursive: true, force: true });
    }
  }
  const told = attempts.map(({ folder, error }) => `${folder}: ${error}`).join("; ");
  throw new Failure<NativeCode>("native.library", {
    message: `${libraries.map(({ name }) => name).join(" and ")} could not be put on disk and loaded (${told})`,
    hint: "set OPENVALIDATOR_CACHE to a folder of this user, with 100 MB free, on a disk not mounted noexec",
    data: { attempts },
  });
}

/**
 * Loads an addon and the libraries beside it.
 * @returns the exports of the addon.
 */
export function loadNative(libraries: readonly EmbeddedLibrary[], addon: string): unknown {
  return openNative(libraries, (folder) => {
    const loaded = { exports: {} };
    process.dlopen(loaded, join(folder, addon));
    return loaded.exports;
  });
}
