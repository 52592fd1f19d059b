import { beforeAll, describe, expect, test } from "bun:test";
import { inspect } from "node:util";
import { blake2AsU8a, signatureVerify } from "@polkadot/util-crypto";
import { hotkeyOf, keypairFromSeed } from "../../src/wallet/keypair.ts";
import { HotkeySecret } from "../../src/wallet/secret.ts";
import { createSigner, type HotkeySigner } from "../../src/wallet/signer.ts";
import vectors from "../golden/chain-vectors.json";

const seed = Uint8Array.fromHex(vectors.sr25519.mini_secret);
const receiver = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";
let signer: HotkeySigner;
let edSigner: HotkeySigner;

async function makeSigner(cryptoType: "sr25519" | "ed25519"): Promise<HotkeySigner> {
  const pair = await keypairFromSeed(seed, cryptoType);
  return createSigner(new HotkeySecret(cryptoType, hotkeyOf(pair.publicKey), pair.publicKey, pair.secretKey));
}

beforeAll(async () => {
  signer = await makeSigner("sr25519");
  edSigner = await makeSigner("ed25519");
});

const le = (value: number, bytes: number): number[] =>
  Array.from({ length: bytes }, (_, index) => Math.floor(value / 256 ** index) % 256);
const vector = (values: number[], bytes: number): number[] => {
  const n = values.length;
  return [...(n < 64 ? [n << 2] : le(n * 4 + 1, 2)), ...values.flatMap((value) => le(value, bytes))];
};
const tail = new Array<number>(85).fill(5);
const calls = {
  serve: [7, 4, ...le(1, 2), ...le(720, 4), ...le(9, 16), ...le(8091, 2), 4, 4, 0, 0],
  plain: [7, 0, ...le(1, 2), ...vector([0, 1, 2], 2), ...vector([1, 2, 65535], 2), ...le(7, 8)],
  mechanism: [
    7,
    119,
    ...le(1, 2),
    0,
    ...vector(new Array(200).fill(3), 2),
    ...vector(new Array(200).fill(4), 2),
    ...le(7, 8),
  ],
  commit: [7, 113, ...le(1, 2), ...vector(new Array(300).fill(8), 1), ...le(99, 8), ...le(4, 2)],
  mechanismCommit: [7, 118, ...le(1, 2), 0, ...vector(new Array(30).fill(8), 1), ...le(99, 8), ...le(4, 2)],
};
const payload = (call: number[], end = tail): Uint8Array => Uint8Array.from([...call, ...end]);

describe("signExtrinsic", () => {
  test("signs each call of its kind, hashing what is longer than 256 bytes", () => {
    const allowed = [
      ["serve-axon", calls.serve],
      ["set-weights", calls.plain],
      ["set-weights", calls.mechanism],
      ["commit-weights", calls.commit],
      ["commit-weights", calls.mechanismCommit],
    ] as const;
    for (const [kind, call] of allowed) {
      const bytes = payload(call);
      const signed = bytes.length > 256 ? blake2AsU8a(bytes) : bytes;
      for (const [who, scheme] of [
        [signer, 1],
        [edSigner, 0],
      ] as const) {
        const signature = who.signExtrinsic(kind, bytes);
        expect(signature[0]).toBe(scheme);
        expect(signature).toHaveLength(65);
        expect(signatureVerify(signed, signature, who.publicKey).isValid).toBe(true);
      }
    }
  });

  test("refuses a transfer, another pallet and a call of another kind", () => {
    const transfer = [5, 0, 0, ...new Array<number>(32).fill(1), 4];
    for (const call of [transfer, [...calls.plain].with(0, 8), [...calls.plain].with(1, 7), calls.serve])
      expect(() => signer.signExtrinsic("set-weights", payload(call))).toThrow("does not sign");
    expect(() => signer.signExtrinsic("serve-axon", payload(calls.plain))).toThrow("does not sign");
  });

  test("refuses a payload that is too short for its own lengths or has no tail", () => {
    for (const bytes of [
      payload(calls.plain, []),
      payload(calls.plain).subarray(0, 6),
      payload([7, 0, 1, 0, 255, 255, 255, 255]),
      new Uint8Array(0),
      Uint8Array.of(7),
    ])
      expect(() => signer.signExtrinsic("set-weights", bytes)).toThrow("does not sign");
  });
});

describe("signMinerRequest", () => {
  test("signs a dendrite message and a btauth request", () => {
    const dendrite = `1752076800000000000.${signer.hotkey}.${receiver}.5ecbd69c-1cec-11ee-b0dc-e29ce36fec1a.${"8f".repeat(32)}`;
    const btauth = [
      "btauth/1",
      "sr25519",
      "POST",
      "/generate?stream=false",
      "34".repeat(32),
      "1752076800000000000",
      signer.hotkey,
      receiver,
    ].join("\n");
    for (const message of [dendrite, btauth]) {
      const signature = signer.signMinerRequest(message);
      expect(signature).toHaveLength(64);
      expect(signatureVerify(message, signature, signer.hotkey).isValid).toBe(true);
    }
  });

  test("refuses any other text, above all the bytes of an extrinsic", () => {
    for (const message of [
      "",
      "hello",
      new TextDecoder("latin1").decode(payload(calls.plain)),
      "1.a.b.c.d\n",
    ])
      expect(() => signer.signMinerRequest(message)).toThrow("no request to a miner");
  });
});

test("a signer shows nothing of its secret", () => {
  const shown = inspect(signer, { depth: 10, showHidden: true }) + JSON.stringify(signer);
  expect(shown).not.toContain(vectors.sr25519.polkadotjs_secretKey.slice(0, 12));
  expect(Object.keys(signer).sort()).toEqual([
    "cryptoType",
    "hotkey",
    "publicKey",
    "signExtrinsic",
    "signMinerRequest",
    "signRunId",
  ]);
});

describe("ids of W&B runs", () => {
  test("are signed as they are", () => {
    for (const one of [signer, edSigner]) {
      const signature = one.signRunId("0a1b2c3d");
      expect(signatureVerify("0a1b2c3d", signature, one.hotkey).isValid).toBe(true);
    }
  });

  test.each(["", "0a1b2c3", "0a1b2c3d4", "0A1B2C3D", "0a1b2c3\n", "0a1b 2c3"])("not so %p", (id) => {
    expect(() => signer.signRunId(id)).toThrow("no id of a W&B run");
  });
});
