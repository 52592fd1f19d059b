import { ApiPromise } from "@polkadot/api";
import type { Header, RuntimeVersion } from "@polkadot/types/interfaces";
import { withDeadline } from "../base/deadline.ts";
import { firstLineOf, messageOf } from "../base/error.ts";
import { log } from "../base/log.ts";
import { hideUrls, printableUrl } from "../base/url.ts";
import { chainFailure } from "./errors.ts";
import { askedPatienceMs } from "./handshake.ts";
import { quietPolkadotLogger } from "./quiet.ts";
import { NodeSocket } from "./socket.ts";

/** A public node answers within a second; a full metadata over a thin line takes some. */
const RPC_TIMEOUT_MS = 20_000;
/** Socket, handshake and metadata. */
const OPEN_TIMEOUT_MS = 45_000;

/** Aura's slot on every public network; used until the metadata says otherwise. */
const DEFAULT_BLOCK_TIME_MS = 12_000;

/**
 * Extensions of subtensor's transactions that add no bytes (runtime/src/lib.rs TxExtension). Named here, the library
 * does not warn about them; an extension that adds bytes must never be listed.
 */
const EMPTY_EXTENSIONS = [
  "SudoTransactionExtension",
  "CheckShieldedTxValidity",
  "SubtensorTransactionExtension",
  "SubtensorSignedExtension",
  "CommitmentsSignedExtension",
  "DrandPriority",
];
const SIGNED_EXTENSIONS = Object.fromEntries(
  EMPTY_EXTENSIONS.map((name) => [name, { extrinsic: {}, payload: {} }]),
);

export interface SessionEvents {
  /** Called with every request that is sent. */
  onRequest(): void;
  onHead(block: number): void;
  onFinalized(block: number): void;
  /** The runtime was upgraded: this session's metadata is stale. */
  onUpgrade(specVersion: number): void;
  onLost(reason: string): void;
}

/** One socket to one endpoint with one version of the runtime's metadata. */
export interface Session {
  readonly endpoint: string;
  readonly api: ApiPromise;
  readonly genesisHash: string;
  readonly specVersion: number;
  close(): void;
}

/**
 * Opens a socket and loads the metadata.
 * @throws Failure `chain.unreachable` when the endpoint does not answer as a Substrate node in time
 */
export async function openSession(endpoint: string, events: SessionEvents): Promise<Session> {
  quietPolkadotLogger();
  const shown = printableUrl(endpoint);
  const provider = new NodeSocket(endpoint, RPC_TIMEOUT_MS, () => events.onRequest());
  let api: ApiPromise | undefined;
  let isOpen = true;
  const close = (): void => {
    isOpen = false;
    void (api ?? provider).disconnect().catch((error: unknown) => {
      log.debug("Closing a chain connection failed", { endpoint: shown, error });
    });
  };
  const whileOpen = <A extends unknown[]>(call: (...args: A) => void) => {
    return (...args: A): void => {
      if (isOpen) call(...args);
    };
  };
  const load = async (): Promise<Session> => {
    const opened = await ApiPromise.create({
      provider,
      noInitWarn: true,
      throwOnConnect: true,
      signedExtensions: SIGNED_EXTENSIONS,
    });
    api = opened;
    followNoUpgrades(opened);
    await requireWholeMetadata(opened);
    provider.on(
      "disconnected",
      whileOpen((reason: string) => events.onLost(reason)),
    );
    const specVersion = opened.runtimeVersion.specVersion.toNumber();
    await opened.rpc.chain.subscribeNewHeads(
      whileOpen((header: Header) => events.onHead(header.number.toNumber())),
    );
    await opened.rpc.chain.subscribeFinalizedHeads(
      whileOpen((header: Header) => events.onFinalized(header.number.toNumber())),
    );
    await opened.rpc.state.subscribeRuntimeVersion(
      whileOpen((version: RuntimeVersion) => {
        const now = version.specVersion.toNumber();
        if (now !== specVersion) events.onUpgrade(now);
      }),
    );
    return { endpoint, api: opened, genesisHash: opened.genesisHash.toHex(), specVersion, close };
  };
  const opening = async (): Promise<Session> => {
    await provider.connect();
    const dropped = new Promise<never>((_, reject) => {
      provider.on("disconnected", (reason: string) => reject(new Error(reason)));
    });
    return Promise.race([load(), dropped]);
  };
  try {
    return await withDeadline(`connecting to ${shown}`, OPEN_TIMEOUT_MS, opening());
  } catch (cause) {
    close();
    const retryAfterMs = await askedPatienceMs(endpoint, cause);
    const data: UnreachableData = { endpoint: shown, ...(retryAfterMs !== undefined && { retryAfterMs }) };
    throw chainFailure("chain.unreachable", {
      message: `cannot reach a chain node at ${shown}: ${reasonOf(cause)}`,
      hint: "Check the endpoint and the network of this machine.",
      data,
      retry: "soon",
      cause,
    });
  }
}

/**
 * The library follows upgrades by itself and asks for the new metadata, with nobody to hear that it was refused: the error would be
 * nobody's and end the process. A new session reads them here.
 */
function followNoUpgrades(api: ApiPromise): void {
  // Private in its types; what is public closes the connection.
  (api as unknown as { _unsubscribeUpdates(): void })._unsubscribeUpdates();
}

/**
 * When the node fails at the one call that gives metadata with the runtime's own calls, the library takes older metadata without
 * them and says nothing: the connection would stand and read no subnet as long as it lasts.
 * @throws Error when the runtime has what is missing
 */
async function requireWholeMetadata(api: ApiPromise): Promise<void> {
  if (api.call.subnetInfoRuntimeApi !== undefined || api.call.neuronInfoRuntimeApi !== undefined) return;
  let versions: string;
  try {
    versions = (await api.rpc.state.call("Metadata_metadata_versions", "0x")).toHex();
  } catch (error) {
    // As runtimes of before 2023 answer, which have no more to give.
    if (/not found|unknown/i.test(messageOf(error))) return;
    throw error;
  }
  // Vec<u32>, of which one byte of each is used: 14, 15, 16.
  if (/0f000000|10000000/.test(versions)) throw new Error("it gave the chain's metadata in part only");
}

export interface UnreachableData {
  /** Fit to be shown. */
  endpoint: string;
  /** The pause that the server asked for. */
  retryAfterMs?: number;
}

function reasonOf(cause: unknown): string {
  return hideUrls(firstLineOf(cause).replace(/^FATAL: Unable to initialize the API: /, ""));
}

/** Milliseconds between two blocks. */
export function blockTimeOf(api: ApiPromise): number {
  const slot = Number(api.consts.aura?.slotDuration ?? 0);
  if (slot > 0) return slot;
  const half = Number(api.consts.timestamp?.minimumPeriod ?? 0);
  return half > 0 ? half * 2 : DEFAULT_BLOCK_TIME_MS;
}
