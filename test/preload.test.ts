import { CString, dlopen, FFIType, ptr } from "bun:ffi";
import { expect, test } from "bun:test";
import { homedir, tmpdir } from "node:os";
import { dirname } from "node:path";

test("home and temporary folder are of this run: here, in native code, and in processes that are started", () => {
  const { symbols } = dlopen(process.platform === "darwin" ? "libSystem.B.dylib" : "libc.so.6", {
    getenv: { args: [FFIType.ptr], returns: FFIType.ptr },
  });
  const native = (name: string): string =>
    new CString(symbols.getenv(ptr(Buffer.from(`${name}\0`)))!).toString();
  expect(dirname(homedir())).toBe(dirname(tmpdir()));
  expect(dirname(homedir())).toContain("ov_tests_");
  expect([native("HOME"), native("TMPDIR")]).toEqual([homedir(), tmpdir()]);
  const child = Bun.spawnSync(["sh", "-c", 'printf "%s %s" "$HOME" "$TMPDIR"']);
  expect(child.stdout.toString()).toBe(`${homedir()} ${tmpdir()}`);
});
