import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Check, type Result, runChecks } from "../../../src/cli/doctor/check.ts";
import { Patient } from "../../../src/cli/doctor/patient.ts";
import { type UpdatePlace, updateChecks } from "../../../src/cli/doctor/update-checks.ts";
import { loadConfiguration } from "../../../src/config/load.ts";
import { OPTIONS } from "../../../src/config/options.ts";
import { LoneFile, ReleaseFolder } from "../../../src/update/installation.ts";
import { writeReceipt } from "../../../src/update/receipt.ts";
import { readTrusted } from "../../../src/update/trust.ts";
import { changeRecord } from "../../../src/update/update-record.ts";
import { scratchFolders } from "../../scratch.ts";
import { PLATFORM, ReleaseServer } from "../../update/release-server.ts";
import { examined } from "./doctor-line.ts";

const scratch = scratchFolders("doctor-update");
let server: ReleaseServer;
beforeAll(() => {
  server = new ReleaseServer(scratch());
  server.release("1.1.0", new TextEncoder().encode("program"));
  server.start();
});
afterAll(() => server.stop());

const place = (executable: string, more: Partial<UpdatePlace["build"]> = {}): UpdatePlace => ({
  executable,
  isCompiled: true,
  mayBeContainer: true,
  build: {
    version: "1.0.0",
    builtAt: "2026-01-01T00:00:00Z",
    target: PLATFORM,
    update: { root: server.root(), urls: [server.url] },
    ...more,
  },
});

/** What the checks say of a place, by their names. */
async function said(of: UpdatePlace, flags: Record<string, string> = {}, isOffline = false) {
  const { settings } = loadConfiguration(OPTIONS, { flags, environment: {} });
  const checks: readonly Check[] = updateChecks(of);
  const patient = new Patient({
    settings,
    networkWins: false,
    environment: {},
    signal: new AbortController().signal,
    isOffline,
    isDeep: false,
    hasTerminal: false,
  });
  const results = await runChecks(checks, patient);
  return Object.fromEntries(results.map((result) => [result.name.slice("update.".length), result])) as Record<
    string,
    Result
  >;
}

function loneFile(): LoneFile {
  const path = join(scratch(), "openvalidator");
  writeFileSync(path, "program", { mode: 0o755 });
  return new LoneFile(path);
}

test("all is right for a lone file that a server knows releases for, and nothing is changed", async () => {
  const own = loneFile();
  const { installation, keys, record, trust, space, server: asked } = await said(place(own.program));
  expect([installation, keys, record, space, asked].map((one) => one!.status)).toEqual(Array(5).fill("ok"));
  expect(installation!.found).toContain("a lone file; 1.0.0 is in place");
  expect(keys!.found).toBe(`root 1 is built in, with ${server.url}`);
  expect(record!.found).toBe("no release was taken here yet");
  expect(trust).toMatchObject({ status: "skip", found: "nothing was verified here yet" });
  expect(asked!.found).toMatch(/answers: 1\.1\.0; what it says holds for \d+ days, to 20/);
  expect(readdirSync(dirname(own.program))).toEqual(["openvalidator"]);
});

test("a folder of releases, its record and what was verified there", async () => {
  const root = scratch();
  const own = new ReleaseFolder(root);
  const first = join(scratch(), "first");
  writeFileSync(first, "program", { mode: 0o755 });
  own.put(first, "1.0.0");
  own.begin("1.0.0");
  writeReceipt(root, { method: "standalone" });
  changeRecord(own.recordFile, () => ({
    confirmed: "1.0.0",
    bad: [{ version: "1.0.9", why: "w", at: "2026-01-01T00:00:00.000Z" }],
  }));
  await readTrusted(server.source(own.trustedDirectory));
  const found = await said(place(own.programOf("1.0.0")), {}, true);
  expect(found.installation).toMatchObject({
    status: "ok",
    found: `${own.program}, a folder of releases; 1.0.0 is in place`,
  });
  expect(found.record!.found).toBe("channel stable, 1.0.0 was well, not tried again: 1.0.9");
  expect(found.trust!.found).toMatch(/^what was verified last holds for \d+ days/);
  expect(found.server).toMatchObject({ status: "skip", found: "not looked at with --offline" });
  writeFileSync(own.recordFile, '{"schema":');
  const damaged = (await said(place(own.programOf("1.0.0")), {}, true)).record!;
  expect(damaged.status).toBe("warn");
  expect(damaged.fix).toContain("sets it aside");
  expect(existsSync(`${own.recordFile}.damaged`)).toBeFalse();
});

test("each thing that stands in the way of updates is a warning that says what mends it", async () => {
  const own = loneFile();
  mkdirSync(own.folder, { recursive: true });
  const contained = {
    ...place(own.program),
    mayBeContainer: false,
    exists: (path: string) => path === "/.dockerenv",
  };
  expect((await said(contained, {}, true)).installation).toMatchObject({
    status: "skip",
    found: "this program runs in a container",
  });
  const without = await said(place(own.program, { update: undefined }));
  expect(without.keys).toMatchObject({ status: "warn" });
  expect(without.server!.status).toBe("skip");
  const away = (await said(place(own.program), { "update.url": "http://127.0.0.1:9" })).server!;
  expect(away).toMatchObject({ status: "warn", found: expect.stringContaining("http://127.0.0.1:9") });
  expect(away.fix).toContain("validating does not");
  server.redate({ timestampDays: 10 });
  const late = (await said(place(own.program))).server!;
  expect(late).toMatchObject({ status: "warn", fix: expect.stringContaining("Its keepers are late") });
  expect(late.found).toMatch(/holds for (9|10) days/);
  const clock = (await said(place(own.program, { builtAt: "2999-01-01T00:00:00Z" }))).server!;
  expect(clock).toMatchObject({ status: "warn", fix: expect.stringContaining("Set the clock") });
});

test("a program from source says so, and has nothing to look at", async () => {
  const { all } = await examined(["--offline", "--mock"]);
  for (const name of ["installation", "keys", "record", "trust", "space", "server"])
    expect(all(`update.${name}`)).toMatchObject([{ status: "skip", fix: null }]);
});
