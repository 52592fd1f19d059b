import { describe, expect, test } from "bun:test";
import { readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { scratchFolders } from "../scratch.ts";
import { captured } from "./captured.ts";

const folder = scratchFolders("config-init");

describe("config init", () => {
  test("writes a file for the owner alone, which run reads as it is and once keys are set", async () => {
    const path = join(folder(), "deep/my.jsonc");
    const { exitCode, stdout } = await captured(["config", "init", path]);
    expect(exitCode).toBe(0);
    expect(stdout).toStartWith(`${path}\n`);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect((await captured(["config", "show", "--config", path])).stdout).not.toContain(path);
    const edited = readFileSync(path, "utf8").replace('// "netuid": 1,', '"netuid": 42,');
    writeFileSync(path, edited);
    const shown = await captured(["config", "show", "--json"], { OPENVALIDATOR_CONFIG: path });
    expect(JSON.parse(shown.stdout).netuid).toEqual({ value: 42, origin: path });
  });

  test("never overwrites, nor follows a link to nowhere", async () => {
    const directory = folder();
    const path = join(directory, "a.jsonc");
    writeFileSync(path, "{}");
    const { exitCode, stderr } = await captured(["config", "init", path]);
    expect(exitCode).toBe(73);
    expect(stderr).toContain("is there already");
    expect(readFileSync(path, "utf8")).toBe("{}");
    symlinkSync(join(directory, "nowhere"), join(directory, "link"));
    expect((await captured(["config", "init", join(directory, "link")])).exitCode).toBe(73);
  });

  test("without a name it goes to the XDG config folder", async () => {
    const directory = folder();
    const { stdout } = await captured(["config", "init"], { XDG_CONFIG_HOME: directory });
    expect(stdout).toStartWith(`${directory}/openvalidator/openvalidator.jsonc\n`);
  });
});
