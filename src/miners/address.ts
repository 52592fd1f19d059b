/** Where a miner says it serves, as the chain stores it. */
export interface AxonAddress {
  /** u128; an IPv4 address is in the low 32 bits. */
  ip: bigint;
  /** 4 or 6. */
  ipType: number;
  port: number;
}

export interface AddressPolicy {
  /** Loopback and private ranges may be called: local subnets only. */
  allowPrivate: boolean;
  /** Addresses of this machine, in canonical text (`canonicalAddress`). Never called unless `allowPrivate`. */
  ownAddresses: ReadonlySet<string>;
}

export type AddressJudgement =
  /** `host` without brackets; `authority` as it stands in a URL and in the Host header. */
  { ok: true; host: string; port: number; authority: string } | { ok: false; reason: string };

/** A range that is closed to miners; `private` ones open on a local subnet. */
interface Range {
  base: bigint;
  bits: number;
  rule: "never" | "private";
  name: string;
}

function range(base: string, bits: number, rule: Range["rule"], name: string): Range {
  return { base: ipOf(base), bits, rule, name };
}

// IANA special-purpose registries (RFC 6890 and successors). Link-local stays closed on local subnets too: cloud
// machines serve credentials on 169.254.169.254.
const RANGES_V4: readonly Range[] = [
  range("0.0.0.0", 8, "never", "this network"),
  range("10.0.0.0", 8, "private", "private"),
  range("100.64.0.0", 10, "private", "carrier-grade NAT"),
  range("127.0.0.0", 8, "private", "loopback"),
  range("169.254.0.0", 16, "never", "link-local"),
  range("172.16.0.0", 12, "private", "private"),
  range("192.0.0.0", 24, "never", "IETF protocols"),
  range("192.0.2.0", 24, "never", "documentation"),
  range("192.88.99.0", 24, "never", "6to4 relay"),
  range("192.168.0.0", 16, "private", "private"),
  range("198.18.0.0", 15, "never", "benchmarks"),
  range("198.51.100.0", 24, "never", "documentation"),
  range("203.0.113.0", 24, "never", "documentation"),
  range("224.0.0.0", 4, "never", "multicast"),
  range("240.0.0.0", 4, "never", "reserved"),
];

// The first range that holds an address decides.
const RANGES_V6: readonly Range[] = [
  range("::1", 128, "private", "loopback"),
  range("::", 128, "never", "unspecified"),
  range("64:ff9b:1::", 48, "never", "local translation"),
  range("100::", 64, "never", "discard"),
  range("2001::", 23, "never", "IETF protocols"),
  range("2001:db8::", 32, "never", "documentation"),
  range("3fff::", 20, "never", "documentation"),
  range("5f00::", 16, "never", "segment routing"),
  range("fc00::", 7, "private", "unique local"),
  range("fe80::", 10, "never", "link-local"),
  range("fec0::", 10, "never", "site-local"),
  range("ff00::", 8, "never", "multicast"),
  // All that is not 2000::/3, the only part given out for unicast.
  range("::", 3, "never", "unassigned"),
  range("4000::", 2, "never", "unassigned"),
  range("8000::", 1, "never", "unassigned"),
];

// IPv6 ranges that carry an IPv4 address, which is judged in their place. `shift`: bits to the right of it.
const MAPPED = { base: ipOf("::ffff:0:0"), bits: 96, shift: 0n };
const NAT64 = { base: ipOf("64:ff9b::"), bits: 96, shift: 0n };
const SIX_TO_FOUR = { base: ipOf("2002::"), bits: 16, shift: 80n };

// "Bad ports" of the WHATWG fetch standard: services that a POST from a stranger's choice could confuse.
const BAD_PORTS: ReadonlySet<number> = new Set([
  1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104,
  109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515,
  526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049,
  3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
  // Not on that list but as bad: Docker, etcd, Redis, Elasticsearch, memcached, and the ports of a subtensor node.
  2375,
  2379, 6379, 9200, 11211, 9933, 9944, 30333,
]);

const MAX_V4 = 0xffff_ffffn;
const MAX_V6 = (1n << 128n) - 1n;

