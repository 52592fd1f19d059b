import { beforeAll, describe, expect, test } from "bun:test";
import { u8aWrapBytes } from "@polkadot/util";
import { signatureVerify } from "@polkadot/util-crypto";
import { hotkeyOf, keypairFromSeed } from "../../src/wallet/keypair.ts";
import { signMessage, verifyMessage } from "../../src/wallet/message.ts";
import { type CryptoType, KeySecret } from "../../src/wallet/secret.ts";
import vectors from "../golden/chain-vectors.json";

const seed = Uint8Array.fromHex(vectors.sr25519.mini_secret);
const secrets: Record<CryptoType, () => KeySecret> = {} as never;
const publicKeys: Record<CryptoType, Uint8Array> = {} as never;
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

beforeAll(async () => {
  for (const type of ["sr25519", "ed25519"] as const) {
    const { publicKey, secretKey } = await keypairFromSeed(seed, type);
    publicKeys[type] = publicKey;
    // Each secret is used once and zeroed.
    secrets[type] = () => new KeySecret(type, hotkeyOf(publicKey), publicKey, secretKey.slice());
  }
});

/** Of the message `{"something": "hier ü", "timestamp": 1719908486}` by the key of the vectors. */
const MESSAGE = utf8('{"something": "hier ü", "timestamp": 1719908486}');
const OF_BTCLI = {
  "9.23.2":
    "c4ab6f8c4ddf7f4d5c38e01d9a0080e74668b13bea1d9d86e3fff2c2644b7e5de06dc1f7a194114a2bcf903b21525e832cdcdd39ca943c365d197391c6413287",
  "11.3.0":
    "02a8a15d691c86cb27ede93162c2f9ac5ce0332eb8341f69d26386ad708ee873b301eb91c39aef3d6ad08b34f9b3a81617162a495a618cd8cd6e8c0e2035eb82",
};

describe("a signature", () => {
  test.each(Object.entries(OF_BTCLI))("of btcli %s is good, and of nothing else", async (_, hex) => {
    const signature = Uint8Array.fromHex(hex);
    const key = publicKeys.sr25519;
    expect(await verifyMessage(MESSAGE, signature, key)).toEqual({ cryptoType: "sr25519", isWrapped: false });
    expect(await verifyMessage(utf8("another"), signature, key)).toBeNull();
    expect(await verifyMessage(MESSAGE, signature.with(5, signature[5]! ^ 1), key)).toBeNull();
    expect(await verifyMessage(MESSAGE, signature, publicKeys.ed25519)).toBeNull();
    expect(await verifyMessage(MESSAGE, signature.subarray(1), key)).toBeNull();
    // No point of the curve.
    expect(await verifyMessage(MESSAGE, signature, new Uint8Array(32).fill(255))).toBeNull();
  });

  test.each(["sr25519", "ed25519"] as const)(
    "with %s is what polkadot.js takes, bare and wrapped",
    async (type) => {
      for (const isWrapped of [false, true]) {
        const signature = signMessage(secrets[type](), MESSAGE, isWrapped);
        const signed = isWrapped ? u8aWrapBytes(MESSAGE) : MESSAGE;
        expect(signatureVerify(signed, signature, publicKeys[type]).isValid).toBe(true);
        expect(await verifyMessage(MESSAGE, signature, publicKeys[type])).toEqual({
          cryptoType: type,
          isWrapped,
        });
      }
    },
  );

  test("of what is wrapped already is not of it wrapped twice", () => {
    const inside = u8aWrapBytes(MESSAGE);
    const signature = signMessage(secrets.ed25519(), inside, true);
    expect(signature).toEqual(signMessage(secrets.ed25519(), MESSAGE, true));
  });
});

describe("bare", () => {
  const dendrite = `1752076800000000000.${vectors.sr25519.ss58}.${vectors.sr25519.ss58}.5ecbd69c-1cec-11ee-b0dc-e29ce36fec1a.${"8f".repeat(32)}`;
  const refused: [string, Uint8Array][] = [
    ["bytes that are no text", Uint8Array.of(7, 0, 255)],
    ["text with what a terminal obeys", utf8("a\u001b[2Jb")],
    ["half of a character", Uint8Array.of(0x61, 0xc3)],
    ["a request to a miner", utf8(dendrite)],
    ["an id of a run", utf8("0a1b2c3d")],
    ["what may be the hash of an extrinsic", utf8("k3Q<v9 Zp&rT1m!xW7cY0s?bLq5+uN8d")],
  ];

  test.each(refused)("is not signed: %s, but it is so wrapped", async (_, message) => {
    const secret = secrets.sr25519();
    expect(() => signMessage(secret, message, false)).toThrow("is not signed bare");
    expect(() => secret.take()).toThrow("already taken");
    const signature = signMessage(secrets.sr25519(), message, true);
    expect((await verifyMessage(message, signature, publicKeys.sr25519))?.isWrapped).toBe(true);
  });

  test.each(["", "a\tb\r\nc\n", "5ecbd69c1cec11eeb0dce29ce36fec1a", "ü".repeat(100)])(
    "is signed: %p",
    async (text) => {
      const signature = signMessage(secrets.sr25519(), utf8(text), false);
      expect((await verifyMessage(utf8(text), signature, publicKeys.sr25519))?.isWrapped).toBe(false);
    },
  );
});
