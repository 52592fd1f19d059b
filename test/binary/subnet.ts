import { readFileSync } from "node:fs";
import { join } from "node:path";
import { sleep, withDeadline } from "../../src/base/deadline.ts";
import { STOP_TIMEOUT_MS } from "../../src/validator/stop-times.ts";
import { noteSecrets } from "../canaries.ts";
import type { Scratch } from "./built.ts";

/** Room for a slow machine that runs other tests beside this one; a subnet needs one to three seconds. */
const READY_TIMEOUT_MS = 60_000;
const LOOK_EVERY_MS = 25;

type Place = Pick<Scratch, "directory" | "environment">;

/** A process of the product with its output collected. */
export interface Running {
  readonly pid: number;
  output(): string;
  /** Exit code once the process has ended. */
  readonly ended: Promise<number>;
  /** Sends a signal and waits for the end. @throws Error when the process outlives the deadline. */
  stop(signal?: "SIGTERM" | "SIGKILL" | "SIGINT"): Promise<number>;
}

export function start(command: readonly string[], { directory, environment }: Place): Running {
  const child = Bun.spawn([...command], {
    cwd: directory,
    env: environment,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  let text = "";
  const collect = async (stream: ReadableStream<Uint8Array>): Promise<void> => {
    const decoder = new TextDecoder();
    for await (const chunk of stream) text += decoder.decode(chunk, { stream: true });
  };
  const collected = Promise.all([collect(child.stdout), collect(child.stderr)]);
  const ended = Promise.all([child.exited, collected]).then(([code]) => {
    noteSecrets(`the output of ${command.join(" ")}`, text);
    return code;
  });
  return {
    pid: child.pid,
    output: () => text,
    ended,
    stop: async (signal = "SIGTERM") => {
      child.kill(signal);
      try {
        return await withDeadline(`the end after ${signal}`, STOP_TIMEOUT_MS, ended);
      } catch (error) {
        child.kill("SIGKILL");
        throw new Error(`${String(error)}:\n${text}`);
      }
    },
  };
}

/** Looks again and again until `find` gives something. @throws Error with `what` and the output at the deadline. */
export async function waitFor<T>(
  what: string,
  running: Running,
  find: () => T | undefined,
  timeoutMs = READY_TIMEOUT_MS,
): Promise<T> {
  let over = false;
  void running.ended.then(() => {
    over = true;
  });
  for (const end = Date.now() + timeoutMs; ; ) {
    const wasOver = over;
    const found = find();
    if (found !== undefined) return found;
    if (wasOver || Date.now() > end)
      throw new Error(`${wasOver ? "ended before" : "no"} ${what}:\n${running.output().slice(-4000)}`);
    await sleep(LOOK_EVERY_MS);
  }
}

export interface Subnet {
  readonly running: Running;
  /** Arguments of the command line that localnet prints: `run --subtensor.chain_endpoint …`. */
  readonly runArguments: string[];
  readonly endpoint: string;
}

/** Starts `localnet` of a program and waits until it has printed its command line. */
export async function startSubnet(
  program: readonly string[],
  place: Place,
  flags: readonly string[],
): Promise<Subnet> {
  const running = start([...program, "localnet", "--port", "0", ...flags], place);
  const runArguments = await waitFor("command line of localnet", running, () => {
    const joined = running.output().replaceAll(/ \\\n\s*/g, " ");
    const line = /\s(run --subtensor\.chain_endpoint \S+.*)\n/.exec(joined)?.[1];
    return line?.trim().split(/\s+/);
  });
  const endpoint = runArguments[runArguments.indexOf("--subtensor.chain_endpoint") + 1]!;
  return { running, runArguments, endpoint };
}

export type JournalEvent = Record<string, unknown> & { kind: string };

/** Whole lines of every journal below a folder. */
export function readEvents(below: string): JournalEvent[] {
  const events: JournalEvent[] = [];
  for (const path of new Bun.Glob("**/events.jsonl").scanSync({ cwd: below, dot: true })) {
    const lines = readFileSync(join(below, path), "utf8").split("\n").slice(0, -1);
    events.push(...lines.map((line) => JSON.parse(line) as JournalEvent));
  }
  return events;
}

export const stepsOf = (events: readonly JournalEvent[]): JournalEvent[] =>
  events.filter(({ kind }) => kind === "step");
