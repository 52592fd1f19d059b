export interface LossyCounterOptions {
  /** Largest share of all transactions by which a count may be too low. */
  error: number;
  /** Transactions after which all counts are halved. */
  halfLife: number;
  /** Most items held at once. */
  capacity: number;
}

/** What `save` gives and `load` takes; numbers of transactions may be fractions, for they are halved. */
export interface LossyCounterState {
  transactions: number;
  undercount: number;
  sinceHalving: number;
  sincePruning: number;
  /** `COUNTER_ROW` numbers per item: upper and lower half of its key, count, missing, groups, last group. */
  rows: Float32Array;
}

/** Numbers in a saved row; each is a whole number below 2^24 or a short binary fraction, exact in Float32. */
export const COUNTER_ROW = 6;
const HALF_KEY = 2 ** 24;
const MAX_GROUPS = 0xffff;
const FIRST_SLOTS = 4096;
/** Slots per item at least: beyond this share of full slots, looking for an item gets slow. */
const ROOM = 2;
/** Share of the items that goes when there are more than fit, so that this happens seldom. */
const EVICTED_SHARE = 0.25;

/**
 * In how many transactions (here: completions) an item (an n-gram) was seen, by lossy counting (Manku and Motwani, 2002):
 * a count is never too high, and too low by at most `undercount`, which stays within error · transactions as long as
 * `capacity` suffices. Counts fade: all are halved, the number of transactions with them, every `halfLife`
 * transactions. An item also knows in how many groups (texts that were asked about) it was seen, up to 65 535 and
 * without fading; an item that comes back to an earlier group counts it again.
 *
 * Items are whole numbers from 1 to 2^48 − 1, groups from 0 to 2^24 − 1. Memory: 52 to 104 bytes per item of the
 * capacity, in flat arrays.
 */
export class LossyCounter {
  readonly #bucketWidth: number;
  readonly #halfLife: number;
  readonly #capacity: number;
  #table: Table;
  #transactions = 0;
  /** Most that an item may have been seen without being held. */
  #undercount = 0;
  #sinceHalving = 0;
  #sincePruning = 0;
  /** Number of the transaction, so that an item counts once in it. */
  #stamp = 0;

  constructor({ error, halfLife, capacity }: LossyCounterOptions) {
    this.#bucketWidth = Math.ceil(1 / error);
    this.#halfLife = halfLife;
    this.#capacity = capacity;
    this.#table = new Table(FIRST_SLOTS);
  }

  /** Items held. */
  get size(): number {
    return this.#table.size;
  }

  /** Transactions counted, faded as the counts are. */
  get transactions(): number {
    return this.#transactions;
  }

  /** Most that a count is too low by. */
  get undercount(): number {
    return this.#undercount;
  }

  /** Counts one transaction. Items may repeat; each counts once. */
  add(items: Float64Array | readonly number[], group: number): void {
    this.#stamp++;
    for (let at = 0; at < items.length; at++) this.#note(items[at]!, group);
    this.#transactions++;
    if (++this.#sincePruning >= this.#bucketWidth) {
      this.#undercount++;
      this.#sincePruning = 0;
      this.#prune();
    }
    if (++this.#sinceHalving >= this.#halfLife) this.#halve();
  }

  #note(item: number, group: number): void {
    let table = this.#table;
    let slot = table.slotOf(item);
    if (table.items[slot] === 0) {
      if (table.size >= this.#capacity) this.#evict();
      else if ((table.size + 1) * ROOM > table.slots) this.#table = table.copy(table.slots * 2);
      if (table !== this.#table) slot = this.#table.slotOf(item);
      table = this.#table;
      table.take(slot, item);
      table.missing[slot] = this.#undercount;
    } else if (table.stamps[slot] === this.#stamp) return;
    table.stamps[slot] = this.#stamp;
    table.counts[slot]! += 1;
    if (table.groups[slot] === 0 || table.lastGroups[slot] !== group) {
      table.groups[slot] = Math.min(MAX_GROUPS, table.groups[slot]! + 1);
      table.lastGroups[slot] = group;
    }
  }

  /** Transactions an item was surely seen in; 0 when it is not held. */
  count(item: number): number {
    return this.#table.counts[this.#table.slotOf(item)]!;
  }

  /** Groups an item was seen in; 0 when it is not held. */
  groups(item: number): number {
    return this.#table.groups[this.#table.slotOf(item)]!;
  }

  /** Drops the items that may have been seen no more often than one that was never held. */
  #prune(): void {
    const { counts, missing } = this.#table;
    this.#table = this.#table.copy(
      this.#table.slots,
      (slot) => counts[slot]! + missing[slot]! > this.#undercount,
    );
  }

  /** Makes room before the bucket is full: what was seen least goes, and the undercount says what that cost. */
  #evict(): void {
    const most = this.#table.mostSeen().sort();
    this.#undercount = Math.max(this.#undercount + 1, most[Math.floor(most.length * EVICTED_SHARE)]!);
    this.#prune();
  }

