import { describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join, relative } from "node:path";
import { chosenProfile, PROFILE_NAMES } from "../../src/rewards/profiles.ts";

const EMBEDDED = join(import.meta.dir, "../../models/profiles/embedded.json");

describe("--models.profile", () => {
  test.each([...PROFILE_NAMES])("%s is a profile of this program", (name) => {
    expect(chosenProfile(name).id).toBe(name);
  });

  test("a file of the operator's own, by its path or from the home folder", () => {
    const folder = mkdtempSync(join(tmpdir(), "profile-"));
    try {
      const path = join(folder, "own.json");
      writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(EMBEDDED, "utf8")), id: "own" }));
      expect(chosenProfile(path).id).toBe("own");
      expect(chosenProfile(`~/${relative(homedir(), path)}`).id).toBe("own");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("in a file that is no JSON is refused without a word of it", () => {
    const folder = mkdtempSync(join(tmpdir(), "profile-"));
    try {
      const path = join(folder, "words");
      writeFileSync(path, "abandon ability able");
      const refused = (): unknown => chosenProfile(path);
      expect(refused).toThrow(`--models.profile ${path} is no profile of this program, and no JSON file`);
      expect(refused).not.toThrow(/abandon/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test.each(["nothing", "toString", "__proto__"])("%s is refused", (name) => {
    expect(() => chosenProfile(name)).toThrow(
      expect.objectContaining({
        code: "config.bad-value",
        message: expect.stringContaining(`--models.profile ${name} is no profile of this program`),
      }),
    );
  });
});
