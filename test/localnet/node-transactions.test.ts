import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { type ApiPromise, WsProvider } from "@polkadot/api";
import { u8aToHex } from "@polkadot/util";
import type { LocalNode } from "../../src/localnet/node/node.ts";
import { alice, bob, connect, NETUID, plain, refused, send, startManual } from "./node-fixture.ts";

let node: LocalNode;
let api: ApiPromise;

beforeAll(async () => {
  node = await startManual({ weightsRateLimit: 0 });
  api = await connect(node);
});
beforeEach(() => void node.produceBlock());
afterAll(async () => {
  await api.disconnect();
  await node.stop();
});

const weights = () => api.tx.subtensorModule!.setWeights!(NETUID, [2, 3], [1, 2], 0);
const nonceOf = async (address: string) => (await api.rpc.system.accountNextIndex(address)).toNumber();
const submit = (hex: string) => api.rpc.author.submitExtrinsic(hex);

test("counts nonces and gives waiting transactions their turn in one block", async () => {
  const nonce = await nonceOf(alice.address);
  const hashes: string[] = [];
  for (const place of [1, 0, 2])
    hashes[place] = (await weights().signAndSend(alice, { nonce: nonce + place })).toHex();
  expect(await nonceOf(alice.address)).toBe(nonce + 3);
  node.produceBlock();
  const { block } = await api.rpc.chain.getBlock();
  // The inherent that sets the time comes first.
  expect(block.extrinsics.map((one) => one.method.section)).toEqual([
    "timestamp",
    ...Array(3).fill("subtensorModule"),
  ]);
  expect(block.extrinsics.slice(1).map((one) => String(one.hash))).toEqual(hashes);
  expect(await plain(api.query.system!.account!(alice.address))).toMatchObject({ nonce: nonce + 3 });
});

test("keeps a transaction from the future until its turn comes", async () => {
  const nonce = await nonceOf(alice.address);
  await weights().signAndSend(alice, { nonce: nonce + 1 });
  node.produceBlock();
  expect(await nonceOf(alice.address)).toBe(nonce);
  await weights().signAndSend(alice, { nonce });
  node.produceBlock();
  expect(await nonceOf(alice.address)).toBe(nonce + 2);
});

test("refuses a nonce that was used", async () => {
  await send(api, node, weights(), alice);
  const used = (await nonceOf(alice.address)) - 1;
  expect(await refused(weights().signAndSend(alice, { nonce: used }))).toBe("1010: Transaction is outdated");
});

test("refuses the same transaction twice and another one with a waiting nonce", async () => {
  const nonce = await nonceOf(bob.address);
  const signed = await weights().signAsync(bob, { nonce });
  await submit(signed.toHex());
  expect(await refused(submit(signed.toHex()))).toStartWith("1013: ");
  const other = api.tx.subtensorModule!.setWeights!(NETUID, [2, 3], [9, 9], 0);
  expect(await refused(other.signAndSend(bob, { nonce }))).toStartWith("1014: ");
});

test("refuses a signature by another key, of another chain, or over another call", async () => {
  const nonce = await nonceOf(alice.address);
  const signed = await weights().signAsync(alice, { nonce });
  const changed = signed.toU8a();
  changed[changed.length - 1]! ^= 1; // last byte of the version key
  expect(await refused(submit(u8aToHex(changed)))).toBe("1010: Transaction has a bad signature");
  const otherChain = { nonce, genesisHash: `0x${"2f".repeat(32)}` };
  const elsewhere = await weights().signAsync(alice, otherChain);
  expect(await refused(submit(elsewhere.toHex()))).toBe("1010: Transaction has a bad signature");
  const impostor = signed.toU8a();
  impostor.set(bob.publicKey, impostor.indexOf(alice.publicKey[0]!, 3));
  expect(await refused(submit(u8aToHex(impostor)))).toBe("1010: Transaction has a bad signature");
});

test("lets a mortal transaction live for its era and no longer", async () => {
  const nonce = await nonceOf(alice.address);
  const header = await api.rpc.chain.getHeader();
  const options = { nonce, era: 8, blockNumber: header.number, blockHash: header.hash };
  const signed = await weights().signAsync(alice, options);
  for (let blocks = 0; blocks < 8; blocks++) node.produceBlock();
  expect(await refused(submit(signed.toHex()))).toBe("1010: Transaction has a bad signature");
  const immortal = await weights().signAsync(alice, { nonce, era: 0 });
  for (let blocks = 0; blocks < 8; blocks++) node.produceBlock();
  await submit(immortal.toHex());
});

test("tells the watcher when a waiting transaction becomes invalid", async () => {
  const nonce = await nonceOf(alice.address);
  const told = Promise.withResolvers<string>();
  const stop = await weights().signAndSend(alice, { nonce: nonce + 1, era: 4 }, ({ status }) => {
    if (status.isFuture) for (let blocks = 0; blocks < 5; blocks++) node.produceBlock();
    if (status.isInvalid) told.resolve("invalid");
    if (status.isInBlock) told.resolve("in block");
  });
  expect(await told.promise).toBe("invalid");
  stop();
});

test("tells a watcher ready, in block, and finalized two blocks later", async () => {
  const statuses: string[] = [];
  const done = Promise.withResolvers<void>();
  const stop = await weights().signAndSend(alice, { nonce: -1 }, ({ status }) => {
    statuses.push(status.type);
    if (status.isReady || status.isInBlock) node.produceBlock();
    if (status.isInBlock) node.produceBlock();
    if (status.isFinalized) done.resolve();
  });
  await done.promise;
  expect(statuses).toEqual(["Ready", "InBlock", "Finalized"]);
  stop();
});

test("answers rubbish with an error and goes on", async () => {
  const provider = new WsProvider(node.endpoint);
  await provider.isReady;
  for (const hex of ["0x", "0x00", `0x${"ff".repeat(300)}`])
    expect(await refused(provider.send("author_submitExtrinsic", [hex]))).toStartWith("1002: ");
  expect(await refused(provider.send("author_submitExtrinsic", [17]))).toStartWith("-32602: ");
  expect(await refused(provider.send("state_getStorage", ["0x1"]))).toStartWith("-32602: ");
  expect(await refused(provider.send("no_such_method", []))).toStartWith("-32601: ");
  await provider.disconnect();
  expect((await send(api, node, weights(), alice)).error).toBeNull();
});

test("calls signatures of the old runtime bad after an upgrade", async () => {
  const nonce = await nonceOf(alice.address);
  const signed = await weights().signAsync(alice, { nonce });
  const specVersion = node.upgradeRuntime();
  expect(await refused(submit(signed.toHex()))).toBe("1010: Transaction has a bad signature");
  const fresh = await connect(node);
  expect(fresh.runtimeVersion.specVersion.toNumber()).toBe(specVersion);
  expect(
    (
      fresh.consts.system!.version as unknown as { specVersion: { toNumber(): number } }
    ).specVersion.toNumber(),
  ).toBe(specVersion);
  const transaction = fresh.tx.subtensorModule!.setWeights!(NETUID, [2, 3], [1, 2], 0);
  expect((await send(fresh, node, transaction, alice)).error).toBeNull();
  await fresh.disconnect();
});
