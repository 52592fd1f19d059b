/**
 * Timelock encryption to a drand beacon round, in the byte layout of the `tle` crate that subtensor links
 * (ideal-lab5/timelock at 5416406c), and the payload of a timelocked weights commit.
 *
 * Identity based encryption of Boneh and Franklin (FullIdent) over BLS12-381, signatures in G1 and keys in G2, as drand
 * quicknet uses it; the message itself is sealed with AES-256-GCM under the 32 byte key that the pairing hides.
 */
import { gcm } from "@noble/ciphers/aes.js";
import { bls12_381 as bls } from "@noble/curves/bls12-381.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { Failure } from "../base/error.ts";

export type TimelockCode = "timelock.bad-key" | "timelock.bad-ciphertext" | "timelock.wrong-signature";

/** drand quicknet, chain 52db9ba7…e971: what every public subtensor network uses (drand.love, pallets/drand). */
export const QUICKNET = {
  publicKeyHex:
    "83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c8c4b450b6a0a6c3ac6a5776a2d1064510d1fec758c921cc22b0e17e63aaf4bcb5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a",
  genesisSeconds: 1_692_803_367,
  periodSeconds: 3,
} as const;

/** Hash to curve suite of quicknet (scheme bls-unchained-g1-rfc9380). */
const DST = "BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_";
const SUITE = new TextEncoder().encode("AES_GCM_");
const G2_BYTES = 96;
const FP_BYTES = 48;
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const GROUP_ORDER = bls.fields.Fr.ORDER;

const G1 = bls.G1.Point;
const G2 = bls.G2.Point;
type Gt = ReturnType<typeof bls.pairing>;

/** The random inputs of one encryption; given only by tests that need a known answer. */
export interface TimelockRandomness {
  /** AES key that the pairing hides, 32 bytes. */
  esk: Uint8Array;
  /** IBE randomness, 32 bytes. */
  sigma: Uint8Array;
  /** AES-GCM nonce, 12 bytes. */
  nonce: Uint8Array;
}

export interface WeightsPayload {
  /** Public key of the signer: the chain compares it with the sender of the commit. */
  hotkeyPublicKey: Uint8Array;
  uids: number[];
  /** u16 each. */
  values: number[];
  /** u64. */
  versionKey: bigint;
}

/**
 * Encrypts `message` so that the beacon's signature of `round` opens it.
 * The result has 244 + message length bytes.
 * @throws Failure `timelock.bad-key` when the key is no point of G2.
 */
export function encryptTimelock(
  message: Uint8Array,
  round: number,
  publicKeyHex: string,
  randomness: TimelockRandomness = freshRandomness(),
): Uint8Array {
  const { esk, sigma, nonce } = randomness;
  const blinding = blindingScalar(sigma, esk);
  const shared = bls.pairing(roundPoint(round), parseKey(publicKeyHex).multiply(blinding));
  const sealed = gcm(esk, nonce).encrypt(message);
  return concat(
    G2.BASE.multiply(blinding).toBytes(true),
    lengthPrefixed(xor(sigma, sha256(gtBytes(shared)))),
    lengthPrefixed(xor(esk, sha256(sigma))),
    lengthPrefixed(concat(lengthPrefixed(sealed), lengthPrefixed(nonce))),
    lengthPrefixed(SUITE),
  );
}

/**
 * Opens a ciphertext with the beacon's signature of its round.
 * @throws Failure `timelock.bad-ciphertext` for a broken layout, `timelock.wrong-signature` when the signature is of
 * another round or beacon, or the ciphertext was changed.
 */
