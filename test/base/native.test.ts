import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { Failure } from "../../src/base/error.ts";
import { cacheDirectory, type EmbeddedLibrary, openNative } from "../../src/base/native.ts";

const CONTENT: Record<string, Buffer> = {
  "libfirst.so": Buffer.from("first library ".repeat(5000)),
  "second.node": Buffer.from("second library"),
};

let root: string;
let cache: string;
let libraries: EmbeddedLibrary[];

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "native-test-"));
  libraries = Object.entries(CONTENT).map(([name, bytes]) => {
    const compressedPath = join(root, `${name}.zst`);
    writeFileSync(compressedPath, Bun.zstdCompressSync(bytes));
    const sha256 = new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
    return { name, sizeBytes: bytes.length, sha256, crc32: crc32(bytes), compressedPath };
  });
});
beforeEach(() => {
  cache = mkdtempSync(join(root, "cache-"));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

function read(folder: string): { folder: string; content: Record<string, Buffer> } {
  const content = Object.fromEntries(
    libraries.map(({ name }) => [name, readFileSync(join(folder, name))] as const),
  );
  return { folder, content };
}

/** Opens the libraries the way a worker does and gives what it found. */
function open(environment: Record<string, string> = { OPENVALIDATOR_CACHE: cache }): ReturnType<typeof read> {
  return openNative(libraries, read, environment);
}

describe("the cache folder", () => {
  test("is OPENVALIDATOR_CACHE, then XDG_CACHE_HOME, then ~/.cache", () => {
    const all = { OPENVALIDATOR_CACHE: "/a", XDG_CACHE_HOME: "/b", HOME: "/c" };
    expect(cacheDirectory(all)).toBe("/a");
    expect(cacheDirectory({ ...all, OPENVALIDATOR_CACHE: "" })).toBe("/b/openvalidator");
    expect(cacheDirectory({ HOME: "/c" })).toBe("/c/.cache/openvalidator");
  });

  test("is not taken from a relative XDG_CACHE_HOME", () => {
    expect(cacheDirectory({ XDG_CACHE_HOME: "here", HOME: "/c" })).toBe("/c/.cache/openvalidator");
  });
});

describe("libraries out of the executable", () => {
  test("are whole, private, and kept for the next start", () => {
    const first = open();
    expect(first.content).toEqual(CONTENT);
    expect(first.folder.startsWith(join(cache, "native"))).toBe(true);
    expect(statSync(first.folder).mode & 0o777).toBe(0o700);
    const made = statSync(join(first.folder, "libfirst.so")).ino;
    expect(statSync(join(open().folder, "libfirst.so")).ino).toBe(made);
    expect(readdirSync(first.folder).sort()).toEqual(["libfirst.so", "second.node"]);
  });

  test("of another version go to another folder", () => {
    const before = open().folder;
    const other = libraries.map((library, index) =>
      index === 0 ? { ...library, name: "libother.so" } : library,
    );
    const after = openNative(other, (folder) => folder, { OPENVALIDATOR_CACHE: cache });
    expect(after).not.toBe(before);
  });

  test.each([
    ["truncated", (path: string) => truncateSync(path, 100)],
    ["empty", (path: string) => truncateSync(path, 0)],
    ["gone", (path: string) => rmSync(path)],
    [
      "changed in one byte",
      (path: string) => {
        const bytes = readFileSync(path);
        bytes[777]! ^= 1;
        writeFileSync(path, bytes);
      },
    ],
    [
      "a link to another file",
      (path: string) => {
        rmSync(path);
        symlinkSync(join(root, "second.node.zst"), path);
      },
    ],
  ])("are replaced when the cached file is %s", (_, damage) => {
    const { folder } = open();
    const path = join(folder, "libfirst.so");
    chmodSync(path, 0o700);
    damage(path);
    const again = open();
    expect(again.folder).toBe(folder);
    expect(again.content).toEqual(CONTENT);
  });

  test("go to a temporary folder, removed after use, when the cache cannot be a folder", () => {
    const file = join(cache, "file");
    writeFileSync(file, "");
    const found = open({ OPENVALIDATOR_CACHE: join(file, "below") });
    expect(found.content).toEqual(CONTENT);
    expect(existsSync(found.folder)).toBe(false);
  });

  test("go to a temporary folder when others could exchange the cached file", () => {
    const { folder } = open();
    chmodSync(folder, 0o777);
    const found = open();
    expect(found.folder).not.toBe(folder);
    expect(found.content).toEqual(CONTENT);
  });

  test("go to a temporary folder when the cached folder is a link", () => {
    const { folder } = open();
    const elsewhere = join(cache, "elsewhere");
    mkdirSync(elsewhere, { mode: 0o700 });
    rmSync(folder, { recursive: true });
    symlinkSync(elsewhere, folder);
    expect(open().content).toEqual(CONTENT);
    expect(readdirSync(elsewhere)).toEqual([]);
  });

  test("go to a temporary folder when the disk of the cache refuses to load them", () => {
    const places: string[] = [];
    const found = openNative(
      libraries,
      (folder) => {
        places.push(folder);
        if (folder.startsWith(cache)) throw new Error("failed to map segment from shared object");
        return read(folder);
      },
      { OPENVALIDATOR_CACHE: cache },
    );
    expect(found.content).toEqual(CONTENT);
    expect(places).toHaveLength(2);
  });

  test("fail with a sentence that names each place and a way out", () => {
    const refuse = (): never => {
      throw new Error("no such luck");
    };
    let caught: unknown;
    try {
      openNative(libraries, refuse, { OPENVALIDATOR_CACHE: cache });
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(Failure);
    const failure = caught as Failure;
    expect(failure.code).toBe("native.library");
    expect(failure.message.match(/no such luck/g)).toHaveLength(2);
    expect(failure.message).toContain(cache);
    expect(failure.hint).toContain("OPENVALIDATOR_CACHE");
  });

  test("are refused when the executable itself is damaged", () => {
    const damaged = libraries.map((library) => ({ ...library, sha256: "0".repeat(64) }));
    expect(() => openNative(damaged, read, { OPENVALIDATOR_CACHE: cache })).toThrow("executable is damaged");
    expect(readdirSync(cache, { recursive: true }).filter((name) => String(name).endsWith(".so"))).toEqual(
      [],
    );
  });

  test("are whole for each of eight processes that start at once", async () => {
    const script = join(root, "start.ts");
    const native = join(import.meta.dir, "../../src/base/native.ts");
    writeFileSync(
      script,
      `import { readFileSync } from "node:fs";
       import { openNative } from ${JSON.stringify(native)};
       const sizes = openNative(${JSON.stringify(libraries)}, (folder) =>
         [...${JSON.stringify(Object.keys(CONTENT))}].map((name) => readFileSync(folder + "/" + name).length));
       process.stdout.write(JSON.stringify(sizes));`,
    );
    const starts = Array.from({ length: 8 }, () =>
      Bun.spawn([process.execPath, script], {
        env: { ...process.env, OPENVALIDATOR_CACHE: cache },
        stdout: "pipe",
      }),
    );
    const printed = await Promise.all(starts.map((start) => new Response(start.stdout).text()));
    const sizes = JSON.stringify(Object.values(CONTENT).map((bytes) => bytes.length));
    expect(printed).toEqual(Array(8).fill(sizes));
    expect(readdirSync(open().folder).sort()).toEqual(["libfirst.so", "second.node"]);
  });
});
