import { describe, expect, test } from "bun:test";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { lockFile } from "../../src/base/lock.ts";

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
