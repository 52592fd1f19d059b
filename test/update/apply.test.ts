import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isFailure } from "../../src/base/error.ts";
import { type Service, Updater } from "../../src/update/apply.ts";
import { findRelease } from "../../src/update/artifact.ts";
import type { Health } from "../../src/update/confirm.ts";
import { type Installation, LoneFile, ReleaseFolder } from "../../src/update/installation.ts";
import { PACE, type Pace } from "../../src/update/pace.ts";
import { readTrusted } from "../../src/update/trust.ts";
import { changeRecord } from "../../src/update/update-record.ts";
import { scratchFolders } from "../scratch.ts";
import { ReleaseServer } from "./release-server.ts";

const scratch = scratchFolders("apply");
const COMMIT = "c".repeat(40);

/** A release that says which one it is, as far as an updater looks at it. */
function program(version: string, says = version): Buffer {
  return Buffer.from(`#!/bin/sh\n# ${version}\necho '{"version":"${says}","commit":"${COMMIT}"}'\n`);
}

/** What a validator of each version is like some minutes after its start. */
type Character = "well" | "silent" | "stuck" | "dying" | "without weights" | "slow" | "ended";

/** A service manager with a validator, on a clock that runs as fast as it is read. */
class FakeService implements Service {
  nowMs = Date.parse("2026-11-28T12:00:00Z");
  isSafe = true;
  restarts: (string | undefined)[] = [];
  failsToStart = false;
  #run = 0;
  #startedMs = this.nowMs - 3_600_000;
  #version: string | undefined;

  constructor(
    readonly installation: Installation,
    readonly characters: Record<string, Character>,
    version = "1.0.0",
  ) {
    this.#version = version;
  }

  pace(): Pace {
    const now = (): number => this.nowMs;
    return { ...PACE, now, ticks: now, sleep: async (ms) => this.#pass(ms) };
  }

  #pass(ms: number): void {
    this.nowMs += ms;
  }