export function decryptTimelock(ciphertext: Uint8Array, signatureHex: string): Uint8Array {
  const reader = new Reader(ciphertext);
  const pointBytes = reader.take(G2_BYTES);
  const maskedSigma = reader.vector();
  const maskedKey = reader.vector();
  const body = new Reader(reader.vector());
  const suite = reader.vector();
  const sealed = body.vector();
  const nonce = body.vector();
  if (!reader.done || !body.done || maskedSigma.length !== KEY_BYTES || maskedKey.length !== KEY_BYTES)
    throw badCiphertext("its parts have the wrong length");
  if (!equal(suite, SUITE) || nonce.length !== NONCE_BYTES) throw badCiphertext("it names an unknown cipher");

  const blinded = parsePoint(() => G2.fromBytes(pointBytes), badCiphertext("its point is not on the curve"));
  const signature = parsePoint(
    () => G1.fromHex(withoutPrefix(signatureHex)),
    wrongSignature("the signature is not a point of the curve"),
  );
  const sigma = xor(maskedSigma, sha256(gtBytes(bls.pairing(signature, blinded))));
  const esk = xor(maskedKey, sha256(sigma));
  if (!G2.BASE.multiply(blindingScalar(sigma, esk)).equals(blinded))
    throw wrongSignature("the signature does not open this ciphertext");
  try {
    return gcm(esk, nonce).decrypt(sealed);
  } catch (cause) {
    throw wrongSignature("the ciphertext was changed", cause);
  }
}

/** Public key (G2, compressed, hex without prefix) of a beacon that signs with `secret`. */
export function beaconPublicKey(secret: bigint): string {
  return G2.BASE.multiply(secret % GROUP_ORDER).toHex(true);
}

/** Signature (G1, compressed, hex without prefix) that the beacon of `secret` publishes for `round`. */
export function signRound(secret: bigint, round: number): string {
  return roundPoint(round)
    .multiply(secret % GROUP_ORDER)
    .toHex(true);
}

/** SCALE of `WeightsTlockPayload` (pallets/subtensor/src/coinbase/reveal_commits.rs:18-25). */
export function encodeWeightsPayload(payload: WeightsPayload): Uint8Array {
  const { hotkeyPublicKey, uids, values, versionKey } = payload;
  const key = new Uint8Array(8);
  new DataView(key.buffer).setBigUint64(0, versionKey, true);
  return concat(
    compactLength(hotkeyPublicKey.length),
    hotkeyPublicKey,
    u16Vector(uids),
    u16Vector(values),
    key,
  );
}

/** @throws Failure `timelock.bad-ciphertext` when the bytes are not exactly one payload. */
export function decodeWeightsPayload(bytes: Uint8Array): WeightsPayload {
  const reader = new Reader(bytes);
  const hotkeyPublicKey = reader.take(reader.compact()).slice();
  const uids = reader.u16Vector();
  const values = reader.u16Vector();
  const versionKey = reader.u64();
  if (!reader.done) throw badCiphertext("bytes follow the weights");
  return { hotkeyPublicKey, uids, values, versionKey };
}

function freshRandomness(): TimelockRandomness {
  const random = (length: number): Uint8Array => crypto.getRandomValues(new Uint8Array(length));
  return { esk: random(KEY_BYTES), sigma: random(KEY_BYTES), nonce: random(NONCE_BYTES) };
}

/** Q = H1(sha256(round as u64 big endian)): the identity that the beacon signs. */
function roundPoint(round: number): InstanceType<typeof G1> {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(round), false);
  return G1.fromAffine(bls.G1.hashToCurve(sha256(bytes), { DST }).toAffine());
}

function blindingScalar(sigma: Uint8Array, esk: Uint8Array): bigint {
  return BigInt(`0x${sha256(concat(sigma, esk)).toHex()}`) % GROUP_ORDER;
}

/** Twelve field elements of 48 bytes, little endian, in arkworks' order of the tower. */
function gtBytes(element: Gt): Uint8Array {
  const parts = [element.c0, element.c1].flatMap((six) =>
    [six.c0, six.c1, six.c2].flatMap((two) => [littleEndian(two.c0), littleEndian(two.c1)]),
  );
  return concat(...parts);
}

