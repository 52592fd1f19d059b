import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Receiver, startReceiver } from "../telemetry/receiver.ts";
import { BUILD_TIMEOUT_MS, builtBinary, type Scratch, scratch } from "./built.ts";
import { type Subnet, start, startSubnet } from "./subnet.ts";

const RUN_TIMEOUT_MS = 120_000;
const FLAGS = ["--miners", "4", "--block-time", "0.25", "--characters", "good,terse,gibberish,failing"];

let binary: string;
let place: Scratch;
let subnet: Subnet;
let manager: Receiver;

beforeAll(async () => {
  binary = await builtBinary();
  place = scratch();
  manager = startReceiver(join(place.root, "notify"));
  subnet = await startSubnet([binary], place, FLAGS);
}, BUILD_TIMEOUT_MS + RUN_TIMEOUT_MS);
afterAll(async () => {
  await subnet?.running.stop();
  manager?.close();
  place?.remove();
});

/** Names in the environments of a process's children. */
function variablesOfChildren(pid: number): string[][] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const parent = /^\d+ \(.*\) \S (\d+)/s.exec(readFileSync(`/proc/${name}/stat`, "utf8"))?.[1];
        if (Number(parent) !== pid) return [];
        const environment = readFileSync(`/proc/${name}/environ`, "utf8").split("\0");
        return [environment.map((entry) => entry.split("=")[0]!)];
      } catch {
        // It ended while it was looked at.
        return [];
      }
    });
}

test.skipIf(process.platform !== "linux")(
  "the binary tells a service manager READY, STATUS, WATCHDOG and STOPPING, and its children nothing of it",
  async () => {
    const environment = { ...place.environment, NOTIFY_SOCKET: manager.name, WATCHDOG_USEC: "1000000" };
    const command = [binary, ...subnet.runArguments, "--neuron.device", "cpu"];
    const running = start(command, { ...place, environment });
    try {
      await manager.until(/^READY=1$/, RUN_TIMEOUT_MS);
      await manager.until(/^STATUS=step \d+ \w+: \d of 4 answered/, RUN_TIMEOUT_MS);
      await manager.until(/^WATCHDOG=1$/, RUN_TIMEOUT_MS);
      const children = variablesOfChildren(running.pid);
      expect(children.length).toBeGreaterThan(0);
      for (const names of children) expect(names).not.toContain("NOTIFY_SOCKET");
      for (const names of children) expect(names).not.toContain("WATCHDOG_USEC");
      expect(await running.stop()).toBe(0);
    } finally {
      await running.stop("SIGKILL");
    }
    const lines = manager.lines();
    expect(lines.filter((line) => line === "READY=1")).toHaveLength(1);
    expect(lines.filter((line) => line === "STOPPING=1")).toHaveLength(1);
    expect(lines.findIndex((line) => line.startsWith("STATUS=Starting"))).toBeLessThan(
      lines.indexOf("READY=1"),
    );
  },
  RUN_TIMEOUT_MS * 2,
);
