import { beforeAll, describe, expect, test } from "bun:test";
import { inspect } from "node:util";
import { blake2AsU8a, signatureVerify } from "@polkadot/util-crypto";
import fc from "fast-check";
import type { Failure } from "../../src/base/error.ts";
import { hotkeyOf, keypairFromSeed } from "../../src/wallet/keypair.ts";
import type { PayloadKind, TextKind } from "../../src/wallet/payloads.ts";
import { KeySecret } from "../../src/wallet/secret.ts";
import { createSigner, type HotkeySigner } from "../../src/wallet/signer.ts";
import vectors from "../golden/chain-vectors.json";

const seed = Uint8Array.fromHex(vectors.sr25519.mini_secret);
const receiver = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";
let signer: HotkeySigner;
let edSigner: HotkeySigner;

async function makeSigner(cryptoType: "sr25519" | "ed25519"): Promise<HotkeySigner> {
  const pair = await keypairFromSeed(seed, cryptoType);
  return createSigner(new KeySecret(cryptoType, hotkeyOf(pair.publicKey), pair.publicKey, pair.secretKey));
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

const UUID = "5ecbd69c-1cec-11ee-b0dc-e29ce36fec1a";
/** One text of each kind, in the name of a hotkey. */
const textsOf = (sender: string) =>
  ({
    dendrite: `1752076800000000000.${sender}.${receiver}.${UUID}.${"8f".repeat(32)}`,
    btauth: [
      "btauth/1",
      "sr25519",
      "POST",
      "/generate?stream=false",
      "34".repeat(32),
      "1752076800000000000",
      sender,
      receiver,
    ].join("\n"),
    epistula: `${"5e".repeat(32)}.${UUID}.1752076800123.${receiver}`,
    "run-id": "0a1b2c3d",
  }) satisfies Record<TextKind, string>;

describe("signMinerRequest", () => {
  test("signs a dendrite message, a btauth request and the message of Epistula", () => {
    const { dendrite, btauth, epistula } = textsOf(signer.hotkey);
    for (const message of [dendrite, btauth, epistula, epistula.replace(receiver, "")]) {
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

  test("refuses a request in the name of another hotkey", () => {
    const { dendrite, btauth } = textsOf(receiver);
    for (const message of [dendrite, btauth])
      expect(() => signer.signMinerRequest(message)).toThrow("in the name of another hotkey");
  });
});

describe("what is signed", () => {
  /** One payload of each kind, with the only way to have it signed. */
  const kinds = {
    ...textsOf(""),
    "serve-axon": payload(calls.serve),
    "set-weights": payload(calls.plain),
    "commit-weights": payload(calls.commit),
  } satisfies Record<PayloadKind, string | Uint8Array>;
  const EXTRINSICS = ["serve-axon", "set-weights", "commit-weights"] as const;
  /** The kinds as which a payload is signed, tried in every way there is. */
  const signedAs = (bytes: Uint8Array): string[] => {
    const text = new TextDecoder("latin1").decode(bytes);
    const tries: [string, () => void][] = [
      ["a request", () => signer.signMinerRequest(text)],
      ["run-id", () => signer.signRunId(text)],
      ...EXTRINSICS.map((kind): [string, () => void] => [kind, () => signer.signExtrinsic(kind, bytes)]),
    ];
    return tries.flatMap(([name, sign]) => {
      try {
        sign();
        return [name];
      } catch (error) {
        expect((error as Failure).code).toBe("wallet.refused-payload");
        return [];
      }
    });
  };

  test("of each kind is signed as that kind alone", () => {
    const bytesOf = (value: string | Uint8Array): Uint8Array =>
      typeof value === "string" ? new TextEncoder().encode(value) : value;
    const all = { ...kinds, ...textsOf(signer.hotkey) };
    for (const [kind, value] of Object.entries(all)) {
      const name = ["dendrite", "btauth", "epistula"].includes(kind) ? "a request" : kind;
      expect([kind, signedAs(bytesOf(value))]).toEqual([kind, [name]]);
    }
  });

  test("is nothing else: no bytes, no text, and no text of a kind with something before or behind it", () => {
    const texts = Object.values(textsOf(signer.hotkey)).map((text) => new TextEncoder().encode(text));
    const anything = fc.oneof(
      fc.uint8Array({ maxLength: 400 }),
      fc.string({ maxLength: 200 }).map((text) => new TextEncoder().encode(text)),
      // A nonce may have one digit more, and an address one letter.
      fc
        .tuple(fc.constantFrom(0, 7, 10, 32, 46, 120, 255), fc.constantFrom(...texts), fc.boolean())
        .map(([byte, text, isBefore]) =>
          isBefore ? Uint8Array.of(byte, ...text) : Uint8Array.of(...text, byte === 120 ? 48 : byte),
        ),
      // Other calls of the pallet, and other pallets, with arguments that fit.
      fc
        .tuple(fc.nat(255), fc.nat(255), fc.uint8Array({ minLength: 90, maxLength: 200 }))
        .filter(([pallet, call]) => pallet !== 7 || ![0, 4, 113, 118, 119].includes(call))
        .map(([pallet, call, more]) => Uint8Array.of(pallet, call, ...more)),
    );
    fc.assert(
      fc.property(anything, (bytes) => {
        // Eight letters are an id of a run, whoever thinks of them.
        fc.pre(!/^[0-9a-z]{8}$/.test(String.fromCharCode(...bytes)));
        expect(signedAs(bytes)).toEqual([]);
      }),
      { numRuns: 500 },
    );
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
