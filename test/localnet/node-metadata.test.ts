import { beforeAll, expect, test } from "bun:test";
import { expandMetadata, Metadata, TypeRegistry } from "@polkadot/types";
import { u8aToHex } from "@polkadot/util";
import { cryptoWaitReady, decodeAddress } from "@polkadot/util-crypto";
import { compact, decode, u16 } from "../../src/localnet/node/codec.ts";
import { describeRuntime } from "../../src/localnet/node/description.ts";
import { STORAGE } from "../../src/localnet/node/storage.ts";
import type { AnyStorageItem, StorageItem } from "../../src/localnet/node/storage-item.ts";
import { toHex } from "../../src/localnet/node/types.ts";
import bytes424 from "../golden/localnet-bytes-424.json";
import spec424 from "../golden/localnet-spec-424.json";
import { describeMetadata } from "./node-shape.ts";

const BLOCK_TIME_MS = 12_000;

beforeAll(() => cryptoWaitReady());

test("describes every call, event, error, storage item, extension and API as finney's runtime 424 does", () => {
  expect(describeMetadata(describeRuntime(424, BLOCK_TIME_MS).v15)).toEqual({
    ...spec424.facts,
    ...spec424.newer,
  });
});

test("has whole milliseconds for any pace of the blocks", () => {
  const registry = new TypeRegistry();
  const { pallets } = new Metadata(registry, describeRuntime(424, 333.4).v15).asLatest;
  const constants = pallets.find(({ name }) => name.eq("Aura"))!.constants;
  expect(registry.createType("u64", constants[0]!.value.toU8a(true)).toNumber()).toBe(333);
});

test("is canonical SCALE in both versions: it reads back and encodes to the same bytes", () => {
  for (const [version, bytes] of Object.entries(describeRuntime(424, BLOCK_TIME_MS))) {
    const metadata = new Metadata(new TypeRegistry(), bytes);
    expect(`v${metadata.version}`).toBe(version);
    expect(metadata.toU8a()).toEqual(bytes);
  }
});

test("makes a client write the calls that it would write for finney", () => {
  const registry = new TypeRegistry();
  const metadata = new Metadata(registry, describeRuntime(424, BLOCK_TIME_MS).v15);
  registry.setMetadata(metadata);
  const { tx } = expandMetadata(registry, metadata);
  for (const { name, args, hex } of bytes424.calls)
    expect([name, u8aToHex(tx.subtensorModule![name]!(...args).toU8a())]).toEqual([name, hex]);
});

test("stores everything under finney's keys", () => {
  const items = STORAGE.flatMap(({ items }) => items);
  for (const { pallet, name, args, hex } of bytes424.keys) {
    const item = items.find(
      (one) => camel(one.pallet) === pallet && camel(one.name) === name,
    ) as AnyStorageItem;
    const keys = args.map((arg) => (typeof arg === "string" ? toHex(decodeAddress(arg)) : arg));
    // Pulses are keyed by a u64, which is a bigint here.
    const typed = name === "pulses" ? keys.map(BigInt) : keys;
    expect([name, `0x${(item as StorageItem<unknown[], unknown>).key(...typed)}`]).toEqual([name, hex]);
  }
});

test("has a sentence for each error, without which clients in Python call it unknown", () => {
  const registry = new TypeRegistry();
  registry.setMetadata(new Metadata(registry, describeRuntime(424, BLOCK_TIME_MS).v15));
  const docs = (index: number, error: number): string[] =>
    registry.findMetaError(Uint8Array.of(index, error)).docs;
  expect(docs(7, 10)).toEqual(["Not enough stake to set weights."]);
  expect(docs(19, 2)).toEqual(["Max allowed uids less than current uids."]);
});

test("a number that its type has no room for is refused, though compact SCALE has", () => {
  const read = (hex: string): number => decode(compact(u16), Buffer.from(hex, "hex"));
  expect(read("feff0300")).toBe(65_535);
  expect(() => read("02000400")).toThrow("a number is larger than 65535");
});

const camel = (name: string): string => name[0]!.toLowerCase() + name.slice(1);