function littleEndian(value: bigint): Uint8Array {
  return Uint8Array.fromHex(value.toString(16).padStart(FP_BYTES * 2, "0")).reverse();
}

function parseKey(publicKeyHex: string): InstanceType<typeof G2> {
  return parsePoint(
    () => G2.fromHex(withoutPrefix(publicKeyHex)),
    new Failure<TimelockCode>("timelock.bad-key", {
      message: "the beacon's public key is not a point of the curve",
      hint: "Check Drand.BeaconConfig of this chain.",
    }),
  );
}

/** The point, checked to lie in the right subgroup. */
function parsePoint<P extends { assertValidity(): void }>(parse: () => P, failure: Failure<TimelockCode>): P {
  try {
    const point = parse();
    point.assertValidity();
    return point;
  } catch {
    throw failure;
  }
}

function badCiphertext(reason: string): Failure<TimelockCode> {
  return new Failure<TimelockCode>("timelock.bad-ciphertext", {
    message: `this is no timelock ciphertext: ${reason}`,
  });
}

function wrongSignature(message: string, cause?: unknown): Failure<TimelockCode> {
  return new Failure<TimelockCode>("timelock.wrong-signature", { message, cause });
}

const withoutPrefix = (hex: string): string => (hex.startsWith("0x") ? hex.slice(2) : hex);
const xor = (a: Uint8Array, b: Uint8Array): Uint8Array => a.map((byte, index) => byte ^ b[index]!);
const equal = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, index) => byte === b[index]);

function concat(...parts: Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** arkworks `Vec<u8>`: length as u64 little endian, then the bytes. */
function lengthPrefixed(bytes: Uint8Array): Uint8Array {
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(bytes.length), true);
  return concat(length, bytes);
}

/** SCALE compact of a length below 2^30. */
function compactLength(length: number): Uint8Array {
  if (length < 64) return Uint8Array.of(length << 2);
  if (length < 16_384) return Uint8Array.of(((length << 2) | 1) & 255, length >> 6);
  const value = length * 4 + 2;
  return Uint8Array.of(value & 255, (value >>> 8) & 255, (value >>> 16) & 255, (value >>> 24) & 255);
}

function u16Vector(values: number[]): Uint8Array {
  const body = new Uint8Array(values.length * 2);
  const view = new DataView(body.buffer);
  values.forEach((value, index) => {
    view.setUint16(index * 2, value, true);
  });
  return concat(compactLength(values.length), body);
}

/** Reads a stranger's bytes front to back; every overrun is a `timelock.bad-ciphertext`. */
class Reader {
  #at = 0;
  readonly #view: DataView;

  constructor(private readonly bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get done(): boolean {
    return this.#at === this.bytes.length;
  }

  take(length: number): Uint8Array {
    if (length > this.bytes.length - this.#at) throw badCiphertext("it ends too early");
    this.#at += length;
    return this.bytes.subarray(this.#at - length, this.#at);
  }

  u64(): bigint {
    this.take(8);
    return this.#view.getBigUint64(this.#at - 8, true);
  }

  vector(): Uint8Array {
    const length = this.u64();
    if (length > BigInt(this.bytes.length)) throw badCiphertext("it ends too early");
    return this.take(Number(length));
  }

  compact(): number {
    const first = this.take(1)[0]!;
    const mode = first & 3;
    if (mode === 0) return first >> 2;
    if (mode === 3) throw badCiphertext("a length is far too large");
    const rest = this.take(mode === 1 ? 1 : 3);
    return rest.reduce((sum, byte, index) => sum + byte * 2 ** (8 * (index + 1)), first - mode) / 4;
  }

  u16Vector(): number[] {
    const count = this.compact();
    const body = this.take(count * 2);
    return Array.from({ length: count }, (_, index) => body[index * 2]! | (body[index * 2 + 1]! << 8));
  }
}
