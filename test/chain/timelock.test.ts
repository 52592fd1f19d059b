import { beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import initOracle, { tld, tle } from "@ideallabs/timelock_wasm_wrapper";
import { sha256 } from "@noble/hashes/sha2.js";
import fc from "fast-check";
import {
  beaconPublicKey,
  decodeWeightsPayload,
  decryptTimelock,
  encodeWeightsPayload,
  encryptTimelock,
  QUICKNET,
  signRound,
} from "../../src/chain/timelock.ts";
import vectors from "../golden/chain-vectors.json";

const { round, signature } = vectors.drand_quicknet_round_1000;
const known = vectors.tle_deterministic;

/** "02 x32" of the vectors: the byte 02, 32 times. */
function repeated(text: string): Uint8Array {
  const [byte, count] = text.split(" x");
  return new Uint8Array(Number(count)).fill(Number.parseInt(byte!, 16));
}

function identity(ofRound: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(ofRound), false);
  return sha256(bytes);
}

describe("the payload of a timelocked commit", () => {
  for (const [index, vector] of vectors.tlock_payload.entries()) {
    test(`has the SCALE bytes of vector ${index}`, () => {
      const payload = {
        hotkeyPublicKey: Uint8Array.fromHex(vector.hotkey_hex),
        uids: vector.uids,
        values: vector.values,
        versionKey: BigInt(vector.version_key),
      };
      const bytes = encodeWeightsPayload(payload);
      expect(bytes.toHex()).toBe(vector.scale);
      expect(decodeWeightsPayload(bytes)).toEqual(payload);
      expect(encryptTimelock(bytes, round, QUICKNET.publicKeyHex)).toHaveLength(vector.ciphertext_len);
    });
  }

  test("survives encoding for any number of uids", () => {
    const u16 = fc.integer({ min: 0, max: 65_535 });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(u16, u16), { maxLength: 300 }),
        fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
        (pairs, versionKey) => {
          const payload = {
            hotkeyPublicKey: new Uint8Array(32).fill(7),
            uids: pairs.map(([uid]) => uid),
            values: pairs.map(([, value]) => value),
            versionKey,
          };
          expect(decodeWeightsPayload(encodeWeightsPayload(payload))).toEqual(payload);
        },
      ),
    );
  });

  test("is refused when bytes are missing or left over", () => {
    const bytes = Uint8Array.fromHex(known.payload_scale);
    expect(() => decodeWeightsPayload(bytes.subarray(0, -1))).toThrow("no timelock ciphertext");
    expect(() => decodeWeightsPayload(Uint8Array.of(...bytes, 0))).toThrow("bytes follow");
  });
});

describe("timelock encryption", () => {
  const message = Uint8Array.fromHex(known.payload_scale);

  test("gives the known ciphertext for known randomness", () => {
    const randomness = {
      esk: repeated(known.esk),
      sigma: repeated(known.sigma),
      nonce: repeated(known.aes_nonce),
    };
    const sealed = encryptTimelock(message, known.round, QUICKNET.publicKeyHex, randomness);
    expect(sealed.toHex()).toBe(known.ciphertext);
  });

  test("opens with drand's own signature of round 1000", () => {
    expect(decryptTimelock(Uint8Array.fromHex(known.ciphertext), signature)).toEqual(message);
  });

  test("opens what a beacon with a secret of ours signs, and only for its round", () => {
    const secret = 0x1234_5678_9abc_def0n;
    const sealed = encryptTimelock(message, 42, beaconPublicKey(secret));
    expect(decryptTimelock(sealed, `0x${signRound(secret, 42)}`)).toEqual(message);
    expect(() => decryptTimelock(sealed, signRound(secret, 43))).toThrow("does not open");
  });

  test("refuses every changed byte and every shortened ciphertext", () => {
    const sealed = Uint8Array.fromHex(known.ciphertext);
    for (const at of [0, 50, 100, 110, 150, 190, 250, sealed.length - 1]) {
      const changed = sealed.slice();
      changed[at]! ^= 1;
      expect(() => decryptTimelock(changed, signature)).toThrow();
    }
    for (const length of [0, 95, 96, 104, 200, sealed.length - 1])
      expect(() => decryptTimelock(sealed.subarray(0, length), signature)).toThrow("ends too early");
  });

  test("refuses a key and a signature that are not points of the curve", () => {
    expect(() => encryptTimelock(message, 1, "00".repeat(96))).toThrow("not a point");
    expect(() => decryptTimelock(Uint8Array.fromHex(known.ciphertext), "ff".repeat(48))).toThrow(
      "not a point",
    );
  });
});

describe("the arkworks implementation that the chain uses", () => {
  beforeAll(async () => {
    const wasm = import.meta.resolve("@ideallabs/timelock_wasm_wrapper/timelock_wasm_wrapper_bg.wasm");
    await initOracle({ module_or_path: readFileSync(new URL(wasm)) });
  });

  test("opens our ciphertexts", () => {
    const message = crypto.getRandomValues(new Uint8Array(1_069));
    const sealed = encryptTimelock(message, round, QUICKNET.publicKeyHex);
    expect(Uint8Array.from(tld(sealed, Uint8Array.fromHex(signature), "bls12_381"))).toEqual(message);
  });

  test("makes ciphertexts that we open", () => {
    const message = crypto.getRandomValues(new Uint8Array(500));
    const key = Uint8Array.fromHex(QUICKNET.publicKeyHex);
    const seed = crypto.getRandomValues(new Uint8Array(32));
    const sealed = Uint8Array.from(tle(identity(round), message, seed, key, "bls12_381"));
    expect(decryptTimelock(sealed, signature)).toEqual(message);
  });
});
