import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import manifest from "../../package.json" with { type: "json" };
import { journalOf, stepLine } from "../analysis/lines.ts";
import { BUILD_TIMEOUT_MS, builtBinary, type Outcome, runCommand, type Scratch, scratch } from "./built.ts";
import { poison } from "./poison.ts";

let binary: string;
let place: Scratch;

beforeAll(async () => {
  binary = await builtBinary();
  place = scratch();
}, BUILD_TIMEOUT_MS);
afterAll(() => place.remove());

const run = (...words: string[]): Promise<Outcome> => runCommand([binary, ...words], place);

describe("the binary in an empty directory", () => {
  test("prints its help and exits with 0", async () => {
    const { code, stdout, stderr } = await run("--help");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain("openvalidator demo");
    expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThanOrEqual(100);
  });

  test("says which version, commit and target it is", async () => {
    const { code, stdout } = await run("version", "--json");
    expect(code).toBe(0);
    const facts = JSON.parse(stdout);
    expect(facts.version).toBe(manifest.version);
    expect(facts.commit).toMatch(/^[0-9a-f]{40}(-changed)?$|^unknown$/);
    expect(facts.target).toBe("linux-x64");
    expect(Number.isNaN(Date.parse(facts.builtAt))).toBe(false);
  });

  test("answers an unknown flag with exit code 64 and a suggestion", async () => {
    const { code, stdout, stderr } = await run("--wallet.nme", "w");
    expect({ code, stdout }).toEqual({ code: 64, stdout: "" });
    expect(stderr).toContain("--wallet.name");
  });

  test("carries no folder of the machine that built it", async () => {
    const bytes = Buffer.from(await Bun.file(binary).arrayBuffer());
    const root = resolve(import.meta.dir, "../..");
    for (const folder of ["node_modules", "src"]) expect(bytes.includes(join(root, folder))).toBe(false);
  });

  test("writes nothing into the working directory and unpacks nothing for a short command", async () => {
    await run("--help");
    await run("config", "show");
    expect(readdirSync(place.directory)).toEqual([]);
    expect(readdirSync(place.environment.HOME!)).toEqual([]);
  });

  test("asks events of its own with DuckDB out of itself", async () => {
    const events = journalOf(join(place.root, "asked"), [stepLine(1), stepLine(2)]);
    const { code, stdout, stderr } = await run(
      "query",
      "SELECT count(*) AS n FROM answers",
      events,
      "--format",
      "csv",
    );
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: "n\r\n6\r\n", stderr: "" });
  });
});

describe("a hostile working directory", () => {
  test("changes no setting and runs no code", async () => {
    const hostile = scratch();
    try {
      const mark = poison(hostile.directory);
      const version = await runCommand([binary, "version", "--json"], hostile);
      expect(JSON.parse(version.stdout).version).toBe(manifest.version);
      const config = await runCommand([binary, "config", "show"], hostile);
      expect(config.code).toBe(0);
      expect(config.stdout).not.toMatch(/stolen|\b77\b/);
      expect(existsSync(mark)).toBe(false);
    } finally {
      hostile.remove();
    }
  });

  test("is really hostile: a plain bun runs its preload", async () => {
    const hostile = scratch();
    try {
      const mark = poison(hostile.directory);
      writeFileSync(
        join(hostile.directory, "innocent.js"),
        "process.stdout.write(process.env.BT_WALLET_NAME)",
      );
      const { stdout } = await runCommand([process.execPath, "innocent.js"], hostile);
      expect(stdout).toBe("stolen");
      expect(existsSync(mark)).toBe(true);
    } finally {
      hostile.remove();
    }
  });
});
