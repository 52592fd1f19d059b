import { createHash } from "node:crypto";

/** A request signed as Epistula v2, which several subnets used beside or after the synapse protocol. */
export interface EpistulaRequest {
  /** Exactly the bytes that are sent. */
  body: Uint8Array | string;
  /** Unix milliseconds; receivers take 8 s. */
  timestampMs: number | string;
  uuid: string;
  sender: string;
  receiver?: string | undefined;
}

/** The text that is signed. Without a receiver its place stays empty and the last point stays. */
export function epistulaMessage(request: EpistulaRequest): string {
  const hash = createHash("sha256").update(request.body).digest("hex");
  return `${hash}.${request.uuid}.${request.timestampMs}.${request.receiver ?? ""}`;
}

export function epistulaHeaders(request: EpistulaRequest, signature: Uint8Array): Record<string, string> {
  return {
    "epistula-version": "2",
    "epistula-timestamp": String(request.timestampMs),
    "epistula-uuid": request.uuid,
    "epistula-signed-by": request.sender,
    ...(request.receiver === undefined ? {} : { "epistula-signed-for": request.receiver }),
    "epistula-request-signature": `0x${Buffer.from(signature).toString("hex")}`,
  };
}
