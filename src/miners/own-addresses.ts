import { networkInterfaces } from "node:os";
import { canonicalAddress } from "../net/address-ranges.ts";

/** Addresses of this machine's interfaces and the one it is reached at from outside, for `AddressPolicy`. */
export function readOwnAddresses(externalIp?: string): Set<string> {
  const texts = Object.values(networkInterfaces()).flatMap((entries) =>
    (entries ?? []).map((e) => e.address),
  );
  if (externalIp !== undefined) texts.push(externalIp);
  return new Set(texts.map(canonicalAddress).filter((address) => address !== null));
}