  async restart(): Promise<void> {
    this.#version = this.installation.currentVersion();
    this.restarts.push(this.#version);
    this.#run++;
    this.#startedMs = this.nowMs;
    if (this.failsToStart) {
      this.failsToStart = false;
      throw new Error("the unit failed");
    }
  }

  /** Of a supervising parent: systemd says nothing. */
  ended(): string | undefined {
    return this.characters[this.#version ?? ""] === "ended" ? "it ended with exit code 1" : undefined;
  }

  async health(): Promise<Health | undefined> {
    const minutes = (this.nowMs - this.#startedMs) / 60_000;
    const character = this.characters[this.#version ?? ""] ?? "well";
    if (character === "silent" || character === "ended") return undefined;
    // Started again by its manager each time.
    const run = character === "dying" ? Math.floor(minutes / 6) : 0;
    return {
      version: this.#version ?? null,
      run: `run-${this.#run}-${run}`,
      phase: character === "stuck" || minutes < 1 ? "starting" : "running",
      healthy: true,
      reasons: [],
      chain: { headAgeS: 5 },
      steps: { counted: Math.floor(minutes), perMinute: character === "slow" ? 1 : 4 },
      weights: {
        isEnabled: true,
        included: character === "without weights" ? 0 : Math.floor(minutes / 20),
        epochBlocks: 100,
      },
      restart: { isSafe: this.isSafe, why: this.isSafe ? null : "weights are due" },
    };
  }
}

let server: ReleaseServer;
beforeEach(() => {
  server = new ReleaseServer(scratch());
  server.start();
  server.release("1.1.0", program("1.1.0"));
});
afterEach(() => server.stop());

const FORMS: Record<string, () => Installation> = {
  "a folder of releases": () => {
    const root = join(scratch(), "openvalidator");
    const first = join(scratch(), "first");
    writeFileSync(first, program("1.0.0"));
    const folder = new ReleaseFolder(root);
    folder.put(first, "1.0.0");
    folder.begin("1.0.0");
    return folder;
  },
  "a lone file": () => {
    const path = join(scratch(), "openvalidator");
    writeFileSync(path, program("1.0.0"), { mode: 0o755 });
    const file = new LoneFile(path);
    file.adopt("1.0.0");
    return file;
  },
};

async function install(updater: Updater, waits = true): Promise<void> {
  const files = await readTrusted(server.source(scratch()));
  const found = (await findRelease(files, "stable/linux-x64"))!;
  await updater.install(files, found, "1.0.0", {
    waits,
    access: { retry: { firstMs: 1, maxMs: 1, attempts: 1 } },
  });
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => new Error("nothing was thrown"),
    (thrown: unknown) => thrown,
  );
  if (!isFailure(error)) throw error;
  return error.code;
}

const runs = (installation: Installation): string =>
  readFileSync(installation.program, "utf8").split("\n")[1]!;
const FAR = Number.POSITIVE_INFINITY;

describe.each(Object.keys(FORMS))("%s", (form) => {
  let installation: Installation;
  beforeEach(() => {
    installation = FORMS[form]!();
  });
  const started = (characters: Record<string, Character> = {}) => {
    const service = new FakeService(installation, characters);
    return { service, updater: new Updater(installation, { service, pace: service.pace() }) };
  };

  test("goes to a release that is well, and remembers it", async () => {
    const { service, updater } = started();
    await install(updater);
    expect(runs(installation)).toBe("# 1.1.0");
    expect(service.restarts).toEqual(["1.1.0"]);
    expect(await updater.settle(FAR)).toBeUndefined();
    expect(updater.record).toMatchObject({ confirmed: "1.1.0", pending: null, bad: [] });
    expect(updater.record.news.map(({ outcome }) => outcome)).toEqual(["installed", "confirmed"]);
    expect(installation.versions()).toEqual(["1.0.0", "1.1.0"]);
  });

  test.each(["silent", "stuck", "dying", "without weights", "slow", "ended"] as const)(
    "comes back from a release that is %s, and never goes to it again by itself",
    async (character) => {
      const { service, updater } = started({ "1.1.0": character });
      await install(updater);
      expect(await codeOf(updater.settle(FAR))).toBe("update.rolled-back");
      expect(runs(installation)).toBe("# 1.0.0");
      expect(service.restarts).toEqual(["1.1.0", "1.0.0"]);
      const { bad, pending, news } = updater.record;
      expect(bad.map(({ version }) => version)).toEqual(["1.1.0"]);
      expect(pending).toBeNull();
      expect(news.at(-1)).toMatchObject({ outcome: "rolled-back", from: "1.1.0", to: "1.0.0" });
    },
  );

  test("does not wait for a release that has ended, and for none that should come back", async () => {
    const { service, updater } = started({ "1.1.0": "ended", "1.0.0": "ended" });
    await install(updater);
    const before = service.nowMs;
    expect(await codeOf(updater.settle(FAR))).toBe("update.rollback-failed");
    expect(service.nowMs).toBe(before);
    expect(updater.record.bad).toMatchObject([{ why: "it ended with exit code 1" }]);
  });

  test("a clock that is set while it watches ends no window", async () => {
    const { service, updater } = started({ "1.1.0": "silent" });
    const year = 365 * 86_400_000;
    const skewed = new Updater(installation, {
      service,
      pace: { ...service.pace(), now: () => service.nowMs + year },
    });
    await install(updater);
    expect(await skewed.settle(60_000)).toBe("it does not answer");
    expect(runs(installation)).toBe("# 1.1.0");
  });

  test("killed between the switch and the restart, it restarts", async () => {
    const { service, updater } = started();
    const { promise: killed, resolve: kill } = Promise.withResolvers<void>();
    const broken: Service = {
      async restart() {
        kill();
        return new Promise(() => {});
      },
      health: () => service.health(),
    };
    void install(new Updater(installation, { service: broken, pace: service.pace() }));
    await killed;
    expect(await updater.settle(FAR)).toBeUndefined();
    expect(service.restarts).toEqual(["1.1.0"]);
    expect(updater.record.confirmed).toBe("1.1.0");
  });

  test("what failed before and is wanted again by a person is judged anew", async () => {
    const { service, updater } = started({ "1.1.0": "ended" });
    await install(updater);
    expect(await codeOf(updater.settle(FAR))).toBe("update.rolled-back");
    service.characters["1.1.0"] = "well";
    await install(updater);
    expect(await updater.settle(FAR)).toBeUndefined();
    expect(updater.record).toMatchObject({ confirmed: "1.1.0", bad: [] });
  });

  test("comes back from a release whose start fails", async () => {
    const { service, updater } = started();
    service.failsToStart = true;
    expect(await codeOf(install(updater))).toBe("update.rolled-back");
    expect(runs(installation)).toBe("# 1.0.0");
  });

  test("says so when the one before does not come back either", async () => {
    const { updater } = started({ "1.1.0": "silent", "1.0.0": "silent" });
    await install(updater);
    expect(await codeOf(updater.settle(FAR))).toBe("update.rollback-failed");
    expect(runs(installation)).toBe("# 1.0.0");
    expect(updater.record.news.at(-1)?.outcome).toBe("failed");
  });

  test("waits for a moment that costs nothing, and not for ever", async () => {
    const { service, updater } = started();
    service.isSafe = false;
    const before = service.nowMs;
    expect(await codeOf(install(updater))).toBe("update.busy");
    expect(service.nowMs - before).toBeGreaterThanOrEqual(72 * 60_000);
    expect(runs(installation)).toBe("# 1.0.0");
    await install(updater, false);
    expect(runs(installation)).toBe("# 1.1.0");
  });

  test("leaves the decision to the next process when its time is up", async () => {
    const { service, updater } = started();
    await install(updater);
    expect(await updater.settle(120_000)).toContain("weights");
    expect(updater.record.pending).toMatchObject({ version: "1.1.0", isWell: true });
    expect(await new Updater(installation, { service, pace: service.pace() }).settle(FAR)).toBeUndefined();
    expect(updater.record.confirmed).toBe("1.1.0");
  });

  test("tries a program before it takes anybody's place", async () => {
    const { service, updater } = started();
    server.release("1.2.0", program("1.2.0", "6.6.6"));
    expect(await codeOf(install(updater))).toBe("update.unfit");
    server.release("1.3.0", Buffer.from("no program"));
    expect(await codeOf(install(updater))).toBe("update.unfit");
    expect(runs(installation)).toBe("# 1.0.0");
    expect(service.restarts).toEqual([]);
  });

  test("goes back when a person wants it", async () => {
    const { updater } = started();
    expect(await codeOf(updater.rollBack("asked"))).toBe("update.no-release");
    await install(updater);
    await updater.settle(FAR);
    expect(await codeOf(updater.rollBack("asked"))).toBe("update.rolled-back");
    expect(runs(installation)).toBe("# 1.0.0");
  });

  test("a release that is in place is never taken away, also when it is fetched again and the server is gone", async () => {
    const updater = new Updater(installation);
    await install(updater);
    server.fault = (path) => (path.startsWith("/targets/") ? new Response("", { status: 503 }) : undefined);
    expect(await codeOf(install(updater))).toBe("update.unreachable");
    expect(runs(installation)).toBe("# 1.1.0");
  });

  test("does not go back to what cannot read the state", async () => {
    server.release("1.1.0", program("1.1.0"), { rollbackTo: "1.1.0" });
    const updater = new Updater(installation);
    await install(updater);
    expect(await codeOf(updater.rollBack("asked"))).toBe("update.no-release");
    expect(runs(installation)).toBe("# 1.1.0");
  });

  test("without a service the next start runs the release, and the one before stays at hand", async () => {
    const updater = new Updater(installation);
    await install(updater);
    expect(runs(installation)).toBe("# 1.1.0");
    expect(updater.record.pending).toBeNull();
    if (installation.kind === "file")
      expect(readFileSync(`${installation.program}.previous`, "utf8")).toContain("# 1.0.0");
  });

  test("a record that is damaged stays as it is for who reads, and is set aside by who writes", async () => {
    const { updater } = started();
    await install(updater);
    writeFileSync(installation.recordFile, '{"schema":1,');
    expect(updater.record).toMatchObject({ pending: null, bad: [] });
    expect(readFileSync(installation.recordFile, "utf8")).toBe('{"schema":1,');
    changeRecord(installation.recordFile, () => ({ confirmed: "1.0.0" }));
    expect(updater.record).toMatchObject({ confirmed: "1.0.0", bad: [] });
    expect(readFileSync(`${installation.recordFile}.damaged`, "utf8")).toBe('{"schema":1,');
  });
});

test("the updater of a folder is the last release that was well", async () => {
  const folder = FORMS["a folder of releases"]!() as ReleaseFolder;
  const service = new FakeService(folder, {});
  const updater = new Updater(folder, { service, pace: service.pace() });
  expect(readFileSync(folder.updater, "utf8")).toContain("# 1.0.0");
  await install(updater);
  expect(readFileSync(folder.updater, "utf8")).toContain("# 1.0.0");
  await updater.settle(FAR);
  expect(readFileSync(folder.updater, "utf8")).toContain("# 1.1.0");
  mkdirSync(join(folder.programOf("0.9.0"), ".."), { recursive: true });
  folder.confirm("1.1.0", ["1.0.0"]);
  expect(readdirSync(join(folder.programOf("1.1.0"), "../..")).sort()).toEqual(["1.0.0", "1.1.0"]);
});
