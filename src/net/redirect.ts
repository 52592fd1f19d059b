import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { familyOf, locateAddress, numberOfAddress } from "./address-ranges.ts";

/** Finds the addresses of a host name; none where it cannot be resolved here, as behind a proxy. */
export type Resolve = (host: string) => Promise<string[]>;

/** Where an answer comes from: anybody's network, our own, or one where nothing that we want is served. */
type Place = "public" | "private" | "closed";

/** The place of a host; of several addresses, the most closed one counts. */
export async function placeOf({ hostname }: URL, resolve: Resolve = resolveName): Promise<Place> {
  const host = hostname.replace(/^\[|\]$/g, "");
  const places = (isIP(host) ? [host] : await resolve(host)).map(placeOfAddress);
  return (
    places.find((place) => place === "closed") ?? places.find((place) => place === "private") ?? "public"
  );
}

function placeOfAddress(found: string): Place {
  // A resolver may name the interface of a link-local address: fe80::1%eth0.
  const address = found.replace(/%.*$/, "");
  const { range } = locateAddress(numberOfAddress(address), familyOf(address));
  if (range === undefined) return "public";
  return range.use === "closed" ? "closed" : "private";
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
