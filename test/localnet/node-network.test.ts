import { afterEach, expect, test } from "bun:test";
import { type ApiPromise, WsProvider } from "@polkadot/api";
import { encodeAddress } from "@polkadot/util-crypto";
import { isFailure } from "../../src/base/error.ts";
import type { LocalNode } from "../../src/localnet/node/node.ts";
import { startNode } from "../../src/localnet/node/node.ts";
import {
  advanceTo,
  alice,
  connect,
  FOUR,
  LOOPBACK_V4,
  NETUID,
  plain,
  refused,
  startManual,
} from "./node-fixture.ts";

/** Blocks whose state a node still has. */
const KEPT_BLOCKS = 300;
const nodes: LocalNode[] = [];
const apis: ApiPromise[] = [];

const kept = (node: LocalNode): LocalNode => {
  nodes.push(node);
  return node;
};
async function open(node: LocalNode): Promise<ApiPromise> {
  const api = await connect(node);
  apis.push(api);
  return api;
}
afterEach(async () => {
  for (const api of apis.splice(0)) await api.disconnect();
  for (const node of nodes.splice(0)) await node.stop();
});

const metagraphOf = (api: ApiPromise, indexes: number[], netuid = NETUID) =>
  plain(api.call.subnetInfoRuntimeApi!.getSelectiveMetagraph!(netuid, indexes)) as Promise<
    Record<string, unknown>
  >;

test("gives each network its own genesis hash and keeps it while it runs", async () => {
  const [first, second] = [kept(await startManual()), kept(await startManual())];
  expect(first.genesisHash).not.toBe(second.genesisHash);
  first.produceBlock();
  const api = await open(first);
  expect(api.genesisHash.toHex()).toBe(first.genesisHash as `0x${string}`);
  expect((await api.rpc.chain.getBlockHash(0)).toHex()).toBe(first.genesisHash as `0x${string}`);
});

test("answers the asked fields of the metagraph and leaves the others empty", async () => {
  const axon = { ip: LOOPBACK_V4, port: 8091, ipType: 4, version: 720, protocol: 4 };
  const accounts = FOUR.map((one, uid) => (uid === 2 ? { ...one, axon } : one));
  const node = kept(await startManual({ accounts, tempo: 7, weightsRateLimit: 9, versionKey: 3n }));
  const api = await open(node);
  node.produceBlock();
  const metagraph = await metagraphOf(api, [7, 8, 26, 27, 46, 47, 52, 53, 55, 56, 57, 59, 66, 69, 999]);
  expect(metagraph).toMatchObject({
    netuid: NETUID,
    block: 1,
    tempo: 7,
    weightsVersion: 3,
    weightsRateLimit: 9,
    commitRevealWeightsEnabled: false,
    commitRevealPeriod: 1,
    hotkeys: FOUR.map(({ hotkey }) => hotkey),
    active: [true, true, true, true],
    validatorPermit: [true, true, false, false],
    lastUpdate: [0, 0, 0, 0],
    blockAtRegistration: [0, 0, 0, 0],
    totalStake: [3000e9, 1000e9, 0, 0],
    rho: null,
    emission: null,
  });
  const axons = metagraph.axons as object[];
  expect(axons[2]).toMatchObject({ ip: Number(LOOPBACK_V4), port: 8091, version: 720, block: 0 });
  expect(axons[3]).toMatchObject({ ip: 0, port: 0 });
  expect(await metagraphOf(api, [7], 99)).toBeNull();
});

test("answers neurons lite, the next epoch and nonces by runtime API", async () => {
  const node = kept(await startManual({ tempo: 7 }));
  const api = await open(node);
  const neurons = (await plain(api.call.neuronInfoRuntimeApi!.getNeuronsLite!(NETUID))) as Record<
    string,
    unknown
  >[];
  expect(neurons.map(({ uid, hotkey }) => [uid, hotkey])).toEqual(
    FOUR.map(({ hotkey }, uid) => [uid, hotkey]),
  );
  expect(neurons[0]!.stake).toEqual([[alice.address, 3000e9]]);
  expect(await plain(api.call.subnetInfoRuntimeApi!.getNextEpochStartBlock!(NETUID))).toBe(7);
  advanceTo(node, 7);
  expect(await plain(api.call.subnetInfoRuntimeApi!.getNextEpochStartBlock!(NETUID))).toBe(14);
  expect(await plain(api.call.accountNonceApi!.accountNonce!(alice.address))).toBe(0);
});

