/** What the localnet refuses to read or to be asked. The messages go to the RPC client as they are. */
export type LocalnetCode = "localnet.bad-scale" | "localnet.bad-request" | "localnet.bad-option";

import { Failure } from "../../base/error.ts";

const FIRST_CAPACITY_BYTES = 256;

/** Appends SCALE primitives (little endian) to one growing buffer: grow first, it may replace buffer and view. */
export class ScaleWriter {
  #bytes = new Uint8Array(FIRST_CAPACITY_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  /** A copy of what was written. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  u8(value: number): void {
    const at = this.#grow(1);
    this.#view.setUint8(at, value);
  }

  u16(value: number): void {
    const at = this.#grow(2);
    this.#view.setUint16(at, value, true);
  }

  u32(value: number): void {
    const at = this.#grow(4);
    this.#view.setUint32(at, value, true);
  }

  u64(value: bigint): void {
    const at = this.#grow(8);
    this.#view.setBigUint64(at, value, true);
  }

  u128(value: bigint): void {
    this.u64(BigInt.asUintN(64, value));
    this.u64(value >> 64n);
  }

  raw(bytes: Uint8Array): void {
    const at = this.#grow(bytes.length);
    this.#bytes.set(bytes, at);
  }

  /** Compact integer: one, two, four or 5 to 17 bytes by the size of the value. */
  compact(value: number | bigint): void {
    if (value < 0x40) this.u8(Number(value) << 2);
    else if (value < 0x4000) this.u16((Number(value) << 2) | 1);
    else if (value < 0x4000_0000) this.u32(Number(value) * 4 + 2);
    else this.#longCompact(value);
  }

  #longCompact(value: number | bigint): void {
    const bytes: number[] = [];
    for (let rest = BigInt(value); rest > 0n; rest >>= 8n) bytes.push(Number(rest & 0xffn));
    while (bytes.length < 4) bytes.push(0);
    this.u8(((bytes.length - 4) << 2) | 3);
    this.raw(Uint8Array.from(bytes));
  }

  /** Length-prefixed bytes. */
  bytes(value: Uint8Array): void {
    this.compact(value.length);
    this.raw(value);
  }

  text(value: string): void {
    this.bytes(Buffer.from(value, "utf8"));
  }

  #grow(count: number): number {
    const at = this.#length;
    this.#length += count;
    if (this.#length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#length, this.#bytes.length * 2));
      larger.set(this.#bytes);
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    return at;
  }
}

/** Reads SCALE primitives; throws `localnet.bad-scale` instead of reading past the end. */
export class ScaleReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get offset(): number {
    return this.#at;
  }

  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.#take(8), true);
  }

  u128(): bigint {
    const low = this.u64();
    return (this.u64() << 64n) | low;
  }

  raw(count: number): Uint8Array {
    const at = this.#take(count);
    return this.#bytes.slice(at, at + count);
  }

  compact(): bigint {
    const first = this.#view.getUint8(this.#take(1));
    const mode = first & 3;
    if (mode === 0) return BigInt(first >> 2);
    this.#at -= 1;
    if (mode === 1) return BigInt(this.u16() >> 2);
    if (mode === 2) return BigInt(this.u32() >>> 2);
    const count = (this.u8() >> 2) + 4;
    let value = 0n;
    for (const [index, byte] of this.raw(count).entries()) value |= BigInt(byte) << BigInt(8 * index);
    return value;
  }

  /** A length prefix; refused when not even `itemBytes` per item are left, so that nothing huge is allocated. */
  length(itemBytes = 1): number {
    const count = this.compact();
    if (count * BigInt(itemBytes) > BigInt(this.remaining)) throw tooShort();
    return Number(count);
  }

  bytes(): Uint8Array {
    return this.raw(this.length());
  }

  #take(count: number): number {
    if (count > this.remaining) throw tooShort();
    const at = this.#at;
    this.#at += count;
    return at;
  }
}

function tooShort(): Failure<LocalnetCode> {
  return new Failure<LocalnetCode>("localnet.bad-scale", { message: "Encoded bytes end too early" });
}
