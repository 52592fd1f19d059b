import { afterEach, beforeEach, expect, test } from "bun:test";
import type { ApiPromise } from "@polkadot/api";
import type { KeyringPair } from "@polkadot/keyring/types";
import { u8aToHex } from "@polkadot/util";
import { encodeWeightsPayload, encryptTimelock } from "../../src/chain/timelock.ts";
import type { LocalNode, NodeOptions } from "../../src/localnet/node/node.ts";
import {
  advanceTo,
  alice,
  bob,
  charlie,
  connect,
  eve,
  NETUID,
  plain,
  refused,
  send,
  startManual,
} from "./node-fixture.ts";

const TEMPO = 6;
const VERSION = 4;
let clockMs = 0;
let node: LocalNode;
let api: ApiPromise;

async function start(options: Partial<NodeOptions> = {}): Promise<void> {
  await stop();
  clockMs = Date.UTC(2026, 0, 1);
  node = await startManual({
    commitReveal: true,
    tempo: TEMPO,
    weightsRateLimit: 0,
    nowMs: () => clockMs,
    ...options,
  });
  api = await connect(node);
}
async function stop(): Promise<void> {
  await api?.disconnect();
  await node?.stop();
}
beforeEach(() => start());
afterEach(stop);

const lastRound = async () => Number(await api.query.drand!.lastStoredRound!());

/** Encrypts weights to the round that the beacon publishes `secondsAhead` from now. */
async function seal(who: KeyringPair, uids: number[], values: number[], secondsAhead = 1) {
  const config = (await api.query.drand!.beaconConfig!()).toJSON() as { publicKey: string; period: number };
  const round = (await lastRound()) + Math.ceil(secondsAhead / config.period);
  const payload = encodeWeightsPayload({ hotkeyPublicKey: who.publicKey, uids, values, versionKey: 0n });
  return { commit: u8aToHex(encryptTimelock(payload, round, config.publicKey.slice(2))), round };
}
const commitCall = (commit: string, round: number, version = VERSION, mecid = 0) =>
  api.tx.subtensorModule!.commitTimelockedMechanismWeights!(NETUID, mecid, commit, round, version);
async function commit(who: KeyringPair, uids: number[], values: number[], secondsAhead = 1) {
  const sealed = await seal(who, uids, values, secondsAhead);
  return send(api, node, commitCall(sealed.commit, sealed.round), who);
}
const weightsOf = (uid: number) => plain(api.query.subtensorModule!.weights!(NETUID, uid));
const eventsNow = async () =>
  ((await api.query.system!.events!()) as unknown as { event: { method: string } }[]).map(
    ({ event }) => event.method,
  );
const passSeconds = (seconds: number): void => {
  clockMs += seconds * 1000;
};

test("opens a commit at the epoch after its own and applies the weights", async () => {
  const { events, error } = await commit(alice, [2, 3], [100, 50]);
  const commitBlock = node.head();
  expect(error).toBeNull();
  expect(events).toEqual(["subtensorModule.TimelockedWeightsCommitted", "system.ExtrinsicSuccess"]);
  passSeconds(2);
  advanceTo(node, TEMPO - 1);
  expect(await weightsOf(0)).toEqual([]);
  node.produceBlock(); // the epoch fires in this block, and the reveal comes before it
  expect(await eventsNow()).toContain("TimelockedWeightsRevealed");
  expect(await weightsOf(0)).toEqual([
    [2, 65_535],
    [3, 32_768],
  ]);
  // The commit was the update, the reveal is none.
  expect(await plain(api.query.subtensorModule!.lastUpdate!(NETUID))).toEqual([commitBlock, 0, 0, 0]);
  expect(await api.query.subtensorModule!.timelockedWeightCommits!.entries()).toEqual([]);
});

test("takes the call without a mechanism as well", async () => {
  const { commit, round } = await seal(alice, [2, 3], [1, 1]);
  const call = api.tx.subtensorModule!.commitTimelockedWeights!(NETUID, commit, round, VERSION);
  expect((await send(api, node, call, alice)).error).toBeNull();
  passSeconds(2);
  advanceTo(node, TEMPO);
  expect(await weightsOf(0)).toHaveLength(2);
});

test("waits a whole reveal period of epochs", async () => {
  await start({ revealPeriod: 2 });
  await commit(alice, [2, 3], [1, 1]);
  passSeconds(2);
  advanceTo(node, 2 * TEMPO - 1);
  expect(await weightsOf(0)).toEqual([]);
  node.produceBlock();
  expect(await weightsOf(0)).toHaveLength(2);
});

