import { beforeAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { hexToU8a, stringToU8a } from "@polkadot/util";
import {
  cryptoWaitReady,
  decodeAddress,
  ed25519PairFromSeed,
  ed25519Sign,
  ed25519Verify,
  keyExtractSuri,
  keyFromPath,
  mnemonicToMiniSecret,
  sr25519Verify,
} from "@polkadot/util-crypto";
import { isFailure } from "../../src/base/error.ts";
import { exitCodeOf } from "../../src/cli/exit-codes.ts";
import { type BtauthScheme, btauthHeaders, btauthPayload } from "../../src/miners/btauth.ts";
import { epistulaHeaders, epistulaMessage } from "../../src/miners/epistula.ts";
import { pythonRepr, pythonSeconds, pythonText } from "../../src/miners/pyrepr.ts";
import {
  bodyHash,
  buildRequest,
  hashSafe,
  requireUsableKey,
  signedMessage,
} from "../../src/miners/synapse-request.ts";
import vectors from "../golden/wire-vectors.json";

const ALICE = vectors.keys.alice_sr25519;
const BOB = vectors.keys.bob_sr25519;

beforeAll(async () => {
  await cryptoWaitReady();
});

function isSignedBy(address: string, message: string, signature: string): boolean {
  return sr25519Verify(stringToU8a(message), hexToU8a(signature), decodeAddress(address));
}

describe("Python text of a value", () => {
  test.each(vectors.pyrepr as [string, string][])("repr(%j) is the same as in Python", (text, repr) => {
    expect(pythonRepr(text)).toBe(repr);
  });

  test.each(Object.entries(vectors.bodyhash))("body hash %s is the SDK's", (_, vector) => {
    expect(vector.values.map(pythonText)).toEqual(vector.reprs);
    expect(bodyHash(vector.values)).toBe(vector.body_hash);
  });

  test.each([
    [10_000, "10.0"],
    [1500, "1.5"],
    [12_345, "12.345"],
    [100, "0.1"],
  ])("%d ms are written as Python writes the seconds", (ms, text) => {
    expect(pythonSeconds(ms)).toBe(text);
  });
});

describe("synapse requests", () => {
  test.each(vectors.axon)("$name: hash, message and signature agree", (vector) => {
    const fields = { roles: vector.roles, messages: vector.messages };
    const hash = bodyHash(vector.hash_fields.map((name) => fields[name as keyof typeof fields]));
    expect(hash).toBe(vector.body_hash);
    const message = signedMessage({ ...vector, sender: ALICE, receiver: BOB, bodyHash: hash });
    expect(message).toBe(vector.message);
    expect(isSignedBy(ALICE, message, vector.signature)).toBe(true);
    expect(isSignedBy(BOB, message, vector.signature)).toBe(false);
  });

  const apostrophe = vectors.axon[1]!;
  const signed: string[] = [];
  const request = (nonce = BigInt(apostrophe.nonce)) =>
    buildRequest({
      signer: {
        hotkey: ALICE,
        signMinerRequest: (message) => {
          signed.push(message);
          return hexToU8a(apostrophe.signature);
        },
      },
      axon: { ip: "198.51.100.7", port: 8091, hotkey: BOB },
      prompt: { roles: apostrophe.roles, messages: apostrophe.messages },
      timeoutMs: 10_000,
      nonce,
      uuid: apostrophe.uuid,
      externalIp: "203.0.113.5",
    });

  test("headers are those that the SDK 10.2.0 sends", () => {
    const { headers, path } = request();
    const { header_size, total_size, ...rest } = headers;
    expect(path).toBe("/Prompting");
    expect(Number(header_size)).toBeGreaterThan(0);
    expect(Number(total_size)).toBeGreaterThan(Number(header_size));
    expect(rest).toEqual({
      name: "Prompting",
      timeout: "10.0",
      bt_header_axon_ip: "198.51.100.7",
      bt_header_axon_port: "8091",
      bt_header_axon_hotkey: BOB,
      bt_header_dendrite_ip: "203.0.113.5",
      bt_header_dendrite_version: "10002000",
      bt_header_dendrite_nonce: "1752076800000000000",
      bt_header_dendrite_uuid: "5ecbd69c-1cec-11ee-b0dc-e29ce36fec1a",
      bt_header_dendrite_hotkey: ALICE,
      bt_header_dendrite_signature: apostrophe.signature,
      bt_header_input_obj_roles: "W10=",
      bt_header_input_obj_messages: "W10=",
      computed_body_hash: "60f33c39c211d254ab6586a140069e06b1f2e78914afa92b65028c3e40ac1035",
      "content-type": "application/json",
    });
    expect(signed.at(-1)).toBe(apostrophe.message);
  });

  test("the body is JSON in the SDK's order, with the nonce as an exact integer", () => {
    const text = request(1_752_076_800_000_000_001n).body.toString("utf8");
    expect(text).toContain('"nonce":1752076800000000001,');
    const body = JSON.parse(text);
    expect(Object.keys(body)).toEqual([
      "name",
      "timeout",
      "total_size",
      "header_size",
      "dendrite",
      "axon",
      "computed_body_hash",
      "required_hash_fields",
      "roles",
      "messages",
      "completion",
    ]);
    expect(Object.keys(body.dendrite)).toEqual(Object.keys(body.axon));
    expect(body.axon).toMatchObject({ ip: "198.51.100.7", port: 8091, hotkey: BOB, status_code: null });
    expect(body.messages).toEqual(apostrophe.messages);
  });

  test("a prompt is made to hash the same under every Python", () => {
    expect(hashSafe("a\u200bb\u00a0c\u2028d\ud800e\ue000f\u{f0000}g\u3000h\nI\t")).toBe(
      "ab c d\ufffdefg h\nI\t",
    );
    expect(hashSafe("日本語 🙂 café “quotes”")).toBe("日本語 🙂 café “quotes”");
  });
});

describe("other signing schemes", () => {
  test.each(vectors.btauth)("btauth/1 $scheme $target: payload and signature agree", (vector) => {
    const scheme = vector.scheme as BtauthScheme;
    const sender = scheme === "ed25519" ? vectors.keys.alice_ed25519 : ALICE;
    const request = { ...vector, scheme, nonce: "1752076800000000000", sender, receiver: BOB };
    const payload = btauthPayload(request);
    expect(payload).toBe(vector.payload);
    const verify = scheme === "ed25519" ? ed25519Verify : sr25519Verify;
    const signature = hexToU8a(vector.signature);
    expect(verify(stringToU8a(payload), signature, decodeAddress(sender))).toBe(true);
    expect(verify(stringToU8a(`${payload}\n`), signature, decodeAddress(sender))).toBe(false);
    expect(btauthHeaders(request, signature)).toEqual({
      "x-bittensor-version": "1",
      "x-bittensor-hotkey": sender,
      "x-bittensor-receiver": BOB,
      "x-bittensor-nonce": "1752076800000000000",
      ...(scheme === "ed25519" ? { "x-bittensor-crypto": "ed25519" } : {}),
      "x-bittensor-signature": vector.signature,
    });
  });

  test("btauth/1 ed25519: the deterministic signature is reproduced bit for bit", () => {
    const { phrase, path } = keyExtractSuri(
      "bottom drive obey lake curtain smoke basket hold race lonely fit walk//Alice",
    );
    const pair = keyFromPath(ed25519PairFromSeed(mnemonicToMiniSecret(phrase)), path, "ed25519");
    const vector = vectors.btauth.find(({ deterministic }) => deterministic)!;
    expect(ed25519Sign(stringToU8a(vector.payload), pair)).toEqual(hexToU8a(vector.signature));
  });

  test("btauth/1: a request without a receiver names none", () => {
    const request = {
      scheme: "sr25519",
      method: "get",
      target: "/",
      body: "",
      nonce: 1n,
      sender: ALICE,
    } as const;
    expect(btauthPayload(request).split("\n").at(-1)).toBe("-");
    expect(btauthPayload(request).split("\n")[2]).toBe("GET");
    expect(btauthHeaders(request, new Uint8Array(64))).not.toContainKey("x-bittensor-receiver");
  });

  test("Epistula v2: message, signature and headers agree", () => {
    const vector = vectors.epistula_v2;
    const request = {
      body: vector.body,
      timestampMs: vector.timestamp,
      uuid: vector.uuid,
      sender: ALICE,
      receiver: vector.signed_for,
    };
    expect(epistulaMessage(request)).toBe(vector.message);
    expect(isSignedBy(ALICE, epistulaMessage(request), vector.signature)).toBe(true);
    expect(epistulaHeaders(request, hexToU8a(vector.signature))).toEqual({
      "epistula-version": "2",
      "epistula-timestamp": "1752076800123",
      "epistula-uuid": vector.uuid,
      "epistula-signed-by": ALICE,
      "epistula-signed-for": BOB,
      "epistula-request-signature": vector.signature,
    });
    expect(epistulaMessage({ ...request, receiver: undefined }).endsWith(".1752076800123.")).toBe(true);
  });

  test("Apex 4: the recorded signature is over hash, timestamp and an empty receiver", () => {
    const { body, message, signature, timestamp } = vectors.apex_v4;
    expect(message).toBe(`${createHash("sha256").update(body).digest("hex")}.${timestamp}.`);
    expect(isSignedBy(ALICE, message, signature)).toBe(true);
  });

  test("gRPC of SDK 5: the recorded signature is over the message without a body hash", () => {
    const { message, metadata } = vectors.grpc_v5;
    const [nonce, sender, signature, uuid] = metadata["bittensor-signature"].split(".") as [
      string,
      string,
      string,
      string,
    ];
    expect(message).toBe(`${nonce}.${sender}.${BOB}.${uuid}`);
    expect(isSignedBy(sender, message, signature)).toBe(true);
  });
});

test("a hotkey whose signatures no miner takes is refused before anything is opened, with exit code 78", () => {
  expect(() => requireUsableKey({ hotkey: "5x", cryptoType: "sr25519" })).not.toThrow();
  try {
    requireUsableKey({ hotkey: "5x", cryptoType: "ed25519" });
    throw new Error("must be refused");
  } catch (error) {
    expect(isFailure(error, "miners.unusable-key")).toBe(true);
    expect(exitCodeOf(error)).toBe(78);
  }
});
