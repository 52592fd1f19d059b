import { readFileSync } from "node:fs";
import { join } from "node:path";
import { openSigner } from "../../src/cli/open-signer.ts";
import { loadConfiguration } from "../../src/config/load.ts";
import { OPTIONS } from "../../src/config/options.ts";
import type { Event } from "../../src/events/schema.ts";
import { startValidator } from "../../src/validator/compose.ts";
import { StateDatabase } from "../../src/validator/state/database.ts";
import { builtBinary, scratch } from "../binary/built.ts";
import { startSubnet } from "../binary/subnet.ts";
import { residentMb } from "./measure.ts";
import { type BenchRow, quantile } from "./row.ts";

const STEPS = Number(process.env.ENDURANCE_STEPS ?? 2_000);
const MINERS = 256;
/** Finer than the longest hold that is allowed (100 ms). */
const PROBE_MS = 5;
/** State of 0.1.0, which was written whole after each step (24 to 49 MB with a full history). */
const OLD_STATE_BYTES = 24e6;

/**
 * The validator of this very process on a subnet of miners that answer at once: what it writes, how much memory it takes and how
 * long it holds its event loop. The ratio compares the state with that of 0.1.0.
 */
export async function benchEndurance(): Promise<BenchRow[]> {
  const place = scratch();
  const flags = ["--miners", String(MINERS), "--block-time", "1", "--tempo", "60", "--characters", "terse"];
  const subnet = await startSubnet([await builtBinary()], place, flags);
  const flagOf = (name: string): string => subnet.runArguments[subnet.runArguments.indexOf(name) + 1]!;
  const given = Object.fromEntries(
    [
      "--subtensor.chain_endpoint",
      "--netuid",
      "--wallet.path",
      "--wallet.name",
      "--wallet.hotkey",
      "--logging.logging_dir",
    ].map((name) => [name.slice(2), flagOf(name)]),
  );
  const { settings } = loadConfiguration(OPTIONS, {
    flags: { ...given, "miners.max_requests": "0", "neuron.device": "cpu" },
    environment: {},
  });
  const stop = new AbortController();
  const written = countStateBytes();
  const holds = probeEventLoop();
  let steps = 0;
  let journalBytes = 0;
  const memory: number[] = [];
  try {
    const signer = await openSigner(settings, { environment: {}, signal: stop.signal });
    await startValidator({
      settings,
      signer,
      signal: stop.signal,
      onEvent(event: Event) {
        journalBytes += JSON.stringify(event).length + 1;
        if (event.kind !== "step") return;
        steps++;
        if (steps % 50 === 0) memory.push(residentMb(process.pid) ?? 0);
        if (steps === STEPS) stop.abort();
      },
    });
  } finally {
    holds.stop();
    written.restore();
    await subnet.running.stop();
    place.remove();
  }
  const name = (what: string): string => `${steps} steps on ${MINERS} miners: ${what}`;
  const half = Math.floor(memory.length / 2);
  return [
    { name: name("journal, bytes a step"), value: journalBytes / steps / 1024, unit: "KB" },
    {
      name: name("state, bytes a step"),
      value: written.bytes() / steps / 1024,
      unit: "KB",
      ratio: OLD_STATE_BYTES / (written.bytes() / steps),
    },
    { name: name("state, longest commit"), value: written.longestMs(), unit: "ms" },
    { name: name("event loop, longest hold"), value: Math.max(...holds.ms), unit: "ms" },
    { name: name("event loop, 99.9 % of holds"), value: quantile(holds.ms, 0.999), unit: "ms" },
    { name: name("RSS at the middle"), value: memory[half] ?? 0, unit: "MB" },
    { name: name("RSS at the end"), value: memory.at(-1) ?? 0, unit: "MB" },
  ];
}

/** Bytes that this process handed to the kernel so far, by its own account (Linux). */
function writtenBytes(): number {
  return Number(/^wchar: (\d+)/m.exec(readFileSync(join("/proc/self", "io"), "utf8"))![1]);
}

/** Counts what commits of the state write, log and checkpoints included. */
function countStateBytes() {
  const { commit } = StateDatabase.prototype;
  let bytes = 0;
  let longestMs = 0;
  StateDatabase.prototype.commit = function (step) {
    const before = writtenBytes();
    const startedMs = performance.now();
    commit.call(this, step);
    longestMs = Math.max(longestMs, performance.now() - startedMs);
    bytes += writtenBytes() - before;
  };
  return {
    bytes: () => bytes,
    longestMs: () => longestMs,
    restore: () => {
      StateDatabase.prototype.commit = commit;
    },
  };
}

/** How much later than wanted a timer came, again and again. */
function probeEventLoop() {
  const ms: number[] = [];
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    ms.push(Math.max(0, now - last - PROBE_MS));
    last = now;
  }, PROBE_MS);
  return { ms, stop: () => clearInterval(timer) };
}
