import { decode, encode } from "./codec.ts";
import type { StorageItem } from "./storage-item.ts";

/** A read-only view of the state after one block. */
export interface StateView {
  /** The stored value, the item's default where it has one, or null. */
  get<K extends unknown[], V>(item: StorageItem<K, V>, ...keys: K): V | null;
  /** For items that have a default: never null. */
  read<K extends unknown[], V>(item: StorageItem<K, V>, ...keys: K): V;
  raw(key: string): Uint8Array | undefined;
  keys(prefix: string): string[];
}

/** Keys changed in a block with the values they had before it (undefined: absent). */
type Undo = Map<string, Uint8Array | undefined>;

/**
 * The chain's key-value state. Only the newest state is held whole; every kept block has a map of what it overwrote,
 * so an older state is the newest one seen through those maps. Memory stays flat when blocks come for days.
 */
export class ChainState implements StateView {
  readonly #current = new Map<string, Uint8Array>();
  readonly #keptBlocks: number;
  /** Undo of the block with height `#firstHeight + index`; the last one belongs to the block being built. */
  #undos: Undo[] = [new Map()];
  #firstHeight = 0;
  /** What was there before the work that may be taken back. */
  #before: Undo | null = null;

  constructor(keptBlocks: number) {
    this.#keptBlocks = keptBlocks;
  }

  get<K extends unknown[], V>(item: StorageItem<K, V>, ...keys: K): V | null {
    return storedValue(item, this.#current.get(item.key(...keys)));
  }

  read<K extends unknown[], V>(item: StorageItem<K, V>, ...keys: K): V {
    return this.get(item, ...keys) as V;
  }

  raw(key: string): Uint8Array | undefined {
    return this.#current.get(key);
  }

  keys(prefix: string): string[] {
    return [...this.#current.keys()].filter((key) => key.startsWith(prefix)).sort();
  }

  set<K extends unknown[], V>(item: StorageItem<K, V>, keys: K, value: V): void {
    const key = item.key(...keys);
    this.#remember(key);
    this.#current.set(key, encode(item.value, value));
  }

  remove<K extends unknown[], V>(item: StorageItem<K, V>, ...keys: K): void {
    const key = item.key(...keys);
    if (!this.#current.has(key)) return;
    this.#remember(key);
    this.#current.delete(key);
  }

  /** Removes all values of a map of several keys whose first key is this one. */
  removeUnder<First>(item: StorageItem<[First, ...never[]], unknown>, first: First): void {
    for (const key of this.keys(item.under(first))) {
      this.#remember(key);
      this.#current.delete(key);
    }
  }

  /** Takes back what `work` changed when it ends with an error, or throws. */
  allOrNothing<T extends object>(work: () => T): T {
    const before = new Map<string, Uint8Array | undefined>();
    const takeBack = (): void => {
      for (const [key, value] of before) {
        if (value === undefined) this.#current.delete(key);
        else this.#current.set(key, value);
      }
    };
    this.#before = before;
    try {
      const outcome = work();
      if ("error" in outcome) takeBack();
      return outcome;
    } catch (error) {
      takeBack();
      throw error;
    } finally {
      this.#before = null;
    }
  }

  /** Keys that the block of `height` changed. */
  changedIn(height: number): Iterable<string> {
    return this.#undos[height - this.#firstHeight]?.keys() ?? [];
  }

  /** Closes the current block; changes from now on belong to the next. */
  seal(): void {
    this.#undos.push(new Map());
    const surplus = this.#undos.length - 1 - this.#keptBlocks;
    if (surplus <= 0) return;
    this.#undos = this.#undos.slice(surplus);
    this.#firstHeight += surplus;
  }

  /** Takes back the newest block, and what was changed since. */
  takeBack(): void {
    for (const undo of this.#undos.splice(-2).reverse())
      for (const [key, value] of undo) {
        if (value === undefined) this.#current.delete(key);
        else this.#current.set(key, value);
      }
    this.#undos.push(new Map());
  }

  /** The state after the block of `height`, or null when that block is no longer kept. */
  at(height: number): StateView | null {
    if (height < this.#firstHeight || height >= this.#firstHeight + this.#undos.length) return null;
    return new PastState(this, this.#undos, height + 1 - this.#firstHeight);
  }

  #remember(key: string): void {
    const undo = this.#undos[this.#undos.length - 1]!;
    if (!undo.has(key)) undo.set(key, this.#current.get(key));
    if (this.#before && !this.#before.has(key)) this.#before.set(key, this.#current.get(key));
  }
}

class PastState implements StateView {
  readonly #head: ChainState;
  readonly #later: Undo[];

  constructor(head: ChainState, undos: Undo[], firstLater: number) {
    this.#head = head;
    this.#later = undos.slice(firstLater);
  }

  get<K extends unknown[], V>(item: StorageItem<K, V>, ...keys: K): V | null {
    return storedValue(item, this.raw(item.key(...keys)));
  }

  read<K extends unknown[], V>(item: StorageItem<K, V>, ...keys: K): V {
    return this.get(item, ...keys) as V;
  }

  raw(key: string): Uint8Array | undefined {
    for (const undo of this.#later) if (undo.has(key)) return undo.get(key);
    return this.#head.raw(key);
  }

  keys(prefix: string): string[] {
    const keys = new Set(this.#head.keys(prefix));
    for (const undo of this.#later.toReversed())
      for (const [key, old] of undo) {
        if (!key.startsWith(prefix)) continue;
        if (old === undefined) keys.delete(key);
        else keys.add(key);
      }
    return [...keys].sort();
  }
}

function storedValue<K extends unknown[], V>(
  item: StorageItem<K, V>,
  bytes: Uint8Array | undefined,
): V | null {
  if (bytes === undefined && item.isOptional) return null;
  // A default is decoded anew each time: callers change the arrays that they get.
  return decode(item.value, bytes ?? item.fallbackBytes);
}
