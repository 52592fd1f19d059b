import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, rmSync, statfsSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sleep } from "../../src/base/deadline.ts";
import { readEvents } from "../../src/events/reader.ts";
import { PACE, type Pace } from "../../src/telemetry/wandb/pace.ts";
import { syncSpools } from "../../src/telemetry/wandb/sync.ts";
import { smallDisks, whyNoSmallDisk } from "../events/small-disk.ts";
import { scratchFolders } from "../scratch.ts";
import { CuttingProxy } from "./cutting-proxy.ts";
import type { Fault, WandbDouble } from "./double.ts";
import { until, wandbDoubles } from "./doubles.ts";
import { KEY, type Options, ReportedFeed } from "./validator.ts";

const makeDouble = wandbDoubles();

const smallDisk = smallDisks();

setDefaultTimeout(60_000);
const folder = scratchFolders("wandb-troubles");

/** The product's own delays, in a time that runs a thousand times as fast: ten minutes are 0.6 s. */
const FASTER = 1_000;
const start = performance.now();
const FAST: Pace = {
  ...PACE,
  now: () => (performance.now() - start) * FASTER,
  sleep: (ms, signal) => sleep(ms / FASTER, signal),
};
/** No event loop of ours is held longer than this; the first load of the SDK comes before the first step. */
const MAX_STEP_MS = 300;

/** What a case has to do with. */
interface Stage {
  directory: string;
  server: WandbDouble;
  validator: ReportedFeed;
  /** Emits so many steps as fast as a loop goes round, none of which may be held up. */
  steps(count: number): Promise<void>;
}

interface Trouble {
  name: string;
  /** Why it cannot be tried here. */
  skip?: string | undefined;
  options?: Options;
  /** Before the validator starts. @returns the server's address for it, where it is another */
  before?(place: {
    directory: string;
    server: WandbDouble;
  }): Promise<string | undefined> | string | undefined;
  /** While the run goes on, between steps that came before and steps that come after. */
  during(stage: Stage): Promise<void>;
}

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const clean of cleanups.splice(0)) clean();
});

/** So many requests go wrong, of every kind, from the first one on; and again when rows were taken. */
function faulty(name: string, fault: Omit<Fault, "match" | "times">): Trouble {
  const spoil = (server: WandbDouble): void => {
    server.faults.push(
      { match: /UpsertBucket/, times: 2, ...fault },
      { match: /file_stream/, times: 3, ...fault },
    );
  };
  const isOver = (server: WandbDouble): boolean => server.faults.every(({ times }) => times === 0);
  return {
    name,
    before({ server }) {
      spoil(server);
      return undefined;
    },
    async during({ server, steps }) {
      await until(() => isOver(server) && server.rows().length > 0);
      server.faults.push({ match: /file_stream/, times: 3, ...fault });
      await steps(30);
      await until(() => isOver(server));
    },
  };
}

/** Takes all of a disk that is left. @returns how to give it back */
function fill(disk: string): () => void {
  const { bavail, bsize } = statfsSync(disk);
  const filler = join(disk, "filler");
  writeFileSync(filler, Buffer.alloc(bavail * bsize));
  return () => rmSync(filler);
}

/** Only the spools lie on the small disk, as where the journal is on one of its own. */
function spoolsOnSmallDisk(directory: string): string {
  const disk = smallDisk(1 << 20);
  mkdirSync(directory, { recursive: true });
  symlinkSync(disk, join(directory, "wandb"));
  return disk;
}

const noDisk = whyNoSmallDisk();
/** Of the case that runs. */
let proxy: CuttingProxy;
let disk: string;
let giveBack: () => void;

