import { blake2AsHex } from "@polkadot/util-crypto";
import { ScaleWriter } from "./scale.ts";
import { fromHex, type HashHex } from "./types.ts";

export interface Header {
  parentHash: HashHex;
  height: number;
  stateRoot: HashHex;
  extrinsicsRoot: HashHex;
}

export interface Block extends Header {
  hash: HashHex;
  extrinsics: Uint8Array[];
}

/** blake2-256 of the encoded header; the digest is empty, blocks have no author here. */
export function headerHash(header: Header): HashHex {
  const out = new ScaleWriter();
  out.raw(fromHex(header.parentHash));
  out.compact(header.height);
  out.raw(fromHex(header.stateRoot));
  out.raw(fromHex(header.extrinsicsRoot));
  out.compact(0);
  return digest(out.finish());
}

/**
 * A block on `parent`. There is no trie: the state root is a hash over the parent's and the extrinsics, which is
 * enough to make every block's hash depend on the whole history and, at its root, on the network's random seed.
 */
export function sealBlock(parent: Header & { hash: HashHex }, extrinsics: Uint8Array[]): Block {
  const extrinsicsRoot = digest(Buffer.concat(extrinsics));
  const header = {
    parentHash: parent.hash,
    height: parent.height + 1,
    stateRoot: digest(Buffer.concat([fromHex(parent.stateRoot), fromHex(extrinsicsRoot)])),
    extrinsicsRoot,
  };
  return { ...header, hash: headerHash(header), extrinsics };
}

export function genesisBlock(seed: Uint8Array): Block {
  const header = {
    parentHash: "00".repeat(32),
    height: 0,
    stateRoot: digest(seed),
    extrinsicsRoot: digest(new Uint8Array()),
  };
  return { ...header, hash: headerHash(header), extrinsics: [] };
}

export const digest = (bytes: Uint8Array): HashHex => blake2AsHex(bytes, 256).slice(2);
