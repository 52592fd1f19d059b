import { afterAll, beforeAll, expect, test } from "bun:test";
import { copyFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { readStatus } from "../../src/telemetry/status-socket.ts";
import { readRecord } from "../../src/update/update-record.ts";
import { BUILD_TIMEOUT_MS, runCommand, type Scratch, scratch } from "./built.ts";
import { Releases } from "./releases.ts";
import { type Running, readEvents, type Subnet, start, startSubnet, waitFor } from "./subnet.ts";

const TIMEOUT_MS = 180_000;
/** Epochs with room outside of the last twenty blocks, in which no validator is restarted. */
const TEMPO = 60;
const QUICK = ["--neuron.device", "cpu", "--neuron.num_followup_steps", "1"];

let place: Scratch;
let releases: Releases;
let subnet: Subnet;
let program: string;
let next: string;

beforeAll(async () => {
  place = scratch();
  releases = new Releases(place);
  const old = await releases.build("1.0.0");
  next = await releases.build("1.1.0");
  mkdirSync(join(place.root, "own"));
  program = join(place.root, "own/openvalidator");
  copyFileSync(old, program);
  subnet = await startSubnet([old], place, [
    ...["--miners", "5", "--block-time", "0.1", "--tempo", `${TEMPO}`, "--characters", "good"],
  ]);
}, BUILD_TIMEOUT_MS);
afterAll(async () => {
  await subnet?.running.stop();
  await releases?.server.stop();
  place?.remove();
});

const record = () => readRecord(join(place.root, "own/.openvalidator-update/update.json"));
const isAlive = (pid: number): boolean =>
  existsSync(`/proc/${pid}/stat`) && !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
const childrenOf = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number);

function supervised(executable: string, ...flags: string[]): Running {
  const command = [
    executable,
    ...subnet.runArguments,
    ...QUICK,
    "--update.interval",
    "0.05",
    "--update.trial",
    "0",
    "--in-container",
    ...flags,
  ];
  return start(command, place);
}

test(
  "a validator goes to a release in the middle of its work, comes back from one that dies, and misses no weights",
  async () => {
    const running = supervised(program, "--auto-update", "on");
    const weights = () =>
      readEvents(place.root).filter(({ kind, state }) => kind === "weights" && state === "included");
    await waitFor("weights", running, () => weights().length > 0 || undefined);
    await releases.offer("1.1.0", next);
    await waitFor("a release that is well", running, () => record().confirmed === "1.1.0" || undefined);

    await releases.offer("1.2.0", releases.script("1.2.0", next, "sleep 1; exit 1"));
    const back = await waitFor("the release before", running, () =>
      record().news.find(({ outcome }) => outcome === "rolled-back"),
    );
    expect(back).toMatchObject({
      from: "1.2.0",
      to: "1.1.0",
      why: expect.stringContaining("it ended with exit code"),
    });
    expect(record()).toMatchObject({ confirmed: "1.1.0", pending: null, bad: [{ version: "1.2.0" }] });
    const [state] = new Bun.Glob("**/state.sqlite").scanSync({ cwd: place.root, dot: true, absolute: true });
    expect(await readStatus(dirname(state!))).toMatchObject({ version: "1.1.0", phase: "running" });

    const before = weights().length;
    await waitFor("weights after all that", running, () => weights().length > before || undefined);
    const requests = releases.server.requests.length;
    await waitFor("one look more", running, () => releases.server.requests.length > requests || undefined);
    expect(await running.stop()).toBe(0);
    expect(record().news.map(({ outcome }) => outcome)).toEqual([
      "installed",
      "confirmed",
      "installed",
      "rolled-back",
    ]);
    const blocks = weights().map(({ block }) => Number(block));
    const gaps = blocks.slice(1).map((block, at) => block - blocks[at]!);
    expect(gaps.filter((gap) => gap >= 2 * TEMPO)).toEqual([]);
  },
  TIMEOUT_MS,
);

test(
  "a parent in a folder of releases takes corrections alone, and killed takes its validator with it for the next parent",
  async () => {
    const root = join(place.root, "opt");
    const laidOut = await runCommand([next, "install", "--root", root, "--in-container"], place);
    expect({ code: laidOut.code, stderr: laidOut.stderr }).toEqual({ code: 0, stderr: "" });
    const own = join(root, "current/openvalidator");
    const first = supervised(own, "--auto-update", "patch");
    await waitFor("a step", first, () => /step=/.test(first.output()) || undefined);
    const look = await waitFor(
      "a look",
      first,
      () => readRecord(join(root, "update.json")).look ?? undefined,
    );
    expect(look).toMatchObject({
      state: "waiting",
      to: "1.2.0",
      why: "1.2.0 is more than a correction of 1.1.0",
    });
    const children = childrenOf(first.pid);
    process.kill(first.pid, "SIGKILL");
    const second = supervised(own, "--auto-update", "patch");
    await waitFor("a step", second, () => /step=/.test(second.output()) || undefined);
    expect(children.length).toBeGreaterThan(0);
    expect(children.some(isAlive)).toBeFalse();
    expect(await second.stop("SIGINT")).toBe(0);
    await first.ended;
  },
  TIMEOUT_MS,
);
