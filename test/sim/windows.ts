/**
 * A validator's chain side alone against a chain of this process, in virtual time, behind endpoints that fail at random: real
 * connection, duties, submissions and state; steps are made up. `bun test/sim/windows.ts 1000` runs so many epochs and
 * prints the figures; SIM_SEED chooses the faults, and the same seed gives the same run to the last request.
 */
import { heapStats } from "bun:jsc";
import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cryptoWaitReady, encodeAddress } from "@polkadot/util-crypto";
import { isFailure } from "../../src/base/error.ts";
import { configureLog } from "../../src/base/log.ts";
import type { Hotkey } from "../../src/base/units.ts";
import { signerOf } from "../chain/fixture.ts";
import { ChainWorld } from "./chain-world.ts";
import { Endpoint, EPISODES, type Faults, SimSocket } from "./endpoints.ts";
import { Growth } from "./growth.ts";
import { Machine } from "./machine.ts";
import { Oracle } from "./oracle.ts";
import { brokenPromises } from "./promises.ts";
import { randomOf, VirtualTime } from "./virtual-time.ts";

export const TEMPO = 60;
/** Blocks before an epoch from which on its weights may be set. */
export const BEFORE = 40;
const BLOCK_MS = 12_000;
const MINERS = 6;
/** Epochs from one look at what is held to the next. */
const SAMPLE_EPOCHS = 2;
/** What befalls the chain or the machine, each with the chance of the faults in each epoch. */
const EVENTS = [
  "kill",
  "replaced",
  "grown",
  "upgrade",
  "commit-reveal",
  "finality-stall",
  "missed-slots",
  "all-down",
] as const;

export interface SimOptions {
  epochs: number;
  seed: number;
  /** Chance of a fault with each answer of a node, and of each kind of episode and event in each epoch, 0..1. */
  faultRate: number;
  /** Chance that the block with the weights is taken back, 0..1. */
  reorgRate: number;
  /** Whether weights are committed at first; events change that now and then. */
  commitReveal?: boolean;
}

export interface SimResult {
  seed: number;
  windows: number;
  /** Windows that got weights. */
  set: number;
  /** Windows without, by the block in which they opened. */
  missed: number[];
  /** Blocks of the vectors of windows that got more than one. */
  doubled: number[][];
  /** Vectors on chain that are none of those that the scores of their window make. */
  wrong: string[];
  /** Commits that the chain took, and those that it revealed. */
  commits: number;
  reveals: number;
  /** What the validator told of reveals, by state. */
  revealsTold: Record<string, number>;
  faults: Record<string, number>;
  restarts: number;
  requestsAMinute: number;
  /** Blocks, at most, from the notice that an endpoint is lost to a connection, while another one was sound. */
  slowestRecoveryBlocks: number;
  /** How many recoveries took so many blocks. */
  recoveries: Record<number, number>;
  /** Blocks from the opening of a window to its weights: half of them, nineteen of twenty, the slowest. */
  blocksToWeights: { median: number; p95: number; most: number };
  /** At the end, one connection standing. */
  sockets: number;
  subscriptions: number;
  timers: number;
  /**
   * By which they grow in the second half, each 100 epochs: what is held after a full collection, what the process
   * takes, functions that something holds (listeners are such), and what is open.
   */
  growth: Record<"heapMb" | "rssMb" | "functions" | "sockets" | "subscriptions" | "timers", number>;
  /** Seconds from the notice that an endpoint is lost to a connection: half of them, all but one of a hundred, all but one of a thousand. */
  recoverySeconds: { median: number; p99: number; p999: number; most: number };
  /** Of every request with its time: the same seed gives the same. */
  trace: string;
  cpuSeconds: number;
  virtualDays: number;
}

