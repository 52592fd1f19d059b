import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Scratch, scratch } from "../binary/built.ts";
import { startReceiver } from "../telemetry/receiver.ts";
import { type BenchRow, median } from "./row.ts";
import { measuredStepMs } from "./step.ts";
import type { Answer, Load, Said } from "./telemetry-load.ts";

const ROUNDS = 3;
const LOAD = resolve(import.meta.dir, "telemetry-load.ts");

/**
 * One process that tells steps, in a folder of its own, while this one is all that looks at it: a browser on the live
 * page, which asks for the picture after each step, Prometheus as often, an alarm server, a service manager.
 */
async function loadOf(mode: "off" | "on", { root, environment }: Scratch, round: number): Promise<Load> {
  const directory = join(root, `${mode}-${round}`);
  mkdirSync(directory);
  const manager = startReceiver(join(directory, "notify.sock"));
  const alarms = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
  let base: string | undefined;
  const load = Promise.withResolvers<Load>();
  async function answer(said: Said): Promise<Answer> {
    manager.take();
    if (said === "step") {
      if (base !== undefined)
        for (const path of ["/api/status", "/metrics"]) await (await fetch(base + path)).arrayBuffer();
    } else if ("port" in said && said.port !== undefined) {
      base = `http://127.0.0.1:${said.port}`;
      // The server cuts it when the run is over.
      void readAll(await fetch(`${base}/events`)).catch(() => undefined);
    }
    return "on";
  }
  const child = Bun.spawn([process.execPath, LOAD, directory, mode], {
    env: {
      ...environment,
      NOTIFY_SOCKET: manager.name,
      OPENVALIDATOR_ALERT_URL: `http://127.0.0.1:${alarms.port}/`,
    },
    stdout: "ignore",
    stderr: "ignore",
    ipc(said: Said) {
      if (said !== "step" && "cpuMs" in said) load.resolve(said);
      else answer(said).then((back) => child.send(back), load.reject);
    },
  });
  try {
    const failed = child.exited.then((code): never => {
      throw new Error(`the process that tells steps ended with ${code}`);
    });
    return await Promise.race([load.promise, failed]);
  } finally {
    await child.exited;
    manager.close();
    await alarms.stop(true);
  }
}

async function readAll({ body }: Response): Promise<void> {
  for await (const _ of body!);
}

/** What everything that shows a validator costs a step: W&B, metrics, live page with a reader, status, alerts, notify. */
export async function benchTelemetry(): Promise<BenchRow[]> {
  const place = scratch();
  const loads: Record<"off" | "on", Load[]> = { off: [], on: [] };
  try {
    for (let round = 0; round < ROUNDS; round++)
      for (const mode of ["off", "on"] as const) loads[mode].push(await loadOf(mode, place, round));
  } finally {
    place.remove();
  }
  const leastMs = (mode: "off" | "on"): number => Math.min(...loads[mode].map(({ cpuMs }) => cpuMs));
  const residentMb = (mode: "off" | "on"): number => median(loads[mode].map((load) => load.residentMb));
  const costMs = leastMs("on") - leastMs("off");
  // Its answers are there at once, as those of real miners never are: no step is shorter with this profile on this machine.
  const stepMs = await measuredStepMs();
  return [
    { name: "journal of a step of 50 answers, processor time", value: leastMs("off"), unit: "ms" },
    { name: "all telemetry of it besides", value: costMs, unit: "ms", ratio: stepMs / costMs },
    {
      name: "all telemetry, share of a step whose answers come at once",
      value: (100 * costMs) / stepMs,
      unit: "%",
    },
    { name: "RSS of journal and feed without telemetry", value: residentMb("off"), unit: "MB" },
    {
      name: "RSS of the same with all telemetry",
      value: residentMb("on"),
      unit: "MB",
      ratio: residentMb("off") / residentMb("on"),
    },
  ];
}
