import type { AxonAddress } from "../base/vocabulary.ts";
import {
  type AddressFamily,
  canonicalAddress,
  familyOf,
  locateAddress,
  numberOfAddress,
} from "../net/address-ranges.ts";

export interface AddressPolicy {
  /** Loopback and private ranges may be called: local subnets only. */
  allowPrivate: boolean;
  /** Addresses of this machine's interfaces, in canonical text (`canonicalAddress`). Never called unless `allowPrivate`. */
  ownAddresses: ReadonlySet<string>;
  /**
   * Where the internet sees this validator. Others may serve behind the same address, as those of one NAT do, so that
   * only this port of it is not called.
   */
  ownEndpoint?: { address: string; port: number };
}

export type AddressJudgement =
  /** `host` without brackets; `authority` as it stands in a URL and in the Host header. */
  { ok: true; host: string; port: number; authority: string } | { ok: false; reason: string };

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
    return judgeRange(ip, 4, port, policy);
  }
  if (ipType !== 6) return refuse("unknown address type");
  if (ip < 0n || ip > MAX_V6) return refuse("IPv6 address of more than 128 bits");
  return judgeRange(ip, 6, port, policy);
}

/**
 * The chain's number and type of an address.
 * @throws RangeError when the text is not an address.
 */
export function chainAddress(text: string): { ip: bigint; ipType: 4 | 6 } {
  const canonical = canonicalAddress(text);
  if (canonical === null) throw new RangeError("not an IP address");
  return { ip: numberOfAddress(canonical), ipType: familyOf(canonical) };
}

function refuse(reason: string): AddressJudgement {
  return { ok: false, reason };
}

function accept(host: string, port: number): AddressJudgement {
  return { ok: true, host, port, authority: `${host.includes(":") ? `[${host}]` : host}:${port}` };
}

/** Refuses addresses in a special range and those of this machine; private ones may be called on a local subnet. */
function judgeRange(
  ip: bigint,
  family: AddressFamily,
  port: number,
  { allowPrivate, ownAddresses, ownEndpoint }: AddressPolicy,
): AddressJudgement {
  const { range, judged, host } = locateAddress(ip, family);
  if (range && !(range.use === "private" && allowPrivate)) return refuse(`${range.name} address`);
  if (allowPrivate) return accept(host, port);
  if (ownAddresses.has(judged)) return refuse("address of this machine");
  if (ownEndpoint?.address === judged && ownEndpoint.port === port)
    return refuse("address and port of this validator");
  return accept(host, port);
}
