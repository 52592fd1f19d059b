import { blake2AsHex, blake2AsU8a, sr25519Verify } from "@polkadot/util-crypto";
import { Failure } from "../../base/error.ts";
import { compactBig, encode, u64 } from "./codec.ts";
import { RuntimeCall, type RuntimeCallValue, type TimestampCall } from "./runtime.ts";
import { type LocalnetCode, ScaleReader, ScaleWriter } from "./scale.ts";
import { type AccountHex, fromHex, type HashHex, MultiAddress, MultiSignature } from "./types.ts";

const SIGNED_V4 = 0x84;
const BARE_V4 = 0x04;
/** Longer payloads are signed through their hash (sp_runtime SignedPayload). */
const LONGEST_RAW_PAYLOAD_BYTES = 256;

/** Immortal, or alive for `period` blocks from the block that `phase` marks. */
export type Era = { period: number; phase: number } | null;

export interface SignedExtrinsic {
  /** blake2-256 of the whole encoded extrinsic: its name in the pool. */
  hash: HashHex;
  bytes: Uint8Array;
  signer: AccountHex;
  era: Era;
  nonce: number;
  call: RuntimeCallValue;
  /** Call and extensions are what was signed, with what only the chain knows (SignContext). */
  callBytes: Uint8Array;
  extraBytes: Uint8Array;
  signature: ReturnType<typeof MultiSignature.read>;
}

/** What a signer adds to a payload from the chain: a signature is worth nothing on another chain, fork or runtime. */
export interface SignContext {
  specVersion: number;
  transactionVersion: number;
  genesisHash: HashHex;
  /** Hash of the block in which the era begins; the genesis hash for immortal ones. */
  eraBlockHash: HashHex;
}

const nonceOrTip = compactBig(u64);

/**
 * @param bytes as submitted: compact length, version, signer, signature, extensions, call.
 * @throws Failure `localnet.bad-scale` for anything that is not a signed V4 extrinsic with a call of this runtime.
 */
export function decodeExtrinsic(bytes: Uint8Array): SignedExtrinsic {
  const input = new ScaleReader(bytes);
  if (input.length() !== input.remaining) throw badExtrinsic("its length prefix is wrong");
  if (input.u8() !== SIGNED_V4) throw badExtrinsic("it is not a signed version 4 extrinsic");
  const address = MultiAddress.read(input);
  if (address.kind !== "Id") throw badExtrinsic("its signer is not an account id");
  const signature = MultiSignature.read(input);
  const extraStart = input.offset;
  const era = readEra(input);
  const nonce = Number(nonceOrTip.read(input));
  nonceOrTip.read(input); // tip: priority is the same for all here
  if (input.u8() !== 0) throw badExtrinsic("it carries a metadata hash, which this node does not check");
  const extraEnd = input.offset;
  const call = RuntimeCall.read(input);
  if (input.remaining > 0) throw badExtrinsic("bytes follow the call");
  return {
    hash: blake2AsHex(bytes, 256).slice(2),
    bytes,
    signer: address.fields[0],
    era,
    nonce,
    call,
    callBytes: bytes.slice(extraEnd),
    extraBytes: bytes.slice(extraStart, extraEnd),
    signature,
  };
}

/** Whether the signature is the signer's, over exactly this call, on exactly this chain. */
export function isSignatureValid(extrinsic: SignedExtrinsic, context: SignContext): boolean {
  const { signature } = extrinsic;
  if (signature.kind !== "Sr25519") return false; // hotkeys of the product are sr25519
  const out = new ScaleWriter();
  out.raw(extrinsic.callBytes);
  out.raw(extrinsic.extraBytes);
  out.u32(context.specVersion);
  out.u32(context.transactionVersion);
  out.raw(fromHex(context.genesisHash));
  out.raw(fromHex(context.eraBlockHash));
  out.u8(0); // no metadata hash
  const payload = out.finish();
  const message = payload.length > LONGEST_RAW_PAYLOAD_BYTES ? blake2AsU8a(payload, 256) : payload;
  return sr25519Verify(message, signature.fields[0], fromHex(extrinsic.signer));
}

/** Block in which the era that holds at `height` began (sp_runtime Era::birth). */
export const eraBirth = (era: NonNullable<Era>, height: number): number =>
  Math.floor((Math.max(height, era.phase) - era.phase) / era.period) * era.period + era.phase;

/** Two bytes: low four bits the logarithm of the period, the others the quantised phase. */
function readEra(input: ScaleReader): Era {
  const first = input.u8();
  if (first === 0) return null;
  const encoded = first | (input.u8() << 8);
  const period = 2 << (encoded % 16);
  const phase = (encoded >> 4) * Math.max(period >> 12, 1);
  if (period < 4 || phase >= period) throw badExtrinsic("its era is not valid");
  return { period, phase };
}

/** The inherent that starts every block, as extrinsic 0. */
export function timestampExtrinsic(nowMs: number): Uint8Array {
  const out = new ScaleWriter();
  out.u8(BARE_V4);
  const set = { kind: "set" as const, fields: { now: nowMs } } satisfies ReturnType<
    typeof TimestampCall.read
  >;
  out.raw(encode(RuntimeCall, { kind: "Timestamp", fields: { 0: set } }));
  const body = out.finish();
  const prefixed = new ScaleWriter();
  prefixed.bytes(body);
  return prefixed.finish();
}

function badExtrinsic(reason: string): Failure<LocalnetCode> {
  return new Failure<LocalnetCode>("localnet.bad-scale", {
    message: `Cannot decode the extrinsic: ${reason}`,
  });
}
