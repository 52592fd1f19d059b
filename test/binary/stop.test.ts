import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { BUILD_TIMEOUT_MS, builtBinary, type Scratch, scratch } from "./built.ts";
import { type Running, readEvents, type Subnet, start, startSubnet, stepsOf, waitFor } from "./subnet.ts";

const TEST_TIMEOUT_MS = 90_000;
/** systemd waits 90 s; what is promised is 20. */
const LIMIT_MS = 20_000;

let binary: string;
let place: Scratch;
let subnet: Subnet;
/** Accepts connections and never says a word. */
let silent: Server;

beforeAll(async () => {
  binary = await builtBinary();
  place = scratch();
  subnet = await startSubnet([binary], place, [
    ...["--miners", "5", "--block-time", "0.25", "--tempo", "8"],
    ...["--characters", "good,good,good,good,silent"],
  ]);
  silent = createServer();
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
}, BUILD_TIMEOUT_MS);

afterAll(async () => {
  process.kill(subnet.running.pid, "SIGCONT");
  await subnet.running.stop();
  silent.close();
  place.remove();
});

const silentPort = (): number => (silent.address() as { port: number }).port;

/** A validator of this subnet with a state of its own; later flags win. */
function validate(name: string, ...flags: string[]): Running {
  const common = ["--neuron.device", "cpu", "--neuron.name", name];
  const args = [...subnet.runArguments, ...common, ...flags];
  const last = new Map<string, string>();
  for (let at = 1; at < args.length; at += 2) last.set(args[at]!, args[at + 1]!);
  return start([binary, "run", ...[...last].flat()], place);
}

/** Ends a run by SIGTERM and looks at how it went. */
async function stopped(running: Running): Promise<void> {
  const startedMs = Date.now();
  const code = await running.stop("SIGTERM");
  expect({ code, output: code === 0 ? "" : running.output() }).toEqual({ code: 0, output: "" });
  expect(Date.now() - startedMs).toBeLessThan(LIMIT_MS);
}

const logged = (running: Running, line: string): Promise<true> =>
  waitFor(`line "${line}"`, running, () => (running.output().includes(line) ? true : undefined));

/** Process ids of the children of a process. */
function childrenOf(pid: number): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        return Number(/\) \S (\d+)/.exec(readFileSync(`/proc/${name}/stat`, "utf8"))?.[1]) === pid;
      } catch {
        return false; // the process ended while we looked
      }
    })
    .map(Number);
}

const eventsOf = (name: string) =>
  readEvents(place.root).filter((event) => event.kind !== undefined && inFolder(event, name));
/** Every run of this file has its own folder, and its events their own run id. */
const runs = new Map<string, string>();
function inFolder(event: Record<string, unknown>, name: string): boolean {
  const { kind, settings, run } = event as {
    kind: string;
    run: string;
    settings?: Record<string, { value: unknown }>;
  };
  if (kind === "run" && settings?.["neuron.name"]?.value === name) runs.set(name, run);
  return runs.get(name) === run;
}

describe.skipIf(process.platform !== "linux")("SIGTERM ends the program with 0, and soon,", () => {
  test(
    "while it connects to a chain that says nothing",
    async () => {
      const running = validate("connecting", "--subtensor.chain_endpoint", `ws://127.0.0.1:${silentPort()}`);
      await new Promise<void>((resolve) => silent.once("connection", () => resolve()));
      await stopped(running);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "while a dataset opens on a server that says nothing",
    async () => {
      const opening = new Promise<void>((resolve) => silent.once("connection", () => resolve()));
      const running = validate(
        "dataset",
        ...["--data.source", "hf:owner/name", "--data.endpoint", `http://127.0.0.1:${silentPort()}`],
      );
      await opening;
      await stopped(running);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "while models load",
    async () => {
      const running = validate("loading");
      await waitFor("child", running, () => (childrenOf(running.pid).length > 0 ? true : undefined));
      await stopped(running);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "while miners are asked",
    async () => {
      const running = validate("asking", "--neuron.followup_timeout", "30");
      await logged(running, "Registered");
      await Bun.sleep(500); // the silent miner keeps the first step open for half a minute
      await stopped(running);
      expect(eventsOf("asking").at(-1)).toMatchObject({ kind: "stop", reason: "signal", exit_code: 0 });
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "while a child that computes stands still, with the state of the last step",
    async () => {
      const running = validate(
        "scoring",
        "--neuron.followup_timeout",
        "0.3",
        "--neuron.answer_timeout",
        "0.3",
      );
      await logged(running, "step=2");
      for (const child of childrenOf(running.pid)) process.kill(child, "SIGSTOP");
      await Bun.sleep(1_500); // the next step asks it and waits
      await stopped(running);
      const steps = stepsOf(eventsOf("scoring"));
      const again = validate("scoring", "--run.forwards", "1", "--neuron.num_followup_steps", "0");
      expect(await again.ended).toBe(0);
      expect(again.output()).toContain(`Continuing from the saved state  steps=${steps.length}`);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "while a reveal is pending, which the next run follows",
    async () => {
      const quick = ["--neuron.followup_timeout", "0.3", "--neuron.answer_timeout", "0.3"];
      const running = validate("reveal", ...quick);
      await logged(running, "Weights were set");
      await stopped(running);
      expect(eventsOf("reveal").filter(({ kind }) => kind === "reveal")).toMatchObject([
        { state: "pending" },
      ]);
      const again = validate("reveal", ...quick);
      await logged(again, "The committed weights were revealed");
      await stopped(again);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "while chain and miners stand still",
    async () => {
      const running = validate("still", "--neuron.followup_timeout", "0.3", "--neuron.answer_timeout", "0.3");
      await logged(running, "step=2");
      process.kill(subnet.running.pid, "SIGSTOP");
      try {
        await Bun.sleep(3_000);
        await stopped(running);
      } finally {
        process.kill(subnet.running.pid, "SIGCONT");
      }
    },
    TEST_TIMEOUT_MS,
  );
});

describe("an outage of every miner", () => {
  test(
    "changes no score, is told by one line, and ends by itself",
    async () => {
      const own = await startSubnet([binary], place, [
        ...["--miners", "5", "--block-time", "0.25", "--characters", "good"],
      ]);
      try {
        const running = start(
          [binary, ...own.runArguments, "--neuron.device", "cpu", "--neuron.name", "outage"],
          place,
        );
        await logged(running, "step=4");
        process.kill(own.running.pid, "SIGSTOP");
        await logged(running, "No miner gave evidence");
        await Bun.sleep(2_000);
        process.kill(own.running.pid, "SIGCONT");
        await logged(running, "Miners give evidence again");
        await stopped(running);
        const errors = running
          .output()
          .split("\n")
          .filter((line) => line.includes(" ERROR "));
        expect(errors.filter((line) => line.includes("No miner gave evidence"))).toHaveLength(1);
        const steps = stepsOf(eventsOf("outage"));
        const uncounted = steps.filter(({ counted }) => counted === false);
        expect(uncounted.length).toBeGreaterThan(0);
        const numbers = steps.filter(({ counted }) => counted === true).map(({ step }) => step);
        expect(numbers).toEqual(numbers.map((_, index) => index + 1));
      } finally {
        process.kill(own.running.pid, "SIGCONT");
        await own.running.stop();
      }
    },
    TEST_TIMEOUT_MS,
  );
});
