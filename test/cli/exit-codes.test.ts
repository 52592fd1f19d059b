import { describe, expect, test } from "bun:test";
import { join, resolve } from "node:path";
import { Failure } from "../../src/base/error.ts";
import { describeError, isInterruption } from "../../src/cli/error-text.ts";
import { EXIT_BY_CODE, exitCodeOf } from "../../src/cli/exit-codes.ts";

/** Every code that a room declares, by the unions that are called …Code. */
async function declaredCodes(): Promise<Set<string>> {
  const codes = new Set<string>();
  const root = resolve(import.meta.dir, "../../src");
  for await (const file of new Bun.Glob("**/*.ts").scan({ cwd: root })) {
    const source = await Bun.file(join(root, file)).text();
    for (const [, union] of source.matchAll(/\btype \w*Code\s*=([^;]+);/g))
      for (const [, code] of union!.matchAll(/"([a-z]+\.[a-z-]+)"/g)) codes.add(code!);
  }
  return codes;
}

describe("an exit code", () => {
  test("stands in the table for every code of every room", async () => {
    const codes = await declaredCodes();
    expect(codes.size).toBeGreaterThan(40);
    const forgotten = [...codes].filter((code) => {
      const room = code.split(".")[0]!;
      return !(code in EXIT_BY_CODE) && !(room in EXIT_BY_CODE);
    });
    expect(forgotten).toEqual([]);
  });

  test.each([
    ["config.bad-value", 64],
    ["config.unreadable", 78],
    ["chain.no-permit", 78],
    ["chain.not-registered", 78],
    ["chain.unreachable", 75],
    ["prompts.unreachable", 75],
    ["prompts.bad-source", 78],
    ["state.full", 73],
    ["net.unreachable", 75],
    ["wallet.missing", 78],
    ["service.needs-root", 77],
    ["input.missing", 78],
  ])("%p gives %p", (code, exitCode) => {
    expect(exitCodeOf(new Failure(code, { message: "x" }))).toBe(exitCode);
  });

  test.each([
    ["EACCES", 73],
    ["EROFS", 73],
    ["ENOSPC", 73],
    ["EADDRINUSE", 78],
    ["EMFILE", 75],
    ["EEXIST", 73],
    ["ENOTEMPTY", 73],
    ["ELOOP", 73],
    ["EXDEV", 73],
    ["ETXTBSY", 73],
    ["EBUSY", 73],
    ["EWHATEVER", 70],
  ])("of what the system refuses with %p is %p", (code, exitCode) => {
    const error = Object.assign(new Error(`${code}: no, mkdir '/x'`), { code });
    expect(exitCodeOf(error)).toBe(exitCode);
    expect(describeError(error)).not.toContain("exit-codes.test.ts");
    expect(describeError(error).includes("a fault of openvalidator")).toBe(exitCode === 70);
  });

  test.each([
    ['Could not write file "/x/kept.duckdb": File too large', 73],
    ['Cannot open file "/x/0": Too many open files', 75],
    ['Cannot open file "/x/0": Permission denied', 73],
    ['Cannot open file "/x/0": Nobody knows', 70],
  ])("of what the system refuses DuckDB, %p, is %p", (words, exitCode) => {
    const error = new Error(`IO Error: ${words}`);
    expect(exitCodeOf(error)).toBe(exitCode);
    expect(describeError(error).includes("a fault of openvalidator")).toBe(exitCode === 70);
  });

  test("of what nobody expected is 70, with a sentence and without frames", () => {
    const error = new TypeError("undefined is not\n an object");
    expect(exitCodeOf(error)).toBe(70);
    expect(describeError(error)).toBe(
      "error: unexpected: undefined is not an object\n  → this is a fault of openvalidator; please report it with what --logging.debug shows\n",
    );
  });
});

test("an interruption is what a signal's own reason caused, and nothing else that comes after it", () => {
  const stop = new AbortController();
  const wrapped = (): Error => new Error("outer", { cause: stop.signal.reason });
  expect(isInterruption(new Failure("deadline.aborted", { message: "x" }), stop.signal)).toBe(false);
  stop.abort();
  expect(isInterruption(wrapped(), stop.signal)).toBe(true);
  expect(isInterruption(new Failure("wallet.cancelled", { message: "x" }), stop.signal)).toBe(true);
  expect(isInterruption(new Failure("state.full", { message: "x" }), stop.signal)).toBe(false);
});
