import { afterEach, beforeEach, expect, test } from "bun:test";
import type { ApiPromise } from "@polkadot/api";
import type { LocalNode, NodeOptions } from "../../src/localnet/node/node.ts";
import {
  advanceTo,
  alice,
  bob,
  charlie,
  connect,
  dave,
  eve,
  FOUR,
  key,
  NETUID,
  neuron,
  plain,
  send,
  startManual,
} from "./node-fixture.ts";

const TEMPO = 5;
let node: LocalNode;
let api: ApiPromise;

async function start(options: Partial<NodeOptions> = {}): Promise<void> {
  await stop();
  node = await startManual({ tempo: TEMPO, weightsRateLimit: 0, ...options });
  api = await connect(node);
}
async function stop(): Promise<void> {
  await api?.disconnect();
  await node?.stop();
}
beforeEach(() => start());
afterEach(stop);

const read = (name: string, ...keys: unknown[]) => plain(api.query.subtensorModule![name]!(...keys));
const schedule = async () => [
  await read("subnetEpochIndex", NETUID),
  await read("lastEpochBlock", NETUID),
  await read("blocksSinceLastStep", NETUID),
  await read("pendingEpochAt", NETUID),
];
const setWeights = (uids: number[], values: number[], who = alice) =>
  send(api, node, api.tx.subtensorModule!.setWeights!(NETUID, uids, values, 0), who);
const register = (hotkey: string, netuid = NETUID, who = eve) =>
  send(api, node, api.tx.subtensorModule!.burnedRegister!(netuid, hotkey), who);

test("runs an epoch every tempo blocks and keeps the stateful schedule", async () => {
  expect(await schedule()).toEqual([0, 0, 0, 0]);
  advanceTo(node, TEMPO - 1);
  expect(await schedule()).toEqual([0, 0, TEMPO - 1, 0]);
  node.produceBlock();
  expect(await schedule()).toEqual([1, TEMPO, 0, 0]);
  advanceTo(node, 3 * TEMPO + 2);
  expect(await schedule()).toEqual([3, 3 * TEMPO, 2, 0]);
});

test("runs an epoch out of turn when one was triggered, and counts the tempo from it", async () => {
  advanceTo(node, 2);
  node.triggerEpoch();
  node.produceBlock();
  expect(await schedule()).toEqual([1, 3, 0, 0]);
  advanceTo(node, 3 + TEMPO);
  expect(await schedule()).toEqual([2, 3 + TEMPO, 0, 0]);
});

test("runs no epoch with tempo 0", async () => {
  await start({ tempo: 0 });
  advanceTo(node, 50);
  expect(await schedule()).toEqual([0, 0, 50, 0]);
  expect(await plain(api.call.subnetInfoRuntimeApi!.getNextEpochStartBlock!(NETUID))).toBeNull();
});

test("pays miners by the stake-weighted mean of the weights", async () => {
  await setWeights([2, 3], [1, 1], alice); // 3000 TAO
  await setWeights([2], [1], bob); // 1000 TAO
  advanceTo(node, TEMPO);
  const expected = [0, 0, 0.625, 0.375].map((share) => Math.round(share * 65_535));
  expect(await read("incentive", NETUID)).toEqual(expected);
  const emission = (await read("emission", NETUID)) as number[];
  expect(emission[2]! / emission[3]!).toBeCloseTo(0.625 / 0.375, 5);
  const dividends = (await read("dividends", NETUID)) as number[];
  expect(dividends[0]!).toBeGreaterThan(dividends[1]!);
  expect(dividends[2]).toBe(0);
});

test("ignores weights for whoever was on the uid before", async () => {
  await setWeights([2, 3], [1, 1]);
  node.replaceNeuron(2, neuron(eve));
  advanceTo(node, TEMPO);
  expect(await read("incentive", NETUID)).toEqual([0, 0, 0, 65_535]);
});

test("gives a newcomer the next uid and tells of it", async () => {
  const { events } = await register(eve.address);
  expect(events).toEqual(["subtensorModule.NeuronRegistered", "system.ExtrinsicSuccess"]);
  expect(await read("uids", NETUID, eve.address)).toBe(4);
  expect(await read("keys", NETUID, 4)).toBe(eve.address);
  expect(await read("subnetworkN", NETUID)).toBe(5);
  expect(await read("blockAtRegistration", NETUID, 4)).toBe(node.head());
  expect(((await read("lastUpdate", NETUID)) as number[])[4]).toBe(node.head());
  expect((await register(eve.address)).error).toBe("HotKeyAlreadyRegisteredInSubNet");
  expect((await register(eve.address, 9)).error).toBe("SubnetNotExists");
});

test("replaces the neuron with the lowest emission when the subnet is full, and clears what it had", async () => {
  await start({ maxUids: 4, immunityPeriod: 0, accounts: FOUR });
  await setWeights([3], [1], alice);
  await setWeights([3], [1], bob);
  await send(api, node, api.tx.subtensorModule!.serveAxon!(NETUID, 1, 0x0808_0808, 1, 4, 4, 0, 0), charlie);
  advanceTo(node, TEMPO);
  expect((await register(eve.address)).error).toBeNull();
  expect(await read("keys", NETUID, 2)).toBe(eve.address);
  expect(await read("uids", NETUID, charlie.address)).toBeNull();
  expect(await read("axons", NETUID, charlie.address)).toBeNull();
  expect(await read("subnetworkN", NETUID)).toBe(4);
});

test("spares neurons in their immunity period while there is another", async () => {
  await start({ maxUids: 4, immunityPeriod: 1000 });
  node.replaceNeuron(2, neuron(eve));
  advanceTo(node, 1001);
  expect(node.register(neuron(key("Ferdie")))).not.toBe(2);
  expect(await read("uids", NETUID, dave.address)).toBe(3);
});

test("shows a replaced neuron in the next block, with its event", async () => {
  node.replaceNeuron(3, { ...neuron(eve), axon: { ip: 1n, port: 9, ipType: 4, version: 1, protocol: 4 } });
  expect(await read("keys", NETUID, 3)).toBe(dave.address);
  node.produceBlock();
  expect(await read("keys", NETUID, 3)).toBe(eve.address);
  expect(await read("axons", NETUID, eve.address)).toMatchObject({ port: 9 });
  const events = (await api.query.system!.events!()) as unknown as { event: { method: string } }[];
  expect(events.map(({ event }) => event.method)).toContain("NeuronRegistered");
});
