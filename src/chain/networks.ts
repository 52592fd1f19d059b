import { printable } from "../base/text.ts";
import { printableUrl } from "../base/url.ts";
import { nearest } from "../config/suggest.ts";
import { chainFailure } from "./errors.ts";

export interface Network {
  /** Known name, or `unknown` for an endpoint that we cannot place. */
  name: string;
  /** Tried in turn. */
  endpoints: string[];
  /** The genesis hash that every endpoint must have; undefined where any chain will do. */
  expectedGenesis?: string;
}

export interface NetworkChoice {
  /** --subtensor.chain_endpoint; several are separated by commas. */
  chainEndpoint?: string | undefined;
  /** --subtensor.network: a known name or an endpoint. */
  network?: string | undefined;
  /** Whether the network was given more explicitly than the endpoint: as a flag, the endpoint by the environment. */
  networkWins?: boolean;
}

// From @bitgo/sdk-coin-tao 1.16.4, resources/mainnet and testnet.
const FINNEY_GENESIS = "0x2f0555cc76fc2840a25a6ea3b9637146806f1f44b090c175ffde2a7e5ab36c03";
const TEST_GENESIS = "0x8f9cf856bf558a14440e75569c9e58594757048d7b3a84b5d25f6bd978263105";

const PUBLIC_GENESES: ReadonlySet<string> = new Set([FINNEY_GENESIS, TEST_GENESIS]);

/**
 * Whether a chain is one that strangers write to, whatever it is called and through whichever endpoint it is reached:
 * archive, latent-lite and a node on this machine all serve finney. On such a chain nobody's private addresses are
 * called, for a miner could aim this validator at the operator's own network; on every other chain, which is a local
 * one, miners live there.
 * @param genesisHash hash of block 0, with 0x
 */
export function isPublicGenesis(genesisHash: string): boolean {
  return PUBLIC_GENESES.has(genesisHash.toLowerCase());
}

/** bittensor SDK settings.py; the order is that of its fallbacks. */
const NETWORKS: Record<string, Omit<Network, "name">> = {
  finney: {
    endpoints: [
      "wss://entrypoint-finney.opentensor.ai:443",
      "wss://lite.chain.opentensor.ai:443",
      "wss://lite.sub.latent.to:443",
    ],
    expectedGenesis: FINNEY_GENESIS,
  },
  test: { endpoints: ["wss://test.finney.opentensor.ai:443"], expectedGenesis: TEST_GENESIS },
  archive: {
    endpoints: ["wss://archive.chain.opentensor.ai:443", "wss://archive.sub.latent.to:443"],
    expectedGenesis: FINNEY_GENESIS,
  },
  "latent-lite": { endpoints: ["wss://lite.sub.latent.to:443"], expectedGenesis: FINNEY_GENESIS },
  local: { endpoints: ["ws://127.0.0.1:9944"] },
};
const DEFAULT_NETWORK = "finney";

/** Host names by which an endpoint is placed (bittensor SDK, determine_chain_endpoint_and_network). */
const LABELS: [part: string, name: string][] = [
  ["entrypoint-finney.opentensor.ai", "finney"],
  ["test.finney.opentensor.ai", "test"],
  ["archive.chain.opentensor.ai", "archive"],
  ["127.0.0.1", "local"],
  ["localhost", "local"],
];

/**
 * Endpoint before network before the default. A network that is no known name is an endpoint; an endpoint without a
 * scheme is `ws://`.
 * @throws Failure `chain.bad-endpoint`
 */
export function resolveNetwork(choice: NetworkChoice): Network {
  const chainEndpoint = choice.chainEndpoint?.trim();
  const network = choice.network?.trim();
  const known = network && Object.hasOwn(NETWORKS, network) ? NETWORKS[network] : undefined;
  // The local network lies where the environment says.
  const isRedirectedLocal = network === "local" && Boolean(chainEndpoint);
  if (chainEndpoint && (!choice.networkWins || !network || isRedirectedLocal))
    return fromEndpoints(chainEndpoint);
  if (network && known) return { name: network, ...known };
  if (network) {
    // A bare word is a name that was misspelt: nobody's node is reached by a host name without a dot or a port.
    if (/^[\w-]+$/.test(network) && network !== "localhost") throw unknownNetwork(network);
    return fromEndpoints(network);
  }
  return { name: DEFAULT_NETWORK, ...NETWORKS[DEFAULT_NETWORK]! };
}

function fromEndpoints(text: string): Network {
  const endpoints = text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "")
    .map(parseEndpoint);
  if (endpoints.length === 0) throw badEndpoint(text);
  const name = LABELS.find(([part]) => endpoints[0]!.includes(part))?.[1] ?? "unknown";
  const expectedGenesis = NETWORKS[name]?.expectedGenesis;
  return { name, endpoints, ...(expectedGenesis === undefined ? {} : { expectedGenesis }) };
}

function parseEndpoint(text: string): string {
  const withScheme = text.includes("://") ? text : `ws://${text}`;
  const url = URL.parse(withScheme);
  if (url === null || !["ws:", "wss:"].includes(url.protocol) || url.hostname === "") throw badEndpoint(text);
  return withScheme;
}

function unknownNetwork(word: string): Error {
  const meant = nearest(word, Object.keys(NETWORKS));
  return chainFailure("chain.bad-endpoint", {
    message: `"${printable(word)}" is no known network${meant === undefined ? "" : `; ${meant} may be meant`}`,
    hint: `Networks: ${Object.keys(NETWORKS).join(", ")}. Endpoints look like wss://host:443.`,
  });
}

function badEndpoint(text: string): Error {
  // Without one of these signs it holds no password and no key; what was misspelt should be seen.
  const shown = /[@?#/]/.test(text) ? printableUrl(text) : printable(text);
  return chainFailure("chain.bad-endpoint", {
    message: `"${shown}" is neither a known network nor a websocket endpoint`,
    hint: `Networks: ${Object.keys(NETWORKS).join(", ")}. Endpoints look like wss://host:443.`,
  });
}