/**
 * Decides whether an address that a stranger put on the chain may be called. The chain itself only refuses
 * 127.0.0.1 and ::1, so a miner could aim the validator at the operator's own network. Pure; no names are resolved.
 */
export function judgeAddress(axon: AxonAddress, policy: AddressPolicy): AddressJudgement {
  const { ip, ipType, port } = axon;
  if (ip === 0n) return refuse("no address");
  if (!Number.isInteger(port) || port < 1 || port > 65_535) return refuse("no port");
  if (BAD_PORTS.has(port)) return refuse(`port ${port} belongs to another service`);
  if (ipType === 4) {
    if (ip < 0n || ip > MAX_V4) return refuse("IPv4 address of more than 32 bits");
    return judgeRanges(ip, 32, RANGES_V4, policy) ?? accept(textOfV4(ip), port);
  }
  if (ipType !== 6) return refuse("unknown address type");
  if (ip < 0n || ip > MAX_V6) return refuse("IPv6 address of more than 128 bits");
  for (const wrapper of [MAPPED, NAT64, SIX_TO_FOUR]) {
    if (!isIn(ip, wrapper, 128)) continue;
    const inner = (ip >> wrapper.shift) & MAX_V4;
    const host = wrapper === MAPPED ? textOfV4(inner) : textOfV6(ip);
    return judgeRanges(inner, 32, RANGES_V4, policy) ?? accept(host, port);
  }
  return judgeRanges(ip, 128, RANGES_V6, policy) ?? accept(textOfV6(ip), port);
}

/** An address in the one spelling this room compares; null when the text is not an address. */
export function canonicalAddress(text: string): string | null {
  const bare = text.trim().replace(/^\[|\]$/g, "");
  if (/^\d{1,3}(?:\.\d{1,3}){3}$/.test(bare) && bare.split(".").every((part) => Number(part) <= 255))
    return bare.split(".").map(Number).join(".");
  if (!bare.includes(":") || !URL.canParse(`http://[${bare}]/`)) return null;
  return textOfV6(ipOf(bare));
}

/**
 * The chain's number and type of an address.
 * @throws RangeError when the text is not an address.
 */
export function chainAddress(text: string): { ip: bigint; ipType: 4 | 6 } {
  const canonical = canonicalAddress(text);
  if (canonical === null) throw new RangeError("not an IP address");
  return { ip: ipOf(canonical), ipType: canonical.includes(":") ? 6 : 4 };
}

function refuse(reason: string): AddressJudgement {
  return { ok: false, reason };
}

function accept(host: string, port: number): AddressJudgement {
  return { ok: true, host, port, authority: `${host.includes(":") ? `[${host}]` : host}:${port}` };
}

/** The refusal of an address in a closed range or of this machine; undefined when it may be called. */
function judgeRanges(
  ip: bigint,
  width: 32 | 128,
  ranges: readonly Range[],
  policy: AddressPolicy,
): AddressJudgement | undefined {
  const closed = ranges.find((candidate) => isIn(ip, candidate, width));
  if (closed && !(closed.rule === "private" && policy.allowPrivate)) return refuse(`${closed.name} address`);
  const text = width === 32 ? textOfV4(ip) : textOfV6(ip);
  if (!policy.allowPrivate && policy.ownAddresses.has(text)) return refuse("address of this machine");
  return undefined;
}

function isIn(ip: bigint, { base, bits }: { base: bigint; bits: number }, width: number): boolean {
  const shift = BigInt(width - bits);
  return ip >> shift === base >> shift;
}

/** Number of an address whose text is known to be valid. */
function ipOf(text: string): bigint {
  if (!text.includes(":")) return text.split(".").reduce((sum, part) => (sum << 8n) | BigInt(part), 0n);
  // The URL parser writes every IPv6 spelling as hexadecimal groups with at most one "::".
  const groups = new URL(`http://[${text}]/`).hostname.slice(1, -1);
  const [head = "", tail] = groups.split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const all = [...left, ...Array<string>(8 - left.length - right.length).fill("0"), ...right];
  return all.reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n);
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
