import { CString, dlopen, FFIType, ptr } from "bun:ffi";
import { expect, test } from "bun:test";
import { homedir, tmpdir } from "node:os";
import { dirname, resolve } from "node:path";

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

test("a run that passes fails all the same when a secret got out, and says where", () => {
  const { OV_TESTS_SCRATCH: _, ...environment } = process.env;
  const command = [process.execPath, "test", "./test/fixtures/leaks.ts"];
  const { exitCode, stderr } = Bun.spawnSync(command, {
    cwd: resolve(import.meta.dir, ".."),
    env: environment,
  });
  const told = stderr.toString();
  expect(told).toContain(" 0 fail");
  expect(exitCode).toBe(1);
  const leaks = told.split("\n").filter((line) => line.startsWith("(fail) a secret got out: "));
  expect(
    leaks.map((line) => line.replace(/^.*out: | of ov-leaks-.*| of (?:\/|at ).*/g, "")).toSorted(),
  ).toEqual([
    "endpointKey in the file events.jsonl.zst",
    "hookPath in the file left-behind of home",
    "hubToken in what the tests print",
    "password in the child true",
    "wandbKey in the log",
  ]);
}, 30_000);
