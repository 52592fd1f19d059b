import type { ApiPromise } from "@polkadot/api";
import type { Codec } from "@polkadot/types/types";
import { chainFailure } from "./errors.ts";

/** One storage value: where it lies and what it means. */
export interface StorageItem<T> {
  /** As in the library: `subtensorModule.tempo`. */
  name: string;
  keys: unknown[];
  decode(value: Codec): T;
}

type Values<Items> = { [Name in keyof Items]: Items[Name] extends StorageItem<infer T> ? T : never };

/**
 * Reads several values in one request, all at the same block.
 * @throws Failure `chain.unsupported-runtime` when the runtime has no such item
 */
export async function readStorage<Items extends Record<string, StorageItem<unknown>>>(
  api: ApiPromise,
  blockHash: string,
  items: Items,
): Promise<Values<Items>> {
  const names = Object.keys(items);
  const keys = names.map((name) => [creatorOf(api, items[name]!.name), items[name]!.keys]);
  const values = (await api.rpc.state.queryStorageAt(keys, blockHash)) as unknown as Codec[];
  if (values.length !== names.length)
    throw chainFailure("chain.unexpected-answer", {
      message: `the node answered with ${values.length} values to ${names.length} questions`,
      retry: "soon",
    });
  return Object.fromEntries(
    names.map((name, index) => [name, items[name]!.decode(values[index]!)]),
  ) as Values<Items>;
}

/** Whether the runtime has this item; runtimes differ by age. */
export function hasStorage(api: ApiPromise, name: string): boolean {
  const [pallet, item] = name.split(".") as [string, string];
  return api.query[pallet]?.[item] !== undefined;
}

/** An item of SubtensorModule. */
export function subtensorItem<T>(name: string, keys: unknown[], decode: (value: Codec) => T): StorageItem<T> {
  return { name: `subtensorModule.${name}`, keys, decode };
}

/** An item of SubtensorModule that holds a number. */
export function numberItem(name: string, ...keys: unknown[]): StorageItem<number> {
  return subtensorItem(name, keys, numberOf);
}

export const numberOf = (value: Codec): number => Number(value.toString());
export const bigintOf = (value: Codec): bigint => BigInt(value.toString());
export const booleanOf = (value: Codec): boolean => value.toPrimitive() === true;
export const textOf = (value: Codec): string => value.toString();
export const numbersOf = (value: Codec): number[] => (value.toJSON() as (number | string)[]).map(Number);
export const booleansOf = (value: Codec): boolean[] => value.toJSON() as boolean[];

/** An optional item: null when it is not set. */
export function optional<T>(decode: (value: Codec) => T): (value: Codec) => T | null {
  return (value) => (value.isEmpty ? null : decode(value));
}

function creatorOf(api: ApiPromise, name: string): unknown {
  const [pallet, item] = name.split(".") as [string, string];
  const entry = api.query[pallet]?.[item];
  if (entry === undefined) throw unsupported(`storage ${name}`);
  return entry.creator;
}

export function unsupported(what: string): Error {
  return chainFailure("chain.unsupported-runtime", {
    message: `the runtime of this chain has no ${what}`,
    hint: "The endpoint is not a subtensor node, or openvalidator is too old for it.",
  });
}