test("retries every block while the pulse is not there yet, and only then", async () => {
  await commit(alice, [2, 3], [1, 1], 30);
  advanceTo(node, TEMPO + 1);
  expect(await weightsOf(0)).toEqual([]);
  passSeconds(31);
  // The catching up of the beacon is spread over blocks, 16 rounds each.
  node.produceBlock();
  node.produceBlock();
  node.produceBlock();
  expect(await weightsOf(0)).toHaveLength(2);
});

test("drops a commit whose pulse did not come before the next epoch", async () => {
  await commit(alice, [2, 3], [1, 1], 30);
  advanceTo(node, 2 * TEMPO);
  passSeconds(31);
  advanceTo(node, 3 * TEMPO);
  expect(await weightsOf(0)).toEqual([]);
  expect(await api.query.subtensorModule!.timelockedWeightCommits!.entries()).toEqual([]);
});

test("drops without a word what does not open, names another hotkey, or holds weights that it would refuse", async () => {
  const tempo = 10;
  await start({ tempo });
  const round = (await lastRound()) + 1;
  for (const broken of ["0x010203", atInfinity])
    expect((await send(api, node, commitCall(broken, round), alice)).error).toBeNull();
  const stolen = await seal(bob, [2, 3], [1, 1]);
  expect((await send(api, node, commitCall(stolen.commit, stolen.round), alice)).error).toBeNull();
  expect((await commit(bob, [2, 2], [1, 1])).error).toBeNull();
  expect((await commit(charlie, [0, 1], [1, 1])).error).toBeNull();
  passSeconds(2);
  advanceTo(node, tempo);
  expect(await eventsNow()).toEqual(["ExtrinsicSuccess"]);
  expect(await api.query.subtensorModule!.weights!.entries()).toEqual([]);
  expect(await api.query.subtensorModule!.timelockedWeightCommits!.entries()).toEqual([]);
});

/** Well laid out, but its point is the one at infinity, of which no pairing can be taken. */
const vector = (hex: string) => Buffer.from([hex.length / 2, 0, 0, 0, 0, 0, 0, 0]).toString("hex") + hex;
const atInfinity = `0xc0${"00".repeat(95)}${vector("11".repeat(32)).repeat(2)}${vector(
  vector("22".repeat(20)) + vector("33".repeat(12)),
)}${vector(Buffer.from("AES_GCM_").toString("hex"))}`;

test("refuses a round that was published before, at the pool", async () => {
  const { commit } = await seal(alice, [2, 3], [1, 1]);
  const last = await lastRound();
  expect(await refused(send(api, node, commitCall(commit, last - 1), alice))).toBe("1010: Custom error: 15");
  expect((await send(api, node, commitCall(commit, last), alice)).error).toBeNull();
});

test("checks in the runtime's order: mechanism, switch, version, registration, rate, number", async () => {
  await start({ weightsRateLimit: 3 });
  const sealed = await seal(alice, [2, 3], [1, 1], 1000);
  const errorOf = async (version: number, mecid: number, who: KeyringPair) =>
    (await send(api, node, commitCall(sealed.commit, sealed.round, version, mecid), who)).error;
  node.setCommitReveal(false);
  expect(await errorOf(3, 1, eve)).toBe("MechanismDoesNotExist");
  expect(await errorOf(3, 0, eve)).toBe("CommitRevealDisabled");
  node.setCommitReveal(true);
  expect(await errorOf(3, 0, eve)).toBe("IncorrectCommitRevealVersion");
  expect(await errorOf(VERSION, 0, eve)).toBe("HotKeyNotRegisteredInSubNet");
  expect(await errorOf(VERSION, 0, alice)).toBeNull();
  expect(await errorOf(VERSION, 0, alice)).toBe("CommittingWeightsTooFast");
});

test("holds ten commits of a hotkey in one epoch and no eleventh", async () => {
  await start({ tempo: 100 });
  const { commit, round } = await seal(alice, [2, 3], [1, 1]);
  for (let count = 0; count < 10; count++)
    expect((await send(api, node, commitCall(commit, round), alice)).error).toBeNull();
  expect((await send(api, node, commitCall(commit, round), alice)).error).toBe("TooManyUnrevealedCommits");
  expect((await send(api, node, commitCall(commit, round), bob)).error).toBeNull();
});

test("publishes a signed pulse per round, each with the round's number", async () => {
  const first = await lastRound();
  passSeconds(3);
  node.produceBlock();
  expect(await lastRound()).toBe(first + 3);
  const pulse = (await plain(api.query.drand!.pulses!(first + 2))) as { round: number; signature: string };
  expect(pulse.round).toBe(first + 2);
  expect(pulse.signature).toMatch(/^0x[0-9a-f]{96}$/);
  expect(await eventsNow()).toContain("NewPulse");
});
