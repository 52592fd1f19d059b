import { describe, expect, test } from "bun:test";
import { randomUUID } from "node:crypto";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { ReleaseFolder } from "../../src/update/installation.ts";
import { layOut } from "../../src/update/lay-out.ts";
import { readReceipt, writeReceipt } from "../../src/update/receipt.ts";
import { changeRecord, readRecord } from "../../src/update/update-record.ts";
import { scratchFolders } from "../scratch.ts";
import { ALL, DYING, eachPoint, runDying, SAYS_LEFT } from "./dying.ts";

const scratch = scratchFolders("lay-out");
const COMMIT = "c".repeat(40);

/** A file that somebody downloaded, which says it is a release. */
function downloaded(version: string, says = version) {
  const executable = join(scratch(), "downloaded");
  writeFileSync(executable, `#!/bin/sh\n# ${version}\necho '{"version":"${says}","commit":"${COMMIT}"}'\n`, {
    mode: 0o755,
  });
  return { executable, version, commit: COMMIT };
}

const firstLineOf = (path: string): string => readFileSync(path, "utf8").split("\n")[1]!;

describe("a folder of releases", () => {
  // Only root may do without the rights of root.
  test.skipIf(process.getuid?.() !== 0)(
    "asks who has no right to it for sudo or --user, and names no program that is not there yet",
    async () => {
      const program = downloaded("1.0.0");
      // In the folder of all folders, which anybody may look into; those of scratch are closed.
      const folder = `/${randomUUID()}`;
      for (const root of [folder, join(folder, "openvalidator")]) {
        process.seteuid?.(65534);
        const refused = layOut(root, program);
        await expect(refused.finally(() => process.seteuid?.(0))).rejects.toMatchObject({
          code: "update.no-permission",
          message: `this user may not write to ${root}`,
          hint: "put sudo before the command, or give --user for a folder in your home",
        });
      }
    },
  );

  test("that cannot be made for another reason than rights is not for sudo to make", async () => {
    const file = join(scratch(), "file");
    writeFileSync(file, "");
    expect(() => new ReleaseFolder(join(file, "openvalidator")).requireWritable()).toThrow("ENOTDIR");
    await expect(layOut(join(file, "openvalidator"), downloaded("1.0.0"))).rejects.toMatchObject({
      code: expect.stringMatching(/^(?:ENOTDIR|EEXIST)$/),
    });
  });

  test("is laid out whole, for all to run and its owner alone to change, and once more changes nothing", async () => {
    const root = join(scratch(), "opt/openvalidator");
    const program = downloaded("1.0.0");
    const before = process.umask(0o077);
    const made = await layOut(root, program).finally(() => process.umask(before));
    expect(made).toMatchObject({ version: "1.0.0", previous: null, isChanged: true });
    expect(readdirSync(root).sort()).toEqual([
      "current",
      "receipt.json",
      "releases",
      "update.lock",
      "updater",
    ]);
    expect(readlinkSync(join(root, "current"))).toBe("releases/1.0.0");
    for (const name of [".", "releases", "releases/1.0.0", "updater"])
      expect([name, statSync(join(root, name)).mode & 0o777]).toEqual([name, 0o755]);
    for (const name of ["current", "updater"])
      expect(statSync(join(root, name, "openvalidator")).mode & 0o777).toBe(0o755);
    expect(readReceipt(root)).toEqual({ method: "standalone" });
    expect(await layOut(root, program)).toMatchObject({ previous: "1.0.0", isChanged: false });
    // From within, as `current/openvalidator install` does it.
    const executable = made.folder.programOf("1.0.0");
    expect(await layOut(root, { ...program, executable })).toMatchObject({ isChanged: false });
  });

  test("takes a newer version, keeps the one before, and is not judged by the one that was on trial", async () => {
    const root = join(scratch(), "root");
    const { folder } = await layOut(root, downloaded("1.0.0"));
    writeReceipt(root, { method: "standalone", service: { unit: "x.service", scope: "system" } });
    const pending = {
      ...{ version: "1.0.0", previous: "0.9.0", since: "2026-01-01T00:00:00.000Z", wellWithinMs: 1 },
      ...{
        wellLeftMs: 1,
        weightsLeftMs: null,
        trialLeftMs: 0,
        usualPerMinute: null,
        slowMs: 0,
        run: null,
        restarts: 0,
      },
      isWell: false,
    };
    changeRecord(folder.recordFile, () => ({ pending }));
    expect(await layOut(root, downloaded("1.1.0"))).toMatchObject({ previous: "1.0.0", isChanged: true });
    expect(folder.currentVersion()).toBe("1.1.0");
    expect(firstLineOf(folder.updater)).toBe("# 1.1.0");
    expect(folder.versions()).toEqual(["1.0.0", "1.1.0"]);
    expect(readReceipt(root)?.service?.unit).toBe("x.service");
    const { pending: left, news } = readRecord(folder.recordFile);
    expect(left).toBeNull();
    expect(news).toMatchObject([{ outcome: "installed", from: "1.0.0", to: "1.1.0" }]);
  });

  test("is left alone where it is newer, unless that is asked for and the older one can read what is there", async () => {
    const root = join(scratch(), "root");
    const { folder } = await layOut(root, downloaded("1.1.0"));
    const older = downloaded("1.0.0");
    await expect(layOut(root, older)).rejects.toThrow("1.1.0 is in place, which is newer than this 1.0.0");
    expect(folder.versions()).toEqual(["1.1.0"]);
    changeRecord(folder.recordFile, () => ({ rollbackTo: "1.0.5" }));
    await expect(layOut(root, older, { allowsDowngrade: true })).rejects.toThrow("cannot read");
    changeRecord(folder.recordFile, () => ({ rollbackTo: "1.0.0" }));
    await layOut(root, older, { allowsDowngrade: true });
    expect(folder.currentVersion()).toBe("1.0.0");
  });

  test("is not changed by a program that does not run there, nor beside another that changes it", async () => {
    const root = join(scratch(), "root");
    const { folder } = await layOut(root, downloaded("1.0.0"));
    await expect(layOut(root, downloaded("1.1.0", "2.0.0"))).rejects.toThrow("says it is 2.0.0");
    expect(folder.currentVersion()).toBe("1.0.0");
    const unlock = folder.lock();
    await expect(layOut(root, downloaded("1.1.0"))).rejects.toThrow("another process");
    unlock();
  });

  const FOREIGN: Record<string, (root: string) => void> = {
    "with files of somebody else": (root) => writeFileSync(join(root, "notes"), ""),
    "with the receipt of a package": (root) => writeFileSync(join(root, "receipt.json"), '{"method":"apt"}'),
    "that is a file": (root) => {
      rmSync(root, { recursive: true });
      writeFileSync(root, "");
    },
    "that others may write to": (root) => chmodSync(root, 0o777),
    "whose releases lie elsewhere": (root) => {
      writeReceipt(root, { method: "standalone" });
      symlinkSync(scratch(), join(root, "releases"));
    },
  };
  for (const [words, spoil] of Object.entries(FOREIGN))
    test(`is refused where there is one ${words}`, async () => {
      const root = join(scratch(), "root");
      mkdirSync(root);
      spoil(root);
      const found = statSync(root).isDirectory() ? readdirSync(root) : [];
      await expect(layOut(root, downloaded("1.0.0"))).rejects.toMatchObject({ code: "update.not-ours" });
      expect(statSync(root).isDirectory() ? readdirSync(root) : []).toEqual(found);
    });

  test.skipIf(process.geteuid?.() !== 0)(
    "of root does not lie in a folder of somebody else, but for packing",
    async () => {
      const home = scratch();
      chmodSync(home, 0o755);
      chownSync(home, 65534, 65534);
      const root = join(home, "openvalidator");
      const refused = layOut(root, downloaded("1.0.0"));
      await expect(refused).rejects.toThrow(`others than this user may change ${home}`);
      expect(await layOut(root, downloaded("1.0.0"), { isStaged: true })).toMatchObject({ isChanged: true });
    },
  );
});

