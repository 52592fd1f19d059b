import { afterAll, beforeAll, expect, test } from "bun:test";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { LoneFile, ReleaseFolder } from "../../src/update/installation.ts";
import { readRecord } from "../../src/update/update-record.ts";
import { scratchFolders } from "../scratch.ts";
import { ALL, DYING, type Ending, eachPoint, runDying, SAYS_LEFT } from "./dying.ts";
import { ReleaseServer } from "./release-server.ts";

const scratch = scratchFolders("killed");
const COMMIT = "c".repeat(40);
const program = (version: string): Buffer =>
  Buffer.from(`#!/bin/sh\n# ${version}\necho '{"version":"${version}","commit":"${COMMIT}"}'\n`);

let server: ReleaseServer;
let driver: string;

const DRIVER = `${DYING}
const [form, at, url, root] = process.argv.slice(2);
const { Updater } = await source("update/apply.ts");
const { PACE } = await source("update/pace.ts");
const { findRelease } = await source("update/artifact.ts");
const { LoneFile, ReleaseFolder } = await source("update/installation.ts");
const { readTrusted } = await source("update/trust.ts");
const installation = form === "file" ? new LoneFile(at) : new ReleaseFolder(at);
let nowMs = Date.now();
let started = installation.currentVersion();
const service = {
  restart: async () => { started = installation.currentVersion(); },
  health: async () => ({
    version: started, run: "run-" + started, phase: "running", healthy: true,
    reasons: [], chain: { headAgeS: 1 }, steps: { counted: 9, perMinute: 4 },
    weights: { isEnabled: false, included: 0, epochBlocks: null }, restart: { isSafe: true, why: null },
  }),
};
const updater = new Updater(installation, {
  service, pace: { ...PACE, now: () => nowMs, ticks: () => nowMs, sleep: async (ms) => { nowMs += ms; } },
});
await updater.settle(Infinity);
if (installation.currentVersion() === "1.0.0") {
  const files = await readTrusted({
    urls: [url], root: fs.readFileSync(root, "utf8"), cacheDirectory: installation.trustedDirectory, builtAtMs: 0,
  });
  const found = await findRelease(files, "stable/linux-x64");
  await updater.install(files, found, "1.0.0", { waits: true });
  await updater.settle(Infinity);
}
${SAYS_LEFT}`;

beforeAll(() => {
  server = new ReleaseServer(scratch());
  server.release("1.1.0", program("1.1.0"));
  server.start();
  driver = join(scratch(), "driver.ts");
  writeFileSync(driver, DRIVER);
  writeFileSync(join(driver, "../root.json"), server.root());
});
afterAll(() => server.stop());

function run(form: string, at: string, die: number): Promise<Ending> {
  return runDying(driver, [form, at, server.url, join(driver, "../root.json")], die);
}

function fresh(form: string, folder: string): string {
  mkdirSync(folder, { recursive: true });
  const first = join(folder, "first");
  writeFileSync(first, program("1.0.0"), { mode: 0o755 });
  if (form === "folder") {
    const root = join(folder, "opt");
    const opt = new ReleaseFolder(root);
    opt.put(first, "1.0.0");
    opt.begin("1.0.0");
    return root;
  }
  const path = join(folder, "openvalidator");
  cpSync(first, path);
  new LoneFile(path).adopt("1.0.0");
  return path;
}

test.each(["folder", "file"])(
  "killed before any change of a name, an update of a %s leaves a whole program, and the next run ends it",
  async (form) => {
    const folder = scratch();
    const whole = await run(form, fresh(form, join(folder, "whole")), ALL);
    const { changes } = whole;
    expect(whole.text).toBe("");
    expect(changes).toBeGreaterThan(20);
    await eachPoint(changes, async (die) => {
      const own = join(folder, String(die));
      const at = fresh(form, own);
      expect({ die, ...(await run(form, at, die)) }).toMatchObject({ die, isKilled: true });
      const installation = form === "folder" ? new ReleaseFolder(at) : new LoneFile(at);
      const runs = (): string => readFileSync(installation.program, "utf8").split("\n")[1]!;
      expect(["# 1.0.0", "# 1.1.0"]).toContain(runs());
      const again = await run(form, at, ALL);
      expect({ die, text: again.text, runs: runs() }).toEqual({ die, text: "", runs: "# 1.1.0" });
      expect(readRecord(installation.recordFile)).toMatchObject({
        pending: null,
        confirmed: "1.1.0",
        bad: [],
      });
      rmSync(own, { recursive: true });
    });
  },
  120_000,
);