export async function simulate({
  epochs,
  seed,
  faultRate,
  reorgRate,
  commitReveal = false,
}: SimOptions): Promise<SimResult> {
  const startedCpu = process.cpuUsage();
  await cryptoWaitReady();
  const signer = await signerOf(1);
  const strangers = Array.from({ length: MINERS }, (_, number) => addressOf(number));
  const random = randomOf(seed);
  const chance = randomOf(seed ^ 0x5bd1e995);
  const time = new VirtualTime();
  time.install(randomOf(seed ^ 0x27d4eb2f));
  globalThis.WebSocket = SimSocket as unknown as typeof WebSocket;
  const directory = mkdtempSync(join(tmpdir(), "ov-windows-"));
  const counts: Record<string, number> = {};
  const faults: Faults = {
    random,
    rate: faultRate,
    isCalm: true,
    count(kind) {
      counts[kind] = (counts[kind] ?? 0) + 1;
    },
  };
  const world = new ChainWorld(
    { tempo: TEMPO, weightsRateLimit: 20, commitReveal },
    signer.hotkey,
    strangers,
    seed,
  );
  const trace = new Bun.CryptoHasher("sha256");
  const endpoints = ["ws://one.test", "ws://two.test", "ws://three.test"].map(
    (url) => new Endpoint(url, world, time, faults),
  );
  SimSocket.endpoints = new Map(endpoints.map((endpoint) => [endpoint.url, endpoint]));
  SimSocket.onSend = (url, text) => {
    const { id, method } = JSON.parse(text) as { id: number; method: string };
    trace.update(`${time.nowMs} ${url} ${id} ${method}\n`);
  };
  const oracle = new Oracle(world, { tempo: TEMPO, before: BEFORE, seed });
  const produce = (): void => {
    world.produce();
    oracle.note();
    for (const endpoint of endpoints) endpoint.announce();
  };
  // Something to be level with.
  for (let block = 0; block < 5; block++) produce();

  let lives = 0;
  let folder = join(directory, "0");
  mkdirSync(folder);
  const machine = new Machine({ world, signer, endpoints, time, oracle, beforeEpochBlocks: BEFORE });
  const restart = async (): Promise<void> => {
    machine.kill();
    lives++;
    // What a kill leaves: the files as they are between two writes.
    const next = join(directory, String(lives));
    cpSync(folder, next, { recursive: true });
    const old = folder;
    folder = next;
    await machine.bury();
    rmSync(old, { recursive: true });
    void machine.live(folder);
  };
  void machine.live(folder);

  const growth = {
    heapMb: new Growth(),
    rssMb: new Growth(),
    functions: new Growth(),
    sockets: new Growth(),
    subscriptions: new Growth(),
    timers: new Growth(),
  };
  const opened = (): { sockets: number; subscriptions: number; timers: number } => ({
    sockets: endpoints.reduce((sum, endpoint) => sum + endpoint.open, 0),
    subscriptions: endpoints.reduce((sum, endpoint) => sum + endpoint.subscriptions, 0),
    timers: time.timers,
  });
  let newcomers = MINERS;
  const events: Record<(typeof EVENTS)[number], () => void> = {
    kill: () => void restart(),
    replaced: () => world.register(1 + Math.floor(chance() * (world.size - 1)), accountOf(newcomers++)),
    grown: () => world.size < 20 && world.register(world.size, accountOf(newcomers++)),
    upgrade: () => {
      world.chain.specVersion += 1;
      for (const endpoint of endpoints) endpoint.announceVersion();
    },
    "commit-reveal": () => world.setCommitReveal(!world.isCommitReveal),
    "finality-stall": () => {
      const fault = "finality-stall";
      world.chain.faults.add(fault, { kind: "chain", name: fault });
      time.after(50 * BLOCK_MS, () => world.chain.faults.remove(fault));
    },
    "missed-slots": () => {
      slotsToMiss = 1 + Math.floor(chance() * 4);
    },
    "all-down": () => {
      for (const endpoint of endpoints) endpoint.begin("refusing");
      time.after(5 * BLOCK_MS, () => {
        for (const endpoint of endpoints) endpoint.end();
      });
    },
  };
  let slotsToMiss = 0;
  /** Once in a window; what is taken back again and again can never be there. */
  let reorganisedIn = 0;
  /** Takes back the block with the weights, and lets them come again after some blocks or never. */
  const reorganise = (): void => {
    reorganisedIn = oracle.windowOf(world.head);
    faults.count("reorganised");
    const height = world.head;
    const lost = world.chain.retract(1 + Math.floor(chance() * 2));
    oracle.noteRetracted();
    const again = chance();
    if (again < 0.5)
      time.after(again < 0.25 ? 0 : 2.5 * BLOCK_MS, () => {
        for (const { extrinsic, notify } of lost) {
          try {
            world.chain.submit(extrinsic.bytes, notify);
          } catch (error) {
            // What was sent since may have its nonce.
            if (!isFailure(error, "localnet.refused")) throw error;
          }
        }
      });
    while (world.head < height) produce();
  };
  /** What the faults of this epoch hold, by the block in which it comes. */
  const plan = new Map<number, (() => void)[]>();
  const planFor = (block: number, work: () => void): void => {
    plan.set(block, [...(plan.get(block) ?? []), work]);
  };
  const planEpoch = (begin: number): void => {
    const anyBlock = (): number => begin + Math.floor(chance() * TEMPO);
    for (const name of EVENTS)
      if (chance() < faultRate)
        planFor(anyBlock(), () => {
          faults.count(name);
          events[name]();
        });
    for (const episode of EPISODES)
      if (chance() < faultRate) {
        const endpoint = endpoints[Math.floor(chance() * endpoints.length)]!;
        const blocks = 2 + Math.floor(chance() * 40);
        planFor(anyBlock(), () => {
          if (endpoint.episode !== undefined) return;
          faults.count(episode);
          endpoint.begin(episode);
          time.after(blocks * BLOCK_MS, () => endpoint.end());
        });
      }
  };

  const wanted = 5 + epochs * TEMPO;
  const run = Promise.withResolvers<void>();
  const tick = (): void => {
    time.after(BLOCK_MS, tick);
    if (slotsToMiss > 0) {
      slotsToMiss--;
      return;
    }
    if (faultRate > 0 && (world.head - 5) % TEMPO === 0) planEpoch(world.head);
    for (const work of plan.get(world.head) ?? []) work();
    plan.delete(world.head);
    const isTime = world.head < wanted - TEMPO && oracle.windowOf(world.head) > reorganisedIn;
    if (isTime && world.own().lastUpdate === world.head && chance() < reorgRate) reorganise();
    machine.score();
    produce();
    machine.note();
    // The last epoch settles what is under way.
    if (world.head === wanted - TEMPO) faults.isCalm = true;
    if (world.head % (SAMPLE_EPOCHS * TEMPO) === 0) {
      Bun.gc(true);
      const { heapSize, objectTypeCounts } = heapStats();
      growth.heapMb.note(heapSize / 1e6);
      growth.rssMb.note(process.memoryUsage().rss / 1e6);
      growth.functions.note(objectTypeCounts.Function ?? 0);
      for (const [name, count] of Object.entries(opened())) growth[name as keyof typeof growth].note(count);
    }
    if (world.head >= wanted) run.resolve();
  };
  tick();
  faults.isCalm = faultRate === 0;
  await time.pass(run.promise);
  const end = world.head;
  const { requests, slowestRecoveryBlocks } = machine;
  const atEnd = opened();
  await time.pass(machine.stop());
  rmSync(directory, { recursive: true, force: true });
  const { user, system } = process.cpuUsage(startedCpu);
  return {
    seed,
    ...oracle.verdict(end),
    faults: counts,
    restarts: lives,
    requestsAMinute: requests / (time.nowMs / 60_000),
    slowestRecoveryBlocks,
    recoveries: machine.recoveries,
    recoverySeconds: machine.recoverySeconds,
    revealsTold: machine.revealsTold,
    ...atEnd,
    growth: Object.fromEntries(
      Object.entries(growth).map(([name, { perSample }]) => [name, (perSample * 100) / SAMPLE_EPOCHS]),
    ) as SimResult["growth"],
    trace: trace.digest("hex").slice(0, 16),
    cpuSeconds: (user + system) / 1e6,
    virtualDays: time.nowMs / 86_400_000,
  };
}

function accountOf(number: number): string {
  return (number + 1).toString(16).padStart(64, "e");
}

function addressOf(number: number): Hotkey {
  return encodeAddress(`0x${accountOf(number)}`, 42) as Hotkey;
}

if (import.meta.main) {
  const epochs = Number(process.argv[2] ?? 1_000);
  const seed = Number(process.env.SIM_SEED ?? Date.now() % 1e9);
  const faultRate = Number(process.env.SIM_FAULTS ?? 0.05);
  const commitReveal = process.env.SIM_COMMITS === "1";
  const reorgRate = Number(process.env.SIM_REORGS ?? faultRate);
  configureLog({ level: (process.env.SIM_LOG ?? "error") as "error", format: "plain" });
  process.stderr.write(`${epochs} epochs, SIM_SEED=${seed}\n`);
  const result = await simulate({ epochs, seed, faultRate, reorgRate, commitReveal });
  process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
  const broken = brokenPromises(result);
  for (const sentence of broken) process.stderr.write(`${sentence}\n`);
  process.exit(broken.length === 0 ? 0 : 1);
}
