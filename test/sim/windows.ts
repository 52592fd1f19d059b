/**
 * A validator's chain side alone, on a real node in accelerated time, behind endpoints that fail at random: real connection, duties,
 * submissions and state; steps are made up. `bun test/sim/windows.ts 1000` runs so many epochs and prints the figures.
 */
import { mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sleep } from "../../src/base/deadline.ts";
import { asUid } from "../../src/base/units.ts";
import { ChainConnection } from "../../src/chain/connection.ts";
import { fetchMetagraph, fetchWeights } from "../../src/chain/metagraph.ts";
import { Clock } from "../../src/validator/clock.ts";
import { commitOf } from "../../src/validator/commit.ts";
import { metagraphDuty } from "../../src/validator/metagraph-duty.ts";
import { resume } from "../../src/validator/resume.ts";
import { Subtensor } from "../../src/validator/subtensor.ts";
import { WeightsDuty } from "../../src/validator/weights-duty.ts";
import { connect, NETUID, neuron, signerOf, startChain, until } from "../chain/fixture.ts";
import { FakeChain, fakeModules, SETTINGS } from "../fakes/session.ts";

const BLOCK_MS = 100;
/** How much faster than on the public chain time runs here. */
const SPEED = 12_000 / BLOCK_MS;
const TEMPO = 20;
/** Blocks before an epoch from which on its weights may be set. */
const BEFORE = 15;
/** What duties ask, so that most of the faults meet them and not only the dozen questions with which a connection begins. */
const SPOILED: ReadonlySet<string> = new Set([
  "state_call",
  "state_queryStorageAt",
  "chain_getHeader",
  "chain_getBlockHash",
  "system_accountNextIndex",
  "author_submitAndWatchExtrinsic",
]);
const FAULTS = ["drop", "error", "garbage", "empty"] as const;

export interface SimOptions {
  epochs: number;
  seed: number;
  /** Chance of a fault with each answer of a node, 0..1. */
  faultRate: number;
  directory: string;
}

export interface SimResult {
  windows: number;
  /** Windows that got weights. */
  set: number;
  /** Windows that got more than one vector. */
  doubled: number;
  /** Vectors on chain that are none of those that were recorded. */
  wrong: number;
  faults: Record<(typeof FAULTS)[number] | "stall", number>;
  requestsAMinute: number;
  /** Blocks, at most, from the loss of an endpoint to the next reading that worked. */
  slowestRecoveryBlocks: number;
  /** Sockets to endpoints at the end. */
  sockets: number;
  grownMb: number;
}

