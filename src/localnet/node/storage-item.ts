import { blake2AsU8a, xxhashAsU8a } from "@polkadot/util-crypto";
import { type AnyCodec, type Codec, encode, u16, type Value } from "./codec.ts";
import { toHex } from "./types.ts";

export type Hasher = "Blake2_128Concat" | "Twox64Concat" | "Identity";

/** Hash, then the key itself: what `Concat` means. */
const HASH: Record<Hasher, (key: Uint8Array) => Uint8Array> = {
  Blake2_128Concat: (key) => Buffer.concat([blake2AsU8a(key, 128), key]),
  Twox64Concat: (key) => Buffer.concat([xxhashAsU8a(key, 64), key]),
  Identity: (key) => key,
};

export interface KeyPart {
  hasher: Hasher;
  codec: AnyCodec;
}

/** One storage item of a pallet: where its values lie, how they are written, and what an absent one reads as. */
export interface StorageItem<Keys extends unknown[], V> extends AnyStorageItem {
  value: Codec<V>;
  /** Full storage key, lower-case hex without 0x. */
  key(...keys: Keys): string;
  /** What the keys of all values begin with that have this first key. */
  under(first: Keys[0]): string;
}
export interface AnyStorageItem {
  pallet: string;
  name: string;
  /** Optional items read as None when absent, the others as `fallbackBytes`. */
  isOptional: boolean;
  hashers: Hasher[];
  keyCodecs: AnyCodec[];
  value: AnyCodec;
  fallbackBytes: Uint8Array;
  /** Key of the item without its arguments, hex. */
  prefix: string;
}

/** Keys repeat in every block and their hashes cost more than all else in a lookup. Emptied when full; holds a subnet of 4096. */
const KEY_CACHE_ENTRIES = 8192;

type PartValues<P extends KeyPart[]> = { [I in keyof P]: Value<P[I]["codec"]> };

export function item<P extends KeyPart[], V>(
  pallet: string,
  name: string,
  parts: P,
  value: Codec<V>,
  fallback?: V,
): StorageItem<PartValues<P>, V> {
  const prefix = toHex(xxhashAsU8a(pallet, 128)) + toHex(xxhashAsU8a(name, 128));
  const cache = new Map<string, string>();
  const hashed = (key: unknown, index: number): string => {
    const { hasher, codec } = parts[index]!;
    return toHex(HASH[hasher](encode(codec as Codec<unknown>, key)));
  };
  return {
    pallet,
    name,
    isOptional: fallback === undefined,
    hashers: parts.map(({ hasher }) => hasher),
    keyCodecs: parts.map(({ codec }) => codec),
    value,
    fallbackBytes: fallback === undefined ? Uint8Array.of(0) : encode(value, fallback),
    prefix,
    key(...keys) {
      if (parts.length === 0) return prefix;
      const name = keys.join();
      let key = cache.get(name);
      if (key === undefined) {
        key = prefix + keys.map(hashed).join("");
        if (cache.size >= KEY_CACHE_ENTRIES) cache.clear();
        cache.set(name, key);
      }
      return key;
    },
    under: (first) => prefix + hashed(first, 0),
  };
}

export const identity = <K>(codec: Codec<K>) => ({ hasher: "Identity", codec }) as const;
export const twox = <K>(codec: Codec<K>) => ({ hasher: "Twox64Concat", codec }) as const;
export const blake = <K>(codec: Codec<K>) => ({ hasher: "Blake2_128Concat", codec }) as const;

export const subtensor = <P extends KeyPart[], V>(name: string, parts: P, value: Codec<V>, fallback?: V) =>
  item("SubtensorModule", name, parts, value, fallback);
export const perSubnet = <V>(name: string, value: Codec<V>, fallback: V) =>
  subtensor(name, [identity(u16)], value, fallback);
