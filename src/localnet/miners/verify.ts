import { decodeAddress, sr25519Verify } from "@polkadot/util-crypto";
import { signedMessage } from "../../miners/synapse-request.ts";

/** What a caller claims in its headers. */
export interface Caller {
  hotkey: string;
  uuid: string;
  nonce: bigint;
  version: number;
  signature: Uint8Array;
  timeoutMs: number;
  /** As the caller computed it; compared with the body's own hash afterwards. */
  bodyHash: string;
}

const NS_PER_MS = 1_000_000n;
/** Clock difference the SDK allows. */
const ALLOWED_DELTA_NS = 4_000_000_000n;
/** From this SDK version on a nonce is a time. Older callers are not served: their nonce proves no freshness. */
const FIRST_TIMED_VERSION = 7_002_000;
/** Most callers a miner remembers; the one it heard from least recently goes. */
const MAX_REMEMBERED = 1024;
const HOTKEY = /^5[1-9A-HJ-NP-Za-km-z]{47}$/;
const MAX_TIMEOUT_S = 600;

/** The caller of a request; the reason when a header is missing or malformed. */
export function readCaller(headers: Headers): Caller | string {
  const hotkey = headers.get("bt_header_dendrite_hotkey") ?? "";
  const uuid = headers.get("bt_header_dendrite_uuid") ?? "";
  const nonce = headers.get("bt_header_dendrite_nonce") ?? "";
  const signature = headers.get("bt_header_dendrite_signature") ?? "";
  const version = headers.get("bt_header_dendrite_version") ?? "";
  const timeout = Number(headers.get("timeout") ?? Number.NaN);
  if (!HOTKEY.test(hotkey)) return "No hotkey";
  if (uuid === "" || uuid.length > 64) return "No uuid";
  if (!/^\d{1,20}$/.test(nonce)) return "Missing Nonce";
  if (!/^0x[0-9a-f]{128}$/i.test(signature)) return "Missing Signature";
  if (!/^\d{1,10}$/.test(version)) return "No version";
  if (!(timeout > 0 && timeout <= MAX_TIMEOUT_S)) return "No timeout";
  return {
    hotkey,
    uuid,
    nonce: BigInt(nonce),
    version: Number(version),
    signature: new Uint8Array(Buffer.from(signature.slice(2), "hex")),
    timeoutMs: timeout * 1000,
    bodyHash: headers.get("computed_body_hash") ?? "",
  };
}

/**
 * The checks of the SDK's `default_verify`, stricter in two points: a signature is required, and a nonce from the
 * future is refused. One object per miner.
 */
export class CallerCheck {
  readonly #receiver: string;
  readonly #nowMs: () => number;
  /** Last nonce by hotkey and uuid, the least recent first. */
  readonly #nonces = new Map<string, bigint>();

  constructor(receiver: string, nowMs: () => number = Date.now) {
    this.#receiver = receiver;
    this.#nowMs = nowMs;
  }

  /** Why the caller is not believed; undefined when it is, and its nonce is then used up. */
  refuse(caller: Caller): string | undefined {
    const key = `${caller.hotkey}:${caller.uuid}`;
    const last = this.#nonces.get(key);
    const now = BigInt(Math.trunc(this.#nowMs())) * NS_PER_MS;
    if (caller.version < FIRST_TIMED_VERSION) return "Dendrite version is too old";
    const oldest = now - ALLOWED_DELTA_NS - BigInt(Math.trunc(caller.timeoutMs)) * NS_PER_MS;
    if (caller.nonce <= oldest) return "Nonce is too old";
    if (caller.nonce > now + ALLOWED_DELTA_NS) return "Nonce is in the future";
    if (last !== undefined && caller.nonce <= last) return "Nonce was used before";
    if (!this.#isSigned(caller)) return "Signature mismatch";
    this.#nonces.delete(key);
    this.#nonces.set(key, caller.nonce);
    if (this.#nonces.size > MAX_REMEMBERED) this.#nonces.delete(this.#nonces.keys().next().value!);
    return undefined;
  }

  #isSigned(caller: Caller): boolean {
    const message = signedMessage({
      nonce: caller.nonce,
      sender: caller.hotkey,
      receiver: this.#receiver,
      uuid: caller.uuid,
      bodyHash: caller.bodyHash,
    });
    try {
      return sr25519Verify(message, caller.signature, decodeAddress(caller.hotkey));
    } catch {
      // A hotkey whose checksum is wrong cannot be decoded.
      return false;
    }
  }
}