/** Numbers from 0 to 1 by a seed (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export async function simulate({ epochs, seed, faultRate, directory }: SimOptions): Promise<SimResult> {
  mkdirSync(directory, { recursive: true });
  const random = randomOf(seed);
  const miners = await Promise.all([2, 3, 4, 5].map(signerOf));
  const axon = { ip: 2_130_706_433n, port: 9000, ipType: 4, version: 1, protocol: 4 };
  const own = await signerOf(1);
  const { node, signer } = await startChain({
    blockTimeMs: BLOCK_MS,
    tempo: TEMPO,
    weightsRateLimit: 0,
    accounts: [
      neuron(own.hotkey),
      ...miners.map(({ hotkey }) => neuron(hotkey, { validatorPermit: false, stakeTao: 0, axon })),
    ],
  });
  const faults: SimResult["faults"] = { drop: 0, error: 0, garbage: 0, empty: 0, stall: 0 };
  let isCalm = true;
  const relays = [node.openEndpoint(), node.openEndpoint()];
  for (const relay of relays) {
    relay.alter = ({ id, method, text }) => {
      if (isCalm || id === undefined || !SPOILED.has(method) || random() >= faultRate) return text;
      const fault = FAULTS[Math.floor(random() * FAULTS.length)]!;
      faults[fault]++;
      if (fault === "drop") relay.fault("drop");
      if (fault === "error")
        return JSON.stringify({ jsonrpc: "2.0", id, error: { code: -32_603, message: "made up" } });
      if (fault === "empty") return JSON.stringify({ jsonrpc: "2.0", id, result: null });
      return fault === "garbage" ? "<html>502 Bad Gateway</html>" : text;
    };
  }
  const observer = await connect(node.endpoint);
  let lostAt: number | undefined;
  let slowestRecoveryBlocks = 0;
  const connection = await ChainConnection.connect({
    endpoints: relays.map(({ endpoint }) => endpoint),
    stallMs: 8 * BLOCK_MS,
    pace: {
      nowMs: () => performance.now() * SPEED,
      sleep: (ms) => Bun.sleep(ms / SPEED),
      random,
    },
    onState: ({ state }) => {
      if (state === "lost") lostAt ??= node.head();
      else if (lostAt !== undefined && (state === "connected" || state === "switched")) {
        slowestRecoveryBlocks = Math.max(slowestRecoveryBlocks, node.head() - lostAt);
        lostAt = undefined;
      }
    },
  });
  const chain = new Subtensor(connection, signer, NETUID, 7);
  const { modules } = fakeModules(new FakeChain());
  const stop = new AbortController();
  const session = await resume({
    settings: { ...SETTINGS, beforeEpochBlocks: BEFORE, checkpointBlocks: 5 },
    identity: { genesis: node.genesisHash, netuid: NETUID, hotkey: signer.hotkey },
    modules: {
      ...modules,
      chain,
      time: { ...modules.time, wallMs: Date.now, nowMs: () => performance.now(), sleep },
    },
    stateDirectory: directory,
    signal: stop.signal,
  });
  // As after a history long enough.
  session.state.evidence = { countedSteps: 100, blocks: 1_000 };
  session.state.asked.fill(9);
  const clock = new Clock(
    { onHead: (callback) => chain.onHead(callback) },
    [metagraphDuty(session), new WeightsDuty(session)],
    () => undefined,
  );
  isCalm = false;
  const startMs = performance.now();
  const requests = connection.requests;
  const startHead = node.head();
  const end = startHead + epochs * TEMPO;
  const updates = new Map<number, [number, number][]>();
  let halfMb = 0;
  while (node.head() < end) {
    session.state.scores.set([0, ...miners.map(() => 0.05 + random())]);
    const head = await node.nextBlock();
    if (random() < faultRate / TEMPO) {
      faults.stall++;
      const relay = relays[Math.floor(random() * relays.length)]!;
      relay.fault("hang");
      setTimeout(() => relay.heal("hang"), 12 * BLOCK_MS);
    }
    const { lastUpdate } = await fetchMetagraph(observer, NETUID);
    const at = lastUpdate[0]!;
    if (at > startHead && !updates.has(at)) updates.set(at, await fetchWeights(observer, NETUID, asUid(0)));
    if (halfMb === 0 && head > (startHead + end) / 2) halfMb = process.memoryUsage().rss / 1e6;
  }
  isCalm = true;
  const minutes = ((performance.now() - startMs) * SPEED) / 60_000;
  const requestsAMinute = (connection.requests - requests) / minutes;
  await until(() => session.recorder.unsettled().length === 0 || node.head() > end + 100);
  stop.abort();
  await clock.stop(10_000);
  const records = session.recorder.submissions.filter(({ state }) => state === "included");
  const wrong = [...updates].filter(([block, row]) => {
    const record = records.find((one) => one.block === block);
    // The state keeps the last ones only.
    if (record === undefined)
      return block >= (records[0]?.block ?? 0) && block <= (records.at(-1)?.block ?? 0);
    return (
      JSON.stringify(row) !== JSON.stringify(record.uids.map((uid, index) => [uid, record.values[index]]))
    );
  }).length;
  const byWindow = new Map<number, number>();
  const { nextEpochBlock = 0 } = session.state.subnet;
  // A window opens so many blocks before its epoch and ends where the next one opens.
  const windowOf = (block: number): number => Math.floor((block - nextEpochBlock + BEFORE) / TEMPO);
  for (const block of updates.keys()) byWindow.set(windowOf(block), (byWindow.get(windowOf(block)) ?? 0) + 1);
  // The first and the last window are cut.
  const whole = Array.from(
    { length: Math.max(0, windowOf(end) - windowOf(startHead) - 1) },
    (_, index) => windowOf(startHead) + 1 + index,
  );
  const sockets = relays.reduce((sum, relay) => sum + relay.open, 0);
  session.recorder.close(commitOf(session, true));
  await connection.close();
  await observer.close();
  await Promise.all(relays.map((relay) => relay.stop()));
  await node.stop();
  return {
    windows: whole.length,
    set: whole.filter((window) => byWindow.has(window)).length,
    doubled: [...byWindow.values()].filter((count) => count > 1).length,
    wrong,
    faults,
    requestsAMinute,
    slowestRecoveryBlocks,
    sockets,
    grownMb: process.memoryUsage().rss / 1e6 - halfMb,
  };
}

if (import.meta.main) {
  const epochs = Number(process.argv[2] ?? 1_000);
  const seed = Number(process.env.SIM_SEED ?? Date.now() % 1e9);
  process.stdout.write(`${epochs} epochs, SIM_SEED=${seed}\n`);
  const result = await simulate({
    epochs,
    seed,
    faultRate: 0.05,
    directory: mkdtempSync(join(tmpdir(), "ov-windows-")),
  });
  process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
  process.exitCode = result.set / result.windows >= 0.995 && result.wrong + result.doubled === 0 ? 0 : 1;
}
