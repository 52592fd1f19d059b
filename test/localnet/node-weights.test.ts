import { afterEach, beforeEach, expect, test } from "bun:test";
import type { ApiPromise } from "@polkadot/api";
import type { LocalNode, NodeOptions } from "../../src/localnet/node/node.ts";
import { stretch } from "../../src/localnet/node/weights.ts";
import {
  advanceTo,
  alice,
  charlie,
  connect,
  eve,
  FOUR,
  NETUID,
  plain,
  refused,
  send,
  startManual,
} from "./node-fixture.ts";

const RATE_LIMIT = 5;
let node: LocalNode;
let api: ApiPromise;

async function start(options: Partial<NodeOptions> = {}): Promise<void> {
  await stop();
  node = await startManual({ weightsRateLimit: RATE_LIMIT, minAllowedWeights: 2, ...options });
  api = await connect(node);
}
async function stop(): Promise<void> {
  await api?.disconnect();
  await node?.stop();
}
beforeEach(() => start());
afterEach(stop);

const plainWeights = (uids: number[], values: number[], version = 0, netuid = NETUID) =>
  api.tx.subtensorModule!.setWeights!(netuid, uids, values, version);
const mechanismWeights = (mecid: number, uids: number[], values: number[]) =>
  api.tx.subtensorModule!.setMechanismWeights!(NETUID, mecid, uids, values, 0);
const errorOf = async (transaction: ReturnType<typeof plainWeights>, signer = alice) =>
  (await send(api, node, transaction, signer)).error;

test("stores weights stretched to 65535 and remembers the block", async () => {
  advanceTo(node, 3);
  const { events, error } = await send(api, node, plainWeights([2, 3], [100, 50]), alice);
  expect(error).toBeNull();
  expect(events).toEqual(["subtensorModule.WeightsSet", "system.ExtrinsicSuccess"]);
  expect(await plain(api.query.subtensorModule!.weights!(NETUID, 0))).toEqual([
    [2, 65_535],
    [3, 32_768],
  ]);
  expect(await plain(api.query.subtensorModule!.lastUpdate!(NETUID))).toEqual([4, 0, 0, 0]);
});

test("takes the call with a mechanism, and refuses a mechanism that is not there", async () => {
  expect(await errorOf(mechanismWeights(1, [2, 3], [1, 1]))).toBe("MechanismDoesNotExist");
  expect(await errorOf(mechanismWeights(0, [2, 3], [1, 1]))).toBeNull();
});

test("stops the second update within the rate limit at the pool", async () => {
  await send(api, node, plainWeights([2, 3], [1, 1]), alice);
  const first = node.head();
  advanceTo(node, first + RATE_LIMIT - 2);
  expect(await refused(send(api, node, plainWeights([2, 3], [1, 1]), alice))).toBe("1010: Custom error: 6");
  node.produceBlock();
  expect(await errorOf(plainWeights([2, 3], [1, 1]))).toBeNull();
});

test("checks in the runtime's order: each call below has the named fault and all later ones", async () => {
  await start({ versionKey: 10n, accounts: FOUR });
  const noSubnet = plainWeights([9, 9, 9, 9, 9], [1], 0, 77);
  const sizes = mechanismWeights(1, [9, 9, 9, 9, 9], [1]);
  const mechanism = mechanismWeights(1, [9, 9, 9, 9, 9], [1, 1, 1, 1, 1]);
  const tooMany = plainWeights([9, 9, 9, 9, 9], [1, 1, 1, 1, 1]);
  const stranger = plainWeights([9, 9], [1, 1]);
  const oldVersion = plainWeights([9, 9], [1, 1], 9);
  const noPermit = plainWeights([9, 9], [1, 1], 10);
  // The runtime's default for a subnet that is not there, or for root, is commit-reveal: that comes first.
  expect(await errorOf(noSubnet, eve)).toBe("CommitRevealEnabled");
  expect(await errorOf(sizes, eve)).toBe("WeightVecNotEqualSize");
  expect(await errorOf(mechanism, eve)).toBe("MechanismDoesNotExist");
  expect(await errorOf(tooMany, eve)).toBe("UidsLengthExceedUidsInSubNet");
  expect(await errorOf(stranger, eve)).toBe("HotKeyNotRegisteredInSubNet");
  expect(await errorOf(oldVersion, charlie)).toBe("IncorrectWeightVersionKey");
  expect(await errorOf(noPermit, charlie)).toBe("NeuronNoValidatorPermit");
  expect(await errorOf(noPermit)).toBe("DuplicateUids");
  expect(await errorOf(plainWeights([9], [1], 10))).toBe("UidVecContainInvalidOne");
  expect(await errorOf(plainWeights([3], [1], 10))).toBe("WeightVecLengthIsLow");
  expect(await errorOf(plainWeights([2, 3], [1, 1], 10))).toBeNull();
});

test("lets a miner without a permit give the single weight to itself", async () => {
  expect(await errorOf(plainWeights([2], [1]), charlie)).toBeNull();
});

test("refuses a hotkey below the stake threshold at the pool, registered or not", async () => {
  await start({ stakeThresholdTao: 2000 });
  expect(await refused(send(api, node, plainWeights([2, 3], [1, 1]), charlie))).toBe("1010: Custom error: 1");
  expect(await refused(send(api, node, plainWeights([2, 3], [1, 1]), eve))).toBe("1010: Custom error: 1");
  expect(await errorOf(plainWeights([2, 3], [1, 1]))).toBeNull();
});

test("takes the version key of the chain and any later one", async () => {
  await start({ weightsRateLimit: 0 });
  node.setVersionKey(2n ** 63n);
  expect(await errorOf(plainWeights([2, 3], [1, 1], 9))).toBe("IncorrectWeightVersionKey");
  expect(await errorOf(api.tx.subtensorModule!.setWeights!(NETUID, [2, 3], [1, 1], 2n ** 63n))).toBeNull();
});

test("points to the other call while commit-reveal is on", async () => {
  node.setCommitReveal(true);
  expect(await errorOf(plainWeights([2, 3], [1, 1]))).toBe("CommitRevealEnabled");
});

test("lets a newcomer wait the rate limit, as registration is its first update", async () => {
  node.replaceNeuron(1, { hotkey: eve.address, coldkey: eve.address, stakeTao: 10, validatorPermit: true });
  node.produceBlock();
  expect(await refused(send(api, node, plainWeights([2, 3], [1, 1]), eve))).toBe("1010: Custom error: 6");
  advanceTo(node, RATE_LIMIT);
  expect(await errorOf(plainWeights([2, 3], [1, 1]), eve)).toBeNull();
});

test("stretches as the runtime's fixed-point numbers do", () => {
  expect(stretch([0, 0])).toEqual([0, 0]);
  expect(stretch([65_535, 1])).toEqual([65_535, 1]);
  expect(stretch([1, 2, 3])).toEqual([21_845, 43_690, 65_535]);
  // Half of the largest is a tie; above 32768 the quotient was cut to 32 binary places before, so it falls.
  expect(stretch([20_000, 10_000, 1])).toEqual([65_535, 32_768, 3]);
  expect(stretch([40_000, 20_000, 1])).toEqual([65_535, 32_767, 2]);
});
