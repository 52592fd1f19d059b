import { afterEach, beforeEach, expect, test } from "bun:test";
import type { ApiPromise } from "@polkadot/api";
import type { KeyringPair } from "@polkadot/keyring/types";
import type { LocalNode } from "../../src/localnet/node/node.ts";
import { askLocalnet } from "../../src/localnet/remote.ts";
import { alice, bob, connect, eve, NETUID, neuron, send, startManual } from "./node-fixture.ts";

/** The place in storage of the subnet's second mechanism: netuid + 4096. */
const SECOND = 4097;
const HOTKEYS = 52;
const LAST_UPDATE = 59;
const INCENTIVES = 62;

let node: LocalNode;
let api: ApiPromise;
beforeEach(async () => {
  node = await startManual({ mechanisms: 2, weightsRateLimit: 3, tempo: 6 });
  api = await connect(node);
});
afterEach(async () => {
  await api.disconnect();
  await node.stop();
});

/** As the subnet's owner, seen from the next block on. */
const set = async (...words: unknown[]): Promise<void> => {
  await askLocalnet(node.endpoint, "localnet_set", "mechanisms", ...words);
  node.produceBlock();
};
const setWeights = (mecid: number, weights: Record<number, number>, by: KeyringPair = alice) =>
  send(
    api,
    node,
    api.tx.subtensorModule!.setMechanismWeights!(
      NETUID,
      mecid,
      Object.keys(weights),
      Object.values(weights),
      0,
    ),
    by,
  );
const read = async (name: string, ...keys: unknown[]) =>
  (await api.query.subtensorModule![name]!(...keys)).toJSON();
const graph = async (mecid: number) =>
  (
    await api.call.subnetInfoRuntimeApi!.getSelectiveMechagraph!(NETUID, mecid, [
      HOTKEYS,
      LAST_UPDATE,
      INCENTIVES,
    ])
  ).toJSON() as { hotkeys: string[]; lastUpdate: number[]; incentives: number[] } | null;

test("each mechanism keeps weights, updates and rate limit of its own", async () => {
  expect(await setWeights(1, { 2: 65_535 })).toMatchObject({ error: null });
  const at = node.head();
  expect(await setWeights(0, { 3: 65_535 })).toMatchObject({ error: null });
  expect(await read("weights", SECOND, 0)).toEqual([[2, 65_535]]);
  expect(await read("weights", NETUID, 0)).toEqual([[3, 65_535]]);
  expect((await graph(1))!.lastUpdate).toEqual([at, 0, 0, 0]);
  expect((await graph(0))!.lastUpdate).toEqual([at + 1, 0, 0, 0]);
  await expect(setWeights(1, { 2: 1 })).rejects.toThrow("Custom error: 6");
  expect(await setWeights(2, { 2: 1 })).toMatchObject({ error: "MechanismDoesNotExist" });
  expect(await graph(2)).toBeNull();
});

test("the emission is shared as the owner says, and in equal parts until then", async () => {
  await setWeights(0, { 2: 1 });
  await setWeights(1, { 3: 1 });
  node.triggerEpoch();
  node.produceBlock();
  expect((await graph(0))!.incentives).toEqual([0, 0, 65_535, 0]);
  expect((await graph(1))!.incentives).toEqual([0, 0, 0, 65_535]);
  expect(await read("consensus", NETUID)).toEqual([0, 0, 32_768, 32_768]);
  await set(2, 90, 10);
  expect(await read("mechanismEmissionSplit", NETUID)).toEqual([58_982, 6_553]);
  node.triggerEpoch();
  node.produceBlock();
  expect(await read("consensus", NETUID)).toEqual([0, 0, 58_982, 6_553]);
  await expect(set(2, 90, 20)).rejects.toThrow("sum 100");
});

test("a mechanism that is dropped loses what it held, and comes back empty", async () => {
  await setWeights(1, { 2: 65_535 });
  await set(1);
  expect(await read("weights", SECOND, 0)).toEqual([]);
  expect(await setWeights(1, { 2: 1 })).toMatchObject({ error: "MechanismDoesNotExist" });
  await set(2);
  expect((await graph(1))!.lastUpdate).toEqual([0, 0, 0, 0]);
  expect(await setWeights(1, { 2: 65_535 }, bob)).toMatchObject({ error: null });
});

test("who registers waits the rate limit in each mechanism, and takes over no weights", async () => {
  await setWeights(1, { 2: 65_535 });
  node.replaceNeuron(0, neuron(eve, 10, true));
  node.produceBlock();
  const at = node.head();
  expect(await read("weights", SECOND, 0)).toEqual([]);
  expect((await graph(1))!.lastUpdate[0]).toBe(at);
  await expect(setWeights(1, { 2: 1 }, eve)).rejects.toThrow("Custom error: 6");
});

test("a mechanism that is dropped takes with it what was committed for it, by salt and under a timelock", async () => {
  node.setCommitReveal(true);
  const { commitMechanismWeights, commitTimelockedMechanismWeights } = api.tx.subtensorModule!;
  const salted = commitMechanismWeights!(NETUID, 1, `0x${"77".repeat(32)}`);
  const locked = commitTimelockedMechanismWeights!(NETUID, 1, "0x00", 1e9, 4);
  expect(await send(api, node, salted, alice)).toMatchObject({ error: null });
  expect(await send(api, node, locked, bob)).toMatchObject({ error: null });
  const held = async () => [
    (await api.query.subtensorModule!.weightCommits!.entries(SECOND)).length,
    (await api.query.subtensorModule!.timelockedWeightCommits!.entries(SECOND)).length,
  ];
  expect(await held()).toEqual([1, 1]);
  await set(1);
  expect(await held()).toEqual([0, 0]);
});
