import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import { configureLog, keepInLogFile, log } from "../../src/base/log.ts";
import { LogFile } from "../../src/base/log-file.ts";
import { configureTestLog } from "../captured-log.ts";
import { captured } from "../cli/captured.ts";
import { scratchFolders } from "../scratch.ts";

const folder = scratchFolders("log-file");
const sizesOf = (directory: string): Record<string, number> =>
  Object.fromEntries(
    readdirSync(directory)
      .sort()
      .map((name) => [name, statSync(join(directory, name)).size]),
  );

describe("a log file", () => {
  test("is put aside when it is full, and so many are kept", () => {
    const directory = folder();
    const path = join(directory, "deep/x.log");
    const file = new LogFile({ path, maxBytes: 100, count: 3 });
    for (let at = 0; at < 25; at++) file.write(`${String(at).padStart(19, "0")}\n`);
    file.close();
    expect(sizesOf(join(directory, "deep"))).toEqual({ "x.log": 100, "x.log.1": 100, "x.log.2": 100 });
    expect(readFileSync(`${path}.2`, "utf8")).toStartWith("0000000000000000010\n");
    expect(readFileSync(path, "utf8")).toEndWith("0000000000000000024\n");
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(`${path}.1`).mode & 0o777).toBe(0o600);
    expect(statSync(join(directory, "deep")).mode & 0o777).toBe(0o700);
  });

  test("goes on where it stopped; one file alone begins anew; a line larger than all is kept whole", () => {
    const path = join(folder(), "x.log");
    for (const text of ["one\n", "two\n"]) {
      const file = new LogFile({ path, maxBytes: 8, count: 1 });
      file.write(text);
      file.close();
    }
    expect(readFileSync(path, "utf8")).toBe("one\ntwo\n");
    const file = new LogFile({ path, maxBytes: 8, count: 1 });
    file.write("a line that is long\n");
    file.close();
    expect(readFileSync(path, "utf8")).toBe("a line that is long\n");
    expect(existsSync(`${path}.1`)).toBe(false);
  });

  test("follows a file that somebody else put aside, and two writers lose no line", async () => {
    const directory = folder();
    const path = join(directory, "x.log");
    const [one, two] = [1, 2].map(() => new LogFile({ path, maxBytes: 60, count: 50 }));
    for (let at = 0; at < 20; at++) (at % 2 ? one : two)!.write(`line ${String(at).padStart(4, "0")}\n`);
    const all = readdirSync(directory).map((name) => readFileSync(join(directory, name), "utf8"));
    expect(all.join("").match(/line/g)).toHaveLength(20);
    renameSync(path, `${path}.old`);
    await Bun.sleep(1_100);
    one!.write("after\n");
    expect(readFileSync(path, "utf8")).toBe("after\n");
    one!.close();
    two!.close();
  });

  test("refuses what is no file", () => {
    expect(() => new LogFile({ path: folder(), maxBytes: 1, count: 1 })).toThrow();
    expect(() => new LogFile({ path: "/dev/null", maxBytes: 1, count: 1 })).toThrow("not a regular file");
  });
});

describe("the log", () => {
  let lines: string[];
  beforeEach(() => {
    lines = [];
  });
  afterEach(configureTestLog);

  test("writes every line to the file too, without colour, and what it is not told to write only there", () => {
    const path = join(folder(), "x.log");
    const file = { path, maxBytes: 10_000, count: 2 };
    configureLog({ level: "info", format: "pretty", write: (line) => lines.push(line), file });
    log.info("Hello", { a: "b\u001b[31m c" });
    log.debug("not asked for");
    keepInLogFile("error", "error: the end");
    expect(lines).toHaveLength(1);
    expect(readFileSync(path, "utf8")).toMatch(
      /^\d{4}-\S+Z INFO {2}Hello {2}a="b\\\S+ c"\n\S+ ERROR error: the end\n$/,
    );
    configureLog({ level: "info", format: "json", file });
    log.warn("Two");
    expect(JSON.parse(readFileSync(path, "utf8").trim().split("\n").at(-1)!)).toMatchObject({
      level: "warn",
      message: "Two",
    });
  });

  test.each([60, 80, 100])(
    "a pretty line keeps to a terminal of %p characters, and the file's is whole",
    (columns) => {
      const path = join(folder(), "x.log");
      const file = { path, maxBytes: 10_000, count: 2 };
      configureLog({ level: "info", format: "pretty", columns, write: (line) => lines.push(line), file });
      const fields = {
        endpoint: "ws://127.0.0.1:9944",
        reason: "its newest block is older than that of any other one",
      };
      log.warn("An endpoint of the chain cannot be used, and the next one in the list is tried", fields);
      log.info("Short", { a: 1 });
      const shown = lines.map((line) => Bun.stripANSI(line).trimEnd().split("\n"));
      expect(shown[0]!.length).toBeGreaterThan(1);
      expect(shown.flat().filter((line) => Bun.stringWidth(line) > columns)).toEqual([]);
      expect(shown[0]!.slice(1).every((line) => /^ {15}\S/.test(line))).toBeTrue();
      expect(shown[0]!.map((line) => line.trim()).join(" ")).toContain(
        "in the list is tried endpoint=ws://127.0.0.1:9944 ",
      );
      expect(shown[1]![0]).toMatch(/^[\d:]{8} info {2}Short {2}a=1$/);
      expect(readFileSync(path, "utf8").trim().split("\n")).toHaveLength(2);
    },
  );

  test("a file that cannot be written is told once, and the run goes on", () => {
    const directory = folder();
    const file = { path: join(directory, "sub/x.log"), maxBytes: 10, count: 2 };
    configureLog({ level: "info", format: "plain", write: (line) => lines.push(line), file });
    log.info("One line that fills it");
    // Its next name is taken by a folder, so that it cannot be put aside.
    mkdirSync(`${file.path}.1/occupied`, { recursive: true });
    log.info("Two");
    log.info("Three");
    expect(lines.filter((line) => line.includes("The log file cannot be written"))).toHaveLength(1);
    expect(lines.filter((line) => /Two|Three/.test(line))).toHaveLength(2);
  });
});

describe("--log.file", () => {
  afterEach(configureTestLog);

  test("keeps also why a command ended", async () => {
    const path = join(folder(), "x.log");
    const { exitCode } = await captured(["config", "show", "--log.file", path, "--netuid", "x"]);
    expect(exitCode).toBe(64);
    expect(readFileSync(path, "utf8")).toMatch(/^\S+ ERROR error: --netuid /);
  });

  test("that cannot be made ends the command", async () => {
    const { exitCode, stderr } = await captured(["config", "show", "--log.file", "/proc/none/x.log"]);
    expect(exitCode).toBe(73);
    expect(stderr).toContain("/proc/none");
  });
});
