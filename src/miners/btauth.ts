import { createHash } from "node:crypto";

/** Signature schemes of btauth/1, the request signing of bittensor 11. */
export type BtauthScheme = "sr25519" | "ed25519";

export interface BtauthRequest {
  scheme: BtauthScheme;
  method: string;
  /** Percent-encoded path and query, exactly as sent. */
  target: string;
  body: Uint8Array | string;
  /** Unix nanoseconds; a new one for every attempt. */
  nonce: bigint | string;
  sender: string;
  /** Servers refuse a request that is not bound to them by default. */
  receiver?: string | undefined;
}

/** The bytes that are signed, unwrapped: eight lines without a line break at the end. */
export function btauthPayload(request: BtauthRequest): string {
  return [
    "btauth/1",
    request.scheme,
    request.method.toUpperCase(),
    request.target,
    createHash("sha256").update(request.body).digest("hex"),
    String(request.nonce),
    request.sender,
    request.receiver ?? "-",
  ].join("\n");
}

export function btauthHeaders(request: BtauthRequest, signature: Uint8Array): Record<string, string> {
  return {
    "x-bittensor-version": "1",
    "x-bittensor-hotkey": request.sender,
    ...(request.receiver === undefined ? {} : { "x-bittensor-receiver": request.receiver }),
    "x-bittensor-nonce": String(request.nonce),
    // The usual scheme is not named.
    ...(request.scheme === "sr25519" ? {} : { "x-bittensor-crypto": request.scheme }),
    "x-bittensor-signature": `0x${Buffer.from(signature).toString("hex")}`,
  };
}
