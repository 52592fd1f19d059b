import { lookup } from "node:dns/promises";
import { BlockList, isIP } from "node:net";

/** Finds the addresses of a host name; none where it cannot be resolved here, as behind a proxy. */
export type Resolve = (host: string) => Promise<string[]>;

/** Where an answer comes from: anybody's network, our own, or a place that never serves models. */
type Place = "public" | "private" | "closed";

// IANA special-purpose registries (RFC 6890).
const PRIVATE = blockList(
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["172.16.0.0", 12],
  ["192.168.0.0", 16],
  ["::1", 128],
  ["fc00::", 7],
);
// Link-local: cloud machines serve credentials on 169.254.169.254.
const CLOSED = blockList(
  ["0.0.0.0", 8],
  ["169.254.0.0", 16],
  ["224.0.0.0", 3],
  ["::", 128],
  ["fe80::", 10],
  ["ff00::", 8],
);
/** IPv4 written as IPv6, by a URL parser in hexadecimal: ::ffff:7f00:1. */
const MAPPED = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/i;

function blockList(...ranges: [base: string, bits: number][]): BlockList {
  const list = new BlockList();
  for (const [base, bits] of ranges) list.addSubnet(base, bits, isIP(base) === 4 ? "ipv4" : "ipv6");
  return list;
}

/** The place of a host; of several addresses, the most closed one counts. */
export async function placeOf({ hostname }: URL, resolve: Resolve = resolveName): Promise<Place> {
  const host = hostname.replace(/^\[|\]$/g, "");
  const places = (isIP(host) ? [host] : await resolve(host)).map(placeOfAddress);
  return (
    places.find((place) => place === "closed") ?? places.find((place) => place === "private") ?? "public"
  );
}

function placeOfAddress(address: string): Place {
  const mapped = MAPPED.exec(address);
  if (mapped) {
    const bits = Number.parseInt(mapped[1]!, 16) * 0x10000 + Number.parseInt(mapped[2]!, 16);
    return placeOfAddress([24, 16, 8, 0].map((shift) => (bits >>> shift) & 255).join("."));
  }
  const family = isIP(address) === 4 ? "ipv4" : "ipv6";
  if (CLOSED.check(address, family)) return "closed";
  return PRIVATE.check(address, family) ? "private" : "public";
}

async function resolveName(host: string): Promise<string[]> {
  try {
    return (await lookup(host, { all: true })).map(({ address }) => address);
  } catch {
    // A proxy resolves what this machine cannot; without one, the request fails and says why.
    return [];
  }
}

/**
 * Judges a redirect. The reasons never repeat what the server wrote: it may be anything, our own token included.
 * @param first the address that the operator chose: what it may reach, it may send us to.
 * @returns the next address, or why it is refused, to complete "the server redirects …".
 */
export async function judgeRedirect(
  first: URL,
  from: URL,
  location: string | null,
  resolve?: Resolve,
): Promise<{ to: URL } | { refusal: string }> {
  const to = URL.parse(location ?? "", from.href);
  if (location === null || to === null) return { refusal: "to no address" };
  if (to.protocol !== "https:" && !(to.protocol === "http:" && from.protocol === "http:"))
    return { refusal: `to another scheme than ${from.protocol === "http:" ? "http or https" : "https"}` };
  if (to.username !== "" || to.password !== "") return { refusal: "to an address with a password in it" };
  const place = await placeOf(to, resolve);
  if (place === "closed") return { refusal: "to a link-local or reserved address" };
  if (place === "private" && (await placeOf(first, resolve)) !== "private")
    return { refusal: "from a public server to a private address" };
  return { to };
}
