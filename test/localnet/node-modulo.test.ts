import { afterEach, expect, test } from "bun:test";
import { asUid } from "../../src/base/units.ts";
import { fetchWeights } from "../../src/chain/metagraph.ts";
import { confirmReveal } from "../../src/chain/reveal.ts";
import { submitWeights } from "../../src/chain/submission.ts";
import type { LocalNode, NodeOptions } from "../../src/localnet/node/node.ts";
import { askLocalnet } from "../../src/localnet/remote.ts";
import * as live from "../chain/fixture.ts";
import {
  advanceTo,
  alice,
  charlie,
  connect,
  dave,
  key,
  NETUID,
  neuron,
  plain,
  send,
  startManual,
} from "./node-fixture.ts";

const TEMPO = 5;
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function started(options: Partial<NodeOptions> = {}) {
  const node: LocalNode = await startManual({ tempo: TEMPO, weightsRateLimit: 0, ...options });
  closers.push(() => node.stop());
  const api = await connect(node);
  closers.push(() => api.disconnect());
  return { node, api };
}

test("epochs before spec 420 fall on blocks that the tempo divides, and clients see no other schedule", async () => {
  const { node, api } = await started({ epochs: "modulo" });
  expect(node.specVersion).toBeLessThan(420);
  const { subtensorModule } = api.query;
  for (const name of ["subnetEpochIndex", "lastEpochBlock", "pendingEpochAt"])
    expect(subtensorModule![name]).toBeUndefined();
  expect(api.call.subnetInfoRuntimeApi!.getNextEpochStartBlock).toBeUndefined();
  const epochs: number[] = [];
  while (node.head() < 25) {
    node.produceBlock();
    if (Number(await subtensorModule!.blocksSinceLastStep!(NETUID)) === 0) epochs.push(node.head());
  }
  // (block + netuid + 1) mod (tempo + 1) = 0
  expect(epochs).toEqual([4, 10, 16, 22]);
  expect(() => node.triggerEpoch()).toThrow("fixed blocks");
});

test("an upgrade to spec 420 gives the subnet a count of its own epochs", async () => {
  const { node } = await started({ epochs: "modulo" });
  advanceTo(node, 12);
  expect(node.upgradeRuntime(424)).toBe(424);
  expect(() => node.upgradeRuntime(424)).toThrow("newer");
  node.produceBlock();
  const api = await connect(node);
  closers.push(() => api.disconnect());
  expect(await plain(api.call.subnetInfoRuntimeApi!.getNextEpochStartBlock!(NETUID))).toBe(15);
  const index = Number(await api.query.subtensorModule!.subnetEpochIndex!(NETUID));
  advanceTo(node, 15);
  expect(Number(await api.query.subtensorModule!.subnetEpochIndex!(NETUID))).toBe(index + 1);
});

test("a validator's commits are revealed under the schedule of fixed blocks", async () => {
  const { node, signer } = await live.startChain({ epochs: "modulo", commitReveal: true, tempo: 10 });
  closers.push(() => node.stop());
  const connection = await live.connect(node.endpoint);
  closers.push(() => connection.close());
  const sent = await submitWeights(connection, signer, {
    netuid: live.NETUID,
    uids: [1, 2],
    values: [65_535, 100],
    versionKey: 7,
  });
  if (sent.path !== "timelocked") throw new Error(`sent by ${sent.path}`);
  await confirmReveal(connection, signer, sent.pending);
  expect((await fetchWeights(connection, live.NETUID, asUid(0))).flat().map(Number)).toEqual([
    1, 65_535, 2, 100,
  ]);
}, 60_000);

test("a subnet that is trimmed keeps who earns, moved together, and their weights", async () => {
  const lazy = ["Frank", "Gina", "Hugo"].map((name) => neuron(key(name)));
  const { node, api } = await started({
    accounts: [lazy[0]!, neuron(alice, 3000, true), lazy[1]!, neuron(charlie), lazy[2]!, neuron(dave)],
  });
  const set = api.tx.subtensorModule!.setMechanismWeights!(NETUID, 0, [3, 5, 2], [65_535, 30_000, 1], 0);
  await send(api, node, set, alice);
  advanceTo(node, TEMPO + 1);
  expect(await askLocalnet(node.endpoint, "localnet_set", "trim", 3)).toBe(3);
  node.produceBlock();
  expect(node.neurons().map(({ uid, hotkey }) => [uid, hotkey])).toEqual([
    [0, alice.address],
    [1, charlie.address],
    [2, dave.address],
  ]);
  const { subtensorModule } = api.query;
  expect(await plain(subtensorModule!.weights!(NETUID, 0))).toEqual([
    [1, 65_535],
    [2, 30_000],
  ]);
  expect(await plain(subtensorModule!.uids!(NETUID, dave.address))).toBe(2);
  expect(await plain(subtensorModule!.uids!(NETUID, lazy[0]!.hotkey))).toBeNull();
  expect(await plain(subtensorModule!.maxAllowedUids!(NETUID))).toBe(3);
  for (const list of ["emission", "active", "validatorPermit", "lastUpdate", "incentive"])
    expect(await plain(subtensorModule![list]!(NETUID))).toHaveLength(3);
  expect(node.neurons()[1]!.incentive).toBeGreaterThan(0.6);
});
