import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { ReleaseFolder } from "../../src/update/installation.ts";
import { writeReceipt } from "../../src/update/receipt.ts";
import { findInstallation, type Whereabouts } from "../../src/update/whereabouts.ts";
import { scratchFolders } from "../scratch.ts";

const scratch = scratchFolders("whereabouts");

const NOWHERE: Whereabouts = {
  executable: "/home/me/openvalidator",
  isCompiled: true,
  exists: () => false,
  packageOf: () => undefined,
};

const OTHERS: Record<string, Partial<Whereabouts>> = {
  "runs from its source": { isCompiled: false },
  "in a container": { exists: (path) => path === "/.dockerenv" },
  "a package manager": { executable: "/nix/store/x-openvalidator/bin/openvalidator" },
  "the package openvalidator": { executable: "/usr/bin/openvalidator", packageOf: () => "openvalidator" },
  "no receipt.json": { executable: "/opt/openvalidator/releases/1.0.0/openvalidator" },
};
for (const [words, where] of Object.entries(OTHERS))
  test(`a program of which somebody else is in charge is left alone: ${words}`, () => {
    expect(() => findInstallation({ ...NOWHERE, ...where })).toThrow(words.split(" ").at(-1)!);
  });

test("a container is updated where the operator wants that", () => {
  const found = findInstallation({
    ...NOWHERE,
    exists: (path) => path === "/.dockerenv",
    mayBeContainer: true,
  });
  expect(found.kind).toBe("file");
});

test("a folder with a receipt is ours, from its releases and from its updater", () => {
  const root = join(scratch(), "openvalidator");
  const program = join(scratch(), "program");
  writeFileSync(program, "program");
  const folder = new ReleaseFolder(root);
  folder.put(program, "1.0.0");
  folder.begin("1.0.0");
  writeReceipt(root, { method: "standalone" });
  const { exists: _, ...where } = NOWHERE;
  for (const executable of [folder.programOf("1.0.0"), folder.updater])
    expect(findInstallation({ ...where, executable, mayBeContainer: true }).recordFile).toBe(
      folder.recordFile,
    );
  writeFileSync(join(root, "receipt.json"), '{"method":"apt"}');
  expect(() => findInstallation({ ...where, executable: folder.updater, mayBeContainer: true })).toThrow(
    "no receipt of ours",
  );
});
