import { networkInterfaces } from "node:os";
import { canonicalAddress } from "../net/address-ranges.ts";

/** Addresses of this machine's interfaces, in the spelling of `canonicalAddress`. */
export function readOwnAddresses(): Set<string> {
  const texts = Object.values(networkInterfaces()).flatMap((entries) =>
    (entries ?? []).map(({ address }) => address),
  );
  return new Set(texts.map(canonicalAddress).filter((address) => address !== null));
}
