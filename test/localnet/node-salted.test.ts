import { afterEach, beforeEach, expect, test } from "bun:test";
import { xchacha20poly1305 } from "@noble/ciphers/chacha.js";
import type { ApiPromise } from "@polkadot/api";
import type { KeyringPair } from "@polkadot/keyring/types";
import type { Event } from "@polkadot/types/interfaces";
import { blake2AsHex, xxhashAsU8a } from "@polkadot/util-crypto";
import type { LocalNode, NodeOptions } from "../../src/localnet/node/node.ts";
import { advanceTo, alice, bob, connect, eve, NETUID, plain, send, startManual } from "./node-fixture.ts";

const TEMPO = 6;
const SALT = [1, 2, 3];
let node: LocalNode;
let api: ApiPromise;
beforeEach(() => start());
afterEach(stop);

async function start(options: Partial<NodeOptions> = {}): Promise<void> {
  await stop();
  node = await startManual({
    commitReveal: true,
    tempo: TEMPO,
    weightsRateLimit: 0,
    owner: alice.address,
    ...options,
  });
  api = await connect(node);
}
async function stop(): Promise<void> {
  await api?.disconnect();
  await node?.stop();
}

const calls = () => api.tx.subtensorModule!;
const weightsOf = () => plain(api.query.subtensorModule!.weights!(NETUID, 0));

/** As bittensor's generate_weight_hash. */
function hashOf(signer: KeyringPair, uids: number[], values: number[], salt = SALT): string {
  const types = ["AccountId", "u16", "Vec<u16>", "Vec<u16>", "Vec<u16>", "u64"] as const;
  const parts = [signer.publicKey, NETUID, uids, values, salt, 0].map((value, at) =>
    api.registry.createType(types[at]!, value).toU8a(),
  );
  return blake2AsHex(Buffer.concat(parts), 256);
}
const commit = (uids: number[], values: number[], signer = alice) =>
  send(api, node, calls().commitWeights!(NETUID, hashOf(signer, uids, values)), signer);
const reveal = (uids: number[], values: number[], signer = alice) =>
  send(api, node, calls().revealWeights!(NETUID, uids, values, SALT, 0), signer);

test("a salted commit is revealed by its author in the epoch after, and in no other", async () => {
  expect((await reveal([2], [9])).error).toBe("NoWeightsCommitFound");
  expect(await commit([2, 3], [65_535, 9])).toEqual({
    error: null,
    events: expect.arrayContaining(["subtensorModule.WeightsCommitted"]),
  });
  expect((await reveal([2, 3], [65_535, 9])).error).toBe("RevealTooEarly");
  advanceTo(node, TEMPO);
  expect((await reveal([2, 3], [65_535, 8])).error).toBe("InvalidRevealCommitHashNotMatch");
  expect((await reveal([2, 3], [65_535, 9])).events).toContain("subtensorModule.WeightsRevealed");
  expect(await weightsOf()).toEqual([
    [2, 65_535],
    [3, 9],
  ]);
  expect((await reveal([2, 3], [65_535, 9])).error).toBe("NoWeightsCommitFound");
  await commit([2], [65_535]);
  advanceTo(node, 4 * TEMPO);
  expect((await reveal([2], [65_535])).error).toBe("ExpiredWeightCommit");
});

test("commits are refused without registration, without commit-reveal, and beyond ten", async () => {
  expect((await commit([2], [1], eve)).error).toBe("HotKeyNotRegisteredInSubNet");
  await start({ tempo: 100 });
  for (let value = 1; value <= 10; value++) expect((await commit([2], [value])).error).toBeNull();
  expect((await commit([2], [11])).error).toBe("TooManyUnrevealedCommits");
  await start({ commitReveal: false });
  expect((await commit([2], [1])).error).toBe("CommitRevealDisabled");
});

