import { afterEach, describe, expect, test } from "bun:test";
import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { lockFile } from "../../src/base/lock.ts";
import { status } from "../../src/cli/commands/status.ts";
import { statusScreen } from "../../src/cli/status-screen.ts";
import { MinerBook } from "../../src/telemetry/live/miner-book.ts";
import { StatusFold } from "../../src/telemetry/status-fold.ts";
import {
  openStatusSocket,
  readMiner,
  readMiners,
  readStatus,
  STATUS_SOCKET,
} from "../../src/telemetry/status-socket.ts";
import { scratchFolders } from "../scratch.ts";
import { eventsOfRun } from "./live/subnet.ts";
import { bodyOf, START_MS, stamped } from "./stamped.ts";

const folder = scratchFolders("status");
const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const thing of open.splice(0).reverse()) await thing.close();
});

const fold = new StatusFold();
for (const event of eventsOfRun(256, 25)) fold.apply(event);
const at = Date.parse("2026-01-01T12:03:00Z");
const picture = fold.snapshot(at);

const miners = new MinerBook();
for (const event of eventsOfRun(16, 20)) miners.apply(event);

function serve(directory: string, shown = picture): void {
  open.push(openStatusSocket(directory, { status: () => shown, miners }));
}

describe("the status socket", () => {
  test("gives the status to its owner alone, and goes with the run", async () => {
    const directory = folder();
    // What a killed run left behind.
    writeFileSync(join(directory, STATUS_SOCKET), "");
    const umask = process.umask();
    const socket = openStatusSocket(directory, { status: () => picture, miners });
    expect(process.umask()).toBe(umask);
    expect(statSync(join(directory, STATUS_SOCKET)).mode & 0o777).toBe(0o600);
    expect(await readStatus(directory)).toEqual(picture);
    await socket.close();
    expect(() => statSync(join(directory, STATUS_SOCKET))).toThrow();
    await expect(readStatus(directory)).rejects.toThrow("has nobody who listens");
  });

  test("also works in a folder whose path is too long for a socket", async () => {
    const directory = join(folder(), "x".repeat(120));
    mkdirSync(directory);
    serve(directory);
    expect((await readStatus(directory)).uid).toBe(picture.uid);
  });

  test("gives every miner, and the last answers of one", async () => {
    const directory = folder();
    serve(directory);
    expect(await readMiners(directory)).toEqual(miners.rows);
    expect(await readMiner(directory, 3)).toEqual(miners.miner(3));
  });

  test("an answer that never comes is waited for no longer than its time", async () => {
    const directory = folder();
    open.push({ close: () => silent.stop(true) });
    const silent = Bun.listen({ unix: join(directory, STATUS_SOCKET), socket: { data() {} } });
    await expect(readStatus(directory)).rejects.toThrow("does not answer within 5 s");
  }, 10_000);
});

describe("openvalidator status", () => {
  async function told(loggingDir: string, ...switches: string[]): Promise<[number, string]> {
    let text = "";
    const exit = await status({
      command: "status",
      flags: {
        "logging.logging_dir": loggingDir,
        ...Object.fromEntries(switches.map((name) => [name, "true"])),
      },
      environment: {},
      signal: AbortSignal.timeout(100),
      print: (more) => {
        text += more;
      },
    });
    return [exit, text];
  }
  function stateFolder(): { base: string; directory: string } {
    const base = folder();
    const directory = join(base, "default/default/netuid1/core_prompting_validator");
    mkdirSync(directory, { recursive: true });
    return { base, directory };
  }

  test("says by its exit code whether all is well", async () => {
    const { base, directory } = stateFolder();
    expect(await told(base)).toEqual([69, `NOT HEALTHY  no validator runs in ${directory}\n`]);
    const unlock = lockFile(join(directory, "lock"));
    expect((await told(base))[0]).toBe(75);
    serve(directory, { ...picture, healthy: true, reasons: [], alerts: [] });
    const [exit, text] = await told(base);
    expect(exit).toBe(0);
    expect(text).toMatch(/^Health +healthy$/m);
    unlock();
  });

  test("1 when it is not healthy, and why", async () => {
    const { base, directory } = stateFolder();
    const sick = new StatusFold();
    sick.apply(stamped(bodyOf("run"), 0));
    sick.apply(stamped(bodyOf("disk", { state: "journal-lost" }), 1));
    serve(directory, sick.snapshot(START_MS + 2000));
    const [exit, text] = await told(base);
    expect(exit).toBe(1);
    expect(text).toContain("! alert");
    expect(text).toContain("journal_lost: the journal of events cannot be written");
    expect(JSON.parse((await told(base, "json"))[1])).toMatchObject({ healthy: false, uid: 0 });
    // A watched one ends by a signal, which is no failure.
    expect((await told(base, "watch"))[0]).toBe(0);
  });

  test("says in words what Weights & Biases has", () => {
    const screen = (telemetry: typeof picture.telemetry): string =>
      statusScreen({ ...picture, telemetry }, at);
    const offline = { wandbMode: "offline", wandbPage: null, wandbState: null };
    expect(screen({ ...offline, wandbBacklog: 136, wandbBacklogBytes: 806_596 })).toContain(
      "\nW&B        offline, 136 rows (806.6 kB) kept for openvalidator wandb sync\n",
    );
    const page = "https://wandb.ai/e/p/runs/r";
    const online = { wandbMode: "online", wandbPage: page, wandbState: "sending" };
    expect(screen({ ...online, wandbBacklog: 1, wandbBacklogBytes: 20 })).toContain(
      `\nW&B        online, sending, ${page}, 1 row (20 B) waiting\n`,
    );
    expect(screen({ ...online, wandbBacklog: 0, wandbBacklogBytes: 0, newer: true })).toMatch(
      /, no row waiting\nTelemetry +newer true\n/,
    );
    expect(screen({})).not.toContain("W&B");
  });

  test("fits a screen, whatever strangers wrote", () => {
    const screen = statusScreen({ ...picture, endpoint: `wss://${"x".repeat(900)}\u001b[2J` }, at);
    expect(screen.split("\n").length).toBeLessThan(24);
    expect(screen).not.toContain("\u001b");
    for (const line of screen.split("\n")) expect(line.length).toBeLessThan(190);
    expect(statusScreen(new StatusFold().snapshot(at), at)).toContain("the validator is starting");
  });
});