  #halve(): void {
    this.#sinceHalving = 0;
    this.#transactions /= 2;
    this.#undercount /= 2;
    const { counts, missing, slots } = this.#table;
    for (let slot = 0; slot < slots; slot++) {
      counts[slot]! /= 2;
      missing[slot]! /= 2;
    }
  }

  /** A copy with at most `limit` items, those seen most; what the others cost is in the undercount. */
  save(limit: number): LossyCounterState {
    const { slots, items, counts, missing, groups, lastGroups, size } = this.#table;
    // Ordering all items would take longer than a step may; the bound is found among the numbers alone.
    const least = size <= limit ? 0 : this.#table.mostSeen().sort()[size - limit - 1]!;
    const rows: number[] = [];
    for (let slot = 0; slot < slots; slot++) {
      const item = items[slot]!;
      if (item === 0 || counts[slot]! + missing[slot]! <= least) continue;
      rows.push(Math.floor(item / HALF_KEY), item % HALF_KEY, counts[slot]!, missing[slot]!);
      rows.push(groups[slot]!, lastGroups[slot]!);
    }
    return {
      transactions: this.#transactions,
      undercount: Math.max(this.#undercount, least),
      sinceHalving: this.#sinceHalving,
      sincePruning: this.#sincePruning,
      rows: new Float32Array(rows),
    };
  }

  /** Replaces everything by what `save` gave. @returns false when the rows are damaged; nothing changed then */
  load({ rows, ...state }: LossyCounterState): boolean {
    const size = rows.length / COUNTER_ROW;
    if (
      !Number.isInteger(size) ||
      size > this.#capacity ||
      !rows.every((value) => value >= 0 && value < HALF_KEY)
    )
      return false;
    let slots = FIRST_SLOTS;
    while (size * ROOM > slots) slots *= 2;
    const table = new Table(slots);
    for (let at = 0; at < rows.length; at += COUNTER_ROW) {
      const [upper, lower, count, missing, groups, lastGroup] = rows.subarray(
        at,
        at + COUNTER_ROW,
      ) as unknown as number[];
      const item = upper! * HALF_KEY + lower!;
      const slot = table.slotOf(item);
      if (!Number.isInteger(item) || item === 0 || table.items[slot] !== 0) return false;
      table.take(slot, item);
      table.counts[slot] = count!;
      table.missing[slot] = missing!;
      table.groups[slot] = groups!;
      table.lastGroups[slot] = lastGroup!;
    }
    this.#table = table;
    this.#stamp = 0;
    this.#transactions = state.transactions;
    this.#undercount = state.undercount;
    this.#sinceHalving = state.sinceHalving;
    this.#sincePruning = state.sincePruning;
    return true;
  }
}

/** A hash table in flat arrays; the number of slots is a power of two, and an item of 0 marks a free slot. */
class Table {
  readonly slots: number;
  readonly items: Float64Array;
  readonly counts: Float32Array;
  /** Most that an item was seen before it was held. */
  readonly missing: Float32Array;
  readonly stamps: Uint32Array;
  readonly groups: Uint16Array;
  readonly lastGroups: Uint32Array;
  size = 0;

  constructor(slots: number) {
    this.slots = slots;
    this.items = new Float64Array(slots);
    this.counts = new Float32Array(slots);
    this.missing = new Float32Array(slots);
    this.stamps = new Uint32Array(slots);
    this.groups = new Uint16Array(slots);
    this.lastGroups = new Uint32Array(slots);
  }

  /** Slot of an item, or the free one where it would stand. */
  slotOf(item: number): number {
    const last = this.slots - 1;
    let slot = item & last;
    while (this.items[slot] !== 0 && this.items[slot] !== item) slot = (slot + 1) & last;
    return slot;
  }

  /** Gives an item that is not held the free slot that `slotOf` found. */
  take(slot: number, item: number): void {
    this.items[slot] = item;
    this.size++;
  }

  /** Most that each item may have been seen, in no order. */
  mostSeen(): Float32Array {
    const most = new Float32Array(this.size);
    let next = 0;
    for (let slot = 0; slot < this.slots; slot++)
      if (this.items[slot] !== 0) most[next++] = this.counts[slot]! + this.missing[slot]!;
    return most;
  }

  copy(slots: number, isKept: (slot: number) => boolean = () => true): Table {
    const copy = new Table(slots);
    for (let from = 0; from < this.slots; from++) {
      if (this.items[from] === 0 || !isKept(from)) continue;
      const to = copy.slotOf(this.items[from]!);
      copy.take(to, this.items[from]!);
      copy.counts[to] = this.counts[from]!;
      copy.missing[to] = this.missing[from]!;
      copy.stamps[to] = this.stamps[from]!;
      copy.groups[to] = this.groups[from]!;
      copy.lastGroups[to] = this.lastGroups[from]!;
    }
    return copy;
  }
}