test("serves a full subnet of 256 neurons and one of 4096", async () => {
  for (const size of [256, 4096]) {
    const accounts = Array.from({ length: size }, (_, uid) => {
      const publicKey = new Uint8Array(32);
      new DataView(publicKey.buffer).setUint32(0, uid + 1);
      const address = encodeAddress(publicKey, 42);
      return { hotkey: address, coldkey: address, stakeTao: uid, validatorPermit: uid < 64 };
    });
    const node = kept(await startManual({ accounts, maxUids: size }));
    const api = await open(node);
    const { hotkeys, totalStake } = await metagraphOf(api, [52, 53, 55, 56, 57, 59, 69]);
    expect(hotkeys).toEqual(accounts.map(({ hotkey }) => hotkey));
    expect((totalStake as number[])[size - 1]).toBe((size - 1) * 1e9);
  }
});

test("tells subscribers of heads, finalized heads two blocks behind, and changed storage", async () => {
  const node = kept(await startManual());
  const api = await open(node);
  const heads: number[] = [];
  const finalized: number[] = [];
  const numbers: string[] = [];
  const seen = Promise.withResolvers<void>();
  await api.rpc.chain.subscribeNewHeads(({ number }) => void heads.push(number.toNumber()));
  await api.rpc.chain.subscribeFinalizedHeads(({ number }) => void finalized.push(number.toNumber()));
  await api.query.system!.number!((value: { toString(): string }) => {
    numbers.push(value.toString());
    if (value.toString() === "4") seen.resolve();
  });
  advanceTo(node, 4);
  await seen.promise;
  expect(heads).toEqual([0, 1, 2, 3, 4]);
  expect(finalized).toEqual([0, 1, 2]);
  expect(numbers).toEqual(["0", "1", "2", "3", "4"]);
});

test("keeps the states of the last blocks and says that older ones are gone", async () => {
  const node = kept(await startManual());
  const api = await open(node);
  node.produceBlock();
  const early = await api.rpc.chain.getBlockHash(1);
  node.replaceNeuron(3, { hotkey: bobby, coldkey: bobby, stakeTao: 1, validatorPermit: false });
  advanceTo(node, KEPT_BLOCKS);
  const { number } = await api.rpc.chain.getHeader(early);
  expect(number.toNumber()).toBe(1);
  const then = await api.at(early);
  expect(await plain(then.query.subtensorModule!.keys!(NETUID, 3))).toBe(FOUR[3]!.hotkey);
  expect(await plain(api.query.subtensorModule!.keys!(NETUID, 3))).toBe(bobby);
  expect((await then.query.subtensorModule!.uids!.keys(NETUID)).length).toBe(4);
  advanceTo(node, KEPT_BLOCKS + 5);
  const provider = new WsProvider(node.endpoint);
  await provider.isReady;
  expect(await refused(provider.send("state_getStorage", ["0x00", early.toHex()]))).toStartWith("4003: ");
  await provider.disconnect();
});
const bobby = encodeAddress(new Uint8Array(32).fill(7), 42);

test("pages through the keys of a map", async () => {
  const node = kept(await startManual());
  const api = await open(node);
  const all = await api.query.subtensorModule!.uids!.keys(NETUID);
  const paged = await api.query.subtensorModule!.uids!.keysPaged({ args: [NETUID], pageSize: 3 });
  const rest = await api.query.subtensorModule!.uids!.keysPaged({
    args: [NETUID],
    pageSize: 3,
    startKey: paged.at(-1)!.toHex(),
  });
  expect([...paged, ...rest].map(String)).toEqual(all.map(String));
  expect(all).toHaveLength(4);
});

test("lets clients come back after their connections were cut", async () => {
  const node = kept(await startManual());
  const api = await open(node);
  const back = Promise.withResolvers<void>();
  api.once("disconnected", () => api.once("connected", () => back.resolve()));
  node.first.fault("drop");
  await back.promise;
  node.produceBlock();
  expect(await plain(api.query.system!.number!())).toBe(1);
});

test("makes blocks by itself at its block time", async () => {
  const node = kept(await startNode({ accounts: FOUR, blockTimeMs: 20 }));
  const first = await node.nextBlock();
  expect(await node.nextBlock()).toBe(first + 1);
});

test("listens on loopback only and refuses more neurons than uids", async () => {
  const codeOf = (options: Parameters<typeof startNode>[0]) =>
    startNode(options).then(
      () => "started",
      (error: unknown) => (isFailure(error) ? error.code : error),
    );
  expect(await codeOf({ accounts: FOUR, host: "0.0.0.0" })).toBe("localnet.bad-option");
  expect(await codeOf({ accounts: FOUR, maxUids: 3 })).toBe("localnet.bad-option");
});

test("names the chain, its token and its blocks to whoever asks", async () => {
  const node = kept(await startManual());
  const api = await open(node);
  expect(String(await api.rpc.system.chain())).toBe("Bittensor localnet");
  expect(api.registry.chainSS58).toBe(42);
  expect(api.registry.chainTokens).toEqual(["TAO"]);
  expect(await plain(api.consts.aura!.slotDuration!)).toBe(60_000);
});
