import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { builtBinary, type Scratch, scratch } from "../binary/built.ts";
import { readEvents, start, startSubnet, stepsOf, waitFor } from "../binary/subnet.ts";
import { residentMb } from "./measure.ts";
import { type BenchRow, median } from "./row.ts";

const ROOT = resolve(import.meta.dir, "../..");
const STARTS = 10;
const STEPS_BEFORE_RSS = 3;

async function startMs(command: readonly string[], { directory, environment }: Scratch): Promise<number> {
  const began = performance.now();
  const child = Bun.spawn([...command], {
    cwd: directory,
    env: environment,
    stdout: "ignore",
    stderr: "ignore",
  });
  if ((await child.exited) !== 0) throw new Error(`${command.join(" ")} failed`);
  return performance.now() - began;
}

async function medianStartMs(command: readonly string[], place: Scratch): Promise<number> {
  await startMs(command, place); // The first start reads the file from disk.
  const samples: number[] = [];
  for (let index = 0; index < STARTS; index++) samples.push(await startMs(command, place));
  return median(samples);
}

/**
 * Start to the end of --help, as binary and from source, median of ten, beside the least that a command does: version
 * loads nothing but its own file. Ratios: how much longer than that --help takes, and source compared with the binary.
 */
export async function benchStart(): Promise<BenchRow[]> {
  const place = scratch();
  try {
    const programs = { source: [process.execPath, join(ROOT, "src/main.ts")], binary: [await builtBinary()] };
    const rows: BenchRow[] = [];
    const helpMs: Record<string, number> = {};
    for (const [name, program] of Object.entries(programs)) {
      const help = await medianStartMs([...program, "--help"], place);
      const version = await medianStartMs([...program, "version"], place);
      helpMs[name] = help;
      rows.push({ name: `start to version, ${name}`, value: version, unit: "ms" });
      rows.push({
        name: `start to --help, ${name}, against version`,
        value: help,
        unit: "ms",
        ratio: version / help,
      });
    }
    const { source, binary } = helpMs;
    return [
      ...rows,
      {
        name: "start to --help, binary, against source",
        value: binary!,
        unit: "ms",
        ratio: source! / binary!,
      },
    ];
  } finally {
    place.remove();
  }
}

function childrenOf(pid: number): number[] {
  if (process.platform !== "linux") return [];
  return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8")
    .trim()
    .split(" ")
    .filter(Boolean)
    .map(Number);
}

/** A validator of the binary on a local subnet of sixteen miners: start to its first step, and memory after some. */
export async function benchFirstStep(): Promise<BenchRow[]> {
  const place = scratch();
  const program = [await builtBinary()];
  // Miners that answer at once: a silent one would add its whole deadline to the first step.
  const flags = ["--miners", "16", "--block-time", "0.5", "--characters", "good,terse"];
  const subnet = await startSubnet(program, place, flags);
  try {
    const began = performance.now();
    const validator = start([...program, ...subnet.runArguments], place);
    const steps = (): number => stepsOf(readEvents(place.root)).length;
    const reached = (count: number) => (): true | undefined => (steps() >= count ? true : undefined);
    await waitFor("first step", validator, reached(1));
    const firstMs = performance.now() - began;
    await waitFor("steps", validator, reached(STEPS_BEFORE_RSS));
    const processes = [
      { name: "RSS, validator", pid: validator.pid },
      ...childrenOf(validator.pid).map((pid) => ({ name: "RSS, inference worker", pid })),
      { name: "RSS, localnet with 16 miners", pid: subnet.running.pid },
    ];
    const memory = processes.flatMap(({ name, pid }): BenchRow[] => {
      const value = residentMb(pid);
      return value === undefined ? [] : [{ name, value, unit: "MB" }];
    });
    await validator.stop();
    return [{ name: "start to first step on localnet", value: firstMs / 1000, unit: "s" }, ...memory];
  } finally {
    await subnet.running.stop();
    place.remove();
  }
}