test("killed before any change of a name, it leaves what ran before, and the next one ends it", async () => {
  const driver = join(scratch(), "driver.ts");
  writeFileSync(
    driver,
    `${DYING}
const [root, executable, version] = process.argv.slice(2);
const { layOut } = await source("update/lay-out.ts");
await layOut(root, { executable, version, commit: "${COMMIT}" });
${SAYS_LEFT}`,
  );
  const versions = ["1.0.0", "1.1.0"].map((version) => downloaded(version));
  const folder = scratch();
  const fresh = async (name: string, version: string): Promise<string> => {
    const root = join(folder, name, "openvalidator");
    if (version === "1.1.0") await layOut(root, versions[0]!);
    return root;
  };
  for (const { executable, version } of versions) {
    const whole = await runDying(
      driver,
      [await fresh(`whole-${version}`, version), executable, version],
      ALL,
    );
    expect(whole.text).toBe("");
    expect(whole.changes).toBeGreaterThan(10);
    await eachPoint(whole.changes, async (die) => {
      const root = await fresh(`${version}-${die}`, version);
      const words = [root, executable, version];
      expect({ die, ...(await runDying(driver, words, die)) }).toMatchObject({ die, isKilled: true });
      const { program, updater } = new ReleaseFolder(root);
      // In place whole, or not at all.
      const runs = existsSync(program) ? firstLineOf(program) : undefined;
      const before = version === "1.0.0" ? undefined : "# 1.0.0";
      expect([before, `# ${version}`]).toContain(runs);
      if (runs !== undefined) expect([before, `# ${version}`]).toContain(firstLineOf(updater));
      const again = await runDying(driver, words, ALL);
      expect({ die, text: again.text, runs: firstLineOf(program) }).toEqual({
        die,
        text: "",
        runs: `# ${version}`,
      });
      const left = [root, join(root, "updater"), join(root, "releases", version)].flatMap((path) =>
        readdirSync(path),
      );
      const own = ["current", "receipt.json", "releases", "update.json", "update.lock", "updater"];
      expect({ die, left: left.filter((name) => !own.includes(name) && name !== "openvalidator") }).toEqual({
        die,
        left: [],
      });
      rmSync(join(root, ".."), { recursive: true });
    });
  }
}, 60_000);