test("batches commit and set for each subnet, and reveal all or nothing", async () => {
  const hashes = [hashOf(alice, [2], [65_535]), hashOf(alice, [3], [65_535])];
  const both = calls().batchCommitWeights!([NETUID, NETUID, 77], [...hashes, hashes[0]]);
  expect((await send(api, node, both, alice)).events).toContain("subtensorModule.BatchWeightsCompleted");
  advanceTo(node, TEMPO);
  const revealAll = (last: number) =>
    calls().batchRevealWeights!(NETUID, [[2], [3]], [[65_535], [last]], [SALT, SALT], [0, 0]);
  expect((await send(api, node, revealAll(7), alice)).error).toBe("InvalidRevealCommitHashNotMatch");
  expect(await weightsOf()).toEqual([]);
  expect((await send(api, node, revealAll(65_535), alice)).error).toBeNull();
  expect(await weightsOf()).toEqual([[3, 65_535]]);
  await start({ commitReveal: false });
  const set = calls().batchSetWeights!([NETUID], [[[2, 5]]], [0]);
  expect((await send(api, node, set, bob)).error).toBeNull();
  expect(await plain(api.query.subtensorModule!.weights!(NETUID, 1))).toEqual([[2, 65_535]]);
});

test("a batch gets nobody round commit-reveal, and tells which of its items were refused", async () => {
  const set = calls().batchSetWeights!([NETUID], [[[2, 5]]], [0]);
  expect((await send(api, node, set, alice)).events).toEqual(
    expect.arrayContaining([
      "subtensorModule.BatchCompletedWithErrors",
      "subtensorModule.BatchWeightItemFailed",
      "subtensorModule.BatchWeightsCompleted",
    ]),
  );
  expect(await weightsOf()).toEqual([]);
  const events = (await api.query.system!.events!()) as unknown as { event: Event }[];
  const [item] = events.filter(({ event }) => event.method === "BatchWeightItemFailed");
  const [netuid, error] = item!.event.data as unknown as [{ toNumber(): number }, { asModule: never }];
  expect(netuid.toNumber()).toBe(NETUID);
  expect(api.registry.findMetaError(error.asModule).name).toBe("CommitRevealEnabled");
});

test("what comes through the shield is run in the block of its carrier, after it", async () => {
  await start({ commitReveal: false });
  const raw = Buffer.from(String(await plain(api.query.mevShield!.nextKey!())).slice(2), "hex");
  const inner = calls().setMechanismWeights!(NETUID, 0, [3], [1], 0).sign(alice, {
    nonce: 1,
    genesisHash: api.genesisHash,
    blockHash: api.genesisHash,
    runtimeVersion: api.runtimeVersion,
  });
  const carrier = api.tx.mevShield!.submitEncrypted!(
    `0x${Buffer.from(await sealed(raw, inner.toU8a())).toString("hex")}`,
  );
  const taken = Promise.withResolvers<void>();
  const stopWatching = await carrier.signAndSend(alice, { nonce: 0, era: 0 }, ({ status }) => {
    if (status.isInBlock) taken.resolve();
  });
  // It is opened beside the chain.
  while (
    Number(((await api.query.system!.account!(alice.address)) as unknown as { nonce: number }).nonce) === 0
  ) {
    node.produceBlock();
    await Bun.sleep(1);
  }
  await taken.promise;
  stopWatching();
  expect(await weightsOf()).toEqual([[3, 65_535]]);
  const { block } = await api.rpc.chain.getBlock();
  expect(block.extrinsics.at(-1)!.hash.toHex()).toBe(inner.hash.toHex());
});

/** As the SDK's encrypt_mlkem768 with the hash of the key before it. */
async function sealed(publicKey: Uint8Array, extrinsic: Uint8Array): Promise<Uint8Array> {
  const kem = crypto.subtle as unknown as {
    importKey(
      format: string,
      key: Uint8Array,
      algorithm: object,
      extractable: boolean,
      usages: string[],
    ): Promise<CryptoKey>;
    encapsulateBits(
      algorithm: object,
      key: CryptoKey,
    ): Promise<{ ciphertext: ArrayBuffer; sharedKey: ArrayBuffer }>;
  };
  const algorithm = { name: "ML-KEM-768" };
  const key = await kem.importKey("raw-public", publicKey, algorithm, true, ["encapsulateBits"]);
  const { ciphertext, sharedKey } = await kem.encapsulateBits(algorithm, key);
  const nonce = new Uint8Array(24).fill(5);
  const length = Buffer.alloc(2);
  length.writeUInt16LE(ciphertext.byteLength);
  const body = xchacha20poly1305(new Uint8Array(sharedKey), nonce).encrypt(extrinsic);
  return Buffer.concat([xxhashAsU8a(publicKey, 128), length, new Uint8Array(ciphertext), nonce, body]);
}
