/** IP addresses as numbers and as text, and the ranges of them that have a purpose of their own. Pure; resolves no names. */

/**
 * What a range is for. `private`: a network of one's own. `test`: 198.18.0.0/15, for benchmarks, which some proxies hand
 * out as the address of every name. `closed`: nobody that a stranger names may be reached there.
 */
export interface SpecialRange {
  base: bigint;
  bits: number;
  use: "private" | "test" | "closed";
  name: string;
}

export type AddressFamily = 4 | 6;

function range(base: string, bits: number, use: SpecialRange["use"], name: string): SpecialRange {
  return { base: numberOfAddress(base), bits, use, name };
}

// IANA special-purpose registries (RFC 6890 and successors). Link-local stays closed on local networks too: cloud
// machines serve credentials on 169.254.169.254.
const RANGES_V4: readonly SpecialRange[] = [
  range("0.0.0.0", 8, "closed", "this network"),
  range("10.0.0.0", 8, "private", "private"),
  range("100.64.0.0", 10, "private", "carrier-grade NAT"),
  range("127.0.0.0", 8, "private", "loopback"),
  range("169.254.0.0", 16, "closed", "link-local"),
  range("172.16.0.0", 12, "private", "private"),
  range("192.0.0.0", 24, "closed", "IETF protocols"),
  range("192.0.2.0", 24, "closed", "documentation"),
  range("192.88.99.0", 24, "closed", "6to4 relay"),
  range("192.168.0.0", 16, "private", "private"),
  range("198.18.0.0", 15, "test", "benchmarks"),
  range("198.51.100.0", 24, "closed", "documentation"),
  range("203.0.113.0", 24, "closed", "documentation"),
  range("224.0.0.0", 4, "closed", "multicast"),
  range("240.0.0.0", 4, "closed", "reserved"),
];

// The first range that holds an address decides.
const RANGES_V6: readonly SpecialRange[] = [
  range("::1", 128, "private", "loopback"),
  range("::", 128, "closed", "unspecified"),
  range("64:ff9b:1::", 48, "closed", "local translation"),
  range("100::", 64, "closed", "discard"),
  range("2001::", 23, "closed", "IETF protocols"),
  range("2001:db8::", 32, "closed", "documentation"),
  range("3fff::", 20, "closed", "documentation"),
  range("5f00::", 16, "closed", "segment routing"),
  range("fc00::", 7, "private", "unique local"),
  range("fe80::", 10, "closed", "link-local"),
  range("fec0::", 10, "closed", "site-local"),
  range("ff00::", 8, "closed", "multicast"),
  // All that is not 2000::/3, the only part given out for unicast.
  range("::", 3, "closed", "unassigned"),
  range("4000::", 2, "closed", "unassigned"),
  range("8000::", 1, "closed", "unassigned"),
];

// IPv6 ranges that carry an IPv4 address, which is judged in their place. `shift`: bits to the right of it.
const MAPPED = { base: numberOfAddress("::ffff:0:0"), bits: 96, shift: 0n };
const NAT64 = { base: numberOfAddress("64:ff9b::"), bits: 96, shift: 0n };
const SIX_TO_FOUR = { base: numberOfAddress("2002::"), bits: 16, shift: 80n };

const MAX_V4 = 0xffff_ffffn;

export interface LocatedAddress {
  /** The special range that holds the address; undefined for a public one. */
  range: SpecialRange | undefined;
  /** The address that was judged: of an IPv6 address that carries an IPv4 address, the latter. */
  judged: string;
  /** The address to connect to. IPv4 that was merely written as IPv6 is IPv4 again; a translated one stays. */
  host: string;
}

/** @param ip of at most 32 bits for family 4, and of 128 for family 6. */
export function locateAddress(ip: bigint, family: AddressFamily): LocatedAddress {
  if (family === 4) {
    const text = textOfV4(ip);
    return { range: rangeIn(RANGES_V4, ip, 32), judged: text, host: text };
  }
  for (const wrapper of [MAPPED, NAT64, SIX_TO_FOUR]) {
    if (!isIn(ip, wrapper, 128)) continue;
    const inner = (ip >> wrapper.shift) & MAX_V4;
    const judged = textOfV4(inner);
    return {
      range: rangeIn(RANGES_V4, inner, 32),
      judged,
      host: wrapper === MAPPED ? judged : textOfV6(ip),
    };
  }
  const text = textOfV6(ip);
  return { range: rangeIn(RANGES_V6, ip, 128), judged: text, host: text };
}

/** An address in the one spelling that is compared; null when the text is not an address. */
export function canonicalAddress(text: string): string | null {
  const bare = text.trim().replace(/^\[|\]$/g, "");
  if (/^\d{1,3}(?:\.\d{1,3}){3}$/.test(bare) && bare.split(".").every((part) => Number(part) <= 255))
    return bare.split(".").map(Number).join(".");
  if (!bare.includes(":") || !URL.canParse(`http://[${bare}]/`)) return null;
  return textOfV6(numberOfAddress(bare));
}

export function familyOf(address: string): AddressFamily {
  return address.includes(":") ? 6 : 4;
}

/** Number of an address whose text is known to be valid. */
export function numberOfAddress(text: string): bigint {
  if (!text.includes(":")) return text.split(".").reduce((sum, part) => (sum << 8n) | BigInt(part), 0n);
  // The URL parser writes every IPv6 spelling as hexadecimal groups with at most one "::".
  const groups = new URL(`http://[${text}]/`).hostname.slice(1, -1);
  const [head = "", tail] = groups.split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const all = [...left, ...Array<string>(8 - left.length - right.length).fill("0"), ...right];
  return all.reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n);
}

function rangeIn(ranges: readonly SpecialRange[], ip: bigint, width: 32 | 128): SpecialRange | undefined {
  return ranges.find((candidate) => isIn(ip, candidate, width));
}

function isIn(ip: bigint, { base, bits }: { base: bigint; bits: number }, width: number): boolean {
  const shift = BigInt(width - bits);
  return ip >> shift === base >> shift;
}

function textOfV4(ip: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => (ip >> shift) & 0xffn).join(".");
}

function textOfV6(ip: bigint): string {
  const groups = [112n, 96n, 80n, 64n, 48n, 32n, 16n, 0n].map((shift) =>
    ((ip >> shift) & 0xffffn).toString(16),
  );
  return new URL(`http://[${groups.join(":")}]/`).hostname.slice(1, -1);
}