const TROUBLES: Trouble[] = [
  {
    name: "an outage of ten minutes",
    async during({ server, validator, steps }) {
      const { port } = server;
      await until(() => server.rows().length > 0);
      await server.stop();
      await until(() => validator.reporter.status.wandbState === "failing");
      const began = FAST.now();
      await steps(30);
      await until(() => FAST.now() - began >= 600_000);
      server.start(port);
      await until(() => validator.reporter.status.wandbState === "delivering");
    },
  },
  faulty("429 with Retry-After", { status: 429, headers: { "retry-after": "90" } }),
  faulty("500s", { status: 500 }),
  faulty("requests that are never answered", { kind: "hang" }),
  faulty("answers that never end", { kind: "endless" }),
  {
    name: "connections that are cut, in requests and in answers",
    async before({ server }) {
      proxy = await CuttingProxy.open(server.port);
      cleanups.push(() => proxy.close());
      proxy.cuts = 6;
      return proxy.url;
    },
    async during({ server, steps }) {
      await until(() => proxy.cuts === 0 && server.rows().length > 0);
      proxy.cuts = 6;
      await steps(30);
      await until(() => proxy.cuts === 0);
    },
  },
  {
    name: "kill -9, again and again",
    async before({ directory, server }) {
      for (const told of [30, 90, 200]) await killAfter(told, directory, server);
      return undefined;
    },
    async during({ server, steps }) {
      await steps(30);
      await until(() => [...server.runs.values()].filter(({ isDone }) => isDone).length === 3);
      const codes = [...server.runs.values()].filter(({ isDone }) => isDone).map(({ exitCode }) => exitCode);
      expect(codes).toEqual([1, 1, 1]);
    },
  },
  {
    name: "a full disk under the spool, from the start on",
    skip: noDisk,
    before({ directory }) {
      disk = spoolsOnSmallDisk(directory);
      giveBack = fill(disk);
      return undefined;
    },
    async during({ server, steps }) {
      await steps(30);
      expect(server.runs.size).toBe(0);
      giveBack();
      await steps(1);
      await until(() => server.rows().length > 0);
    },
  },
  {
    name: "a full disk under the spool, where a run ends and the next one begins",
    skip: noDisk,
    options: { runStepLength: 40 },
    before({ directory }) {
      disk = spoolsOnSmallDisk(directory);
      return undefined;
    },
    async during({ server, validator, steps }) {
      await until(() => server.rows().length > 0);
      giveBack = fill(disk);
      await steps(60);
      await until(() => validator.feed.state.subscribers[0]!.waiting === 0);
      giveBack();
      await steps(30);
      // Not at the next start only.
      await until(() => arrivedIn(server).some(([, sequence]) => sequence === validator.events.length - 1));
    },
  },
  {
    name: "offline by a flag, then sync",
    options: { offline: true },
    async during({ server, steps }) {
      await steps(30);
      expect(server.log).toEqual([]);
    },
  },
  {
    name: "no key, then sync with one",
    options: { key: "" },
    async during({ server, steps }) {
      await steps(30);
      expect(server.log).toEqual([]);
    },
  },
];

/** A validator of another process, which is killed when it has told of so many steps. */
async function killAfter(told: number, directory: string, server: WandbDouble): Promise<void> {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "writer.ts"), directory, server.url], {
    stdout: "pipe",
    stderr: "inherit",
  });
  let text = "";
  for await (const chunk of child.stdout) {
    text += Buffer.from(chunk).toString("utf8");
    if (text.split("\n").length > told) child.kill("SIGKILL");
  }
  await child.exited;
}

/** Process and sequence number of every row, in the order in which W&B runs were made. */
function arrivedIn(server: WandbDouble): [string, number][] {
  return [...server.runs.values()].flatMap(({ name }) =>
    server.rows(name).map((row): [string, number] => [String(row.run), Number(row.sequence)]),
  );
}

function byProcess(rows: readonly [string, number][]): Map<string, number[]> {
  return new Map(
    [...Map.groupBy(rows, ([run]) => run)].map(([run, group]) => [
      run,
      group.map(([, sequence]) => sequence),
    ]),
  );
}

for (const trouble of TROUBLES)
  test.skipIf(trouble.skip !== undefined)(
    `${trouble.name}: every row of the journal arrives once and in order, and no step waits`,
    async () => {
      const directory = join(folder(), "state");
      const server = makeDouble();
      const url = (await trouble.before?.({ directory, server })) ?? server.url;
      const validator = new ReportedFeed(directory, { url, key: KEY, pace: FAST, ...trouble.options });
      validator.start();
      let step = 1;
      let longestMs = 0;
      const steps = async (count: number): Promise<void> => {
        for (let left = count; left > 0; left--, step++) {
          const before = performance.now();
          validator.emit(1, step);
          await new Promise<void>((resolve) => setImmediate(resolve));
          longestMs = Math.max(longestMs, performance.now() - before);
        }
      };
      await import("@wandb/sdk");
      await steps(30);
      await trouble.during({ directory, server, validator, steps });
      await steps(30);
      await validator.stop();
      // What the end of the process left behind, or everything where it had no server.
      await syncSpools({
        directory,
        environment: { WANDB_BASE_URL: url, WANDB_API_KEY: KEY },
        weightsStepLength: 10,
        isAlone: true,
        signal: new AbortController().signal,
        pace: FAST,
      });

      const written: [string, number][] = [];
      for await (const event of readEvents(join(directory, "events")))
        if (event.version === 2) written.push([event.run, event.sequence]);
      // Runs of a process come in order, and those of two processes may come at the same time.
      expect(byProcess(arrivedIn(server))).toEqual(byProcess(written));
      expect(byProcess(written).get(validator.feed.run)).toEqual(validator.events.map((_, index) => index));
      for (const { isDone, gaps, changed, summary } of server.runs.values()) {
        expect({ isDone, gaps, changed }).toEqual({ isDone: true, gaps: [], changed: 0 });
        expect(JSON.parse(summary)).toHaveProperty(["kpi/gating_loss"]);
      }
      expect(longestMs).toBeLessThan(MAX_STEP_MS);
    },
  );
