import { dlopen, FFIType } from "bun:ffi";
import { describe, expect, test } from "bun:test";
import { closeSync, existsSync, mkdtempSync, openSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { lockFile, lockHolder } from "../../src/base/lock.ts";

describe("file lock", () => {
  const fresh = (): string => join(mkdtempSync(join(tmpdir(), "ov-lock-")), "state", "lock");

  test("is held by one at a time and can be taken again when given back", () => {
    const path = fresh();
    const unlock = lockFile(path);
    expect(() => lockFile(path)).toThrow(`(process ${process.pid})`);
    unlock();
    lockFile(path)();
  });

  test("ends with its process, even one that is killed", async () => {
    const path = fresh();
    const module = join(import.meta.dir, "../../src/base/lock.ts");
    const program = `const { lockFile } = await import(${JSON.stringify(module)}); lockFile(${JSON.stringify(path)}); console.log("held"); setInterval(() => {}, 1000);`;
    const child = Bun.spawn([process.execPath, "-e", program], { stdout: "pipe" });
    await child.stdout.getReader().read();
    expect(() => lockFile(path)).toThrow("already works with this wallet");
    child.kill("SIGKILL");
    await child.exited;
    lockFile(path)();
  });

  test("tells its holder to who only looks, and makes nothing", () => {
    const path = fresh();
    expect(lockHolder(path)).toBeUndefined();
    expect(existsSync(path)).toBe(false);
    const unlock = lockFile(path);
    expect(lockHolder(path)).toBe(String(process.pid));
    unlock();
    expect(lockHolder(path)).toBeUndefined();
    // Somebody else who looks at this moment is no holder.
    const looking = openSync(path, "r");
    const { symbols, close } = dlopen(process.platform === "darwin" ? "libSystem.B.dylib" : "libc.so.6", {
      flock: { args: [FFIType.i32, FFIType.i32], returns: FFIType.i32 },
    });
    expect(symbols.flock(looking, 1)).toBe(0);
    expect(lockHolder(path)).toBeUndefined();
    closeSync(looking);
    close();
    lockFile(path)();
  });

  test.skipIf(process.platform !== "linux")("is taken also where the disk takes no more", () => {
    lockFile("/dev/full")();
  });

  test("says which folder cannot be written", () => {
    const file = join(mkdtempSync(join(tmpdir(), "ov-lock-")), "file");
    writeFileSync(file, "");
    expect(() => lockFile(join(file, "state", "lock"))).toThrow(
      `The state folder ${file}/state cannot be written`,
    );
  });
});
