import { ApiPromise, Keyring, WsProvider } from "@polkadot/api";
import type { SignerOptions, SubmittableExtrinsic } from "@polkadot/api/types";
import type { KeyringPair } from "@polkadot/keyring/types";
import type { Codec, ISubmittableResult } from "@polkadot/types/types";
import { cryptoWaitReady } from "@polkadot/util-crypto";
import {
  type GenesisNeuron,
  type LocalNode,
  type NodeOptions,
  startNode,
} from "../../src/localnet/node/node.ts";

/** Blocks come when the test says so; this is only what the chain calls its slot. */
const SLOT_MS = 60_000;
const NO_EXTENSION = { extrinsic: {}, payload: {} };
const SIGNED_EXTENSIONS = {
  SudoTransactionExtension: NO_EXTENSION,
  CheckShieldedTxValidity: NO_EXTENSION,
  SubtensorTransactionExtension: NO_EXTENSION,
  DrandPriority: NO_EXTENSION,
};

export const NETUID = 1;
export const LOOPBACK_V4 = 0x7f00_0001n;

await cryptoWaitReady();
const keyring = new Keyring({ type: "sr25519", ss58Format: 42 });
export const key = (name: string): KeyringPair => keyring.addFromUri(`//${name}`);
export const [alice, bob, charlie, dave, eve] = ["Alice", "Bob", "Charlie", "Dave", "Eve"].map(key) as [
  KeyringPair,
  KeyringPair,
  KeyringPair,
  KeyringPair,
  KeyringPair,
];

export function neuron(pair: KeyringPair, stakeTao = 0, validatorPermit = false): GenesisNeuron {
  return { hotkey: pair.address, coldkey: pair.address, stakeTao, validatorPermit };
}

/** Alice (uid 0) and Bob (1) validate with 3000 and 1000 TAO; Charlie (2) and Dave (3) are miners. */
export const FOUR = [neuron(alice, 3000, true), neuron(bob, 1000, true), neuron(charlie), neuron(dave)];

/** A network whose blocks only come by `node.produceBlock()`. */
export const startManual = (options: Partial<NodeOptions> = {}): Promise<LocalNode> =>
  startNode({ accounts: FOUR, blockTimeMs: SLOT_MS, commitReveal: false, ...options });

export const connect = (node: LocalNode): Promise<ApiPromise> =>
  ApiPromise.create({
    provider: new WsProvider(node.endpoint, 250),
    noInitWarn: true,
    signedExtensions: SIGNED_EXTENSIONS,
  });

export interface Included {
  /** section.method of each event of the transaction. */
  events: string[];
  /** Name of the pallet's error when the dispatch failed. */
  error: string | null;
}

/** Signs, submits, and builds the block that includes it. Rejects when the pool refuses it. */
export async function send(
  api: ApiPromise,
  node: LocalNode,
  transaction: SubmittableExtrinsic<"promise">,
  signer: KeyringPair,
  options: Partial<SignerOptions> = {},
): Promise<Included> {
  const { promise, resolve, reject } = Promise.withResolvers<ISubmittableResult>();
  const stop = transaction.signAndSend(signer, { nonce: -1, era: 64, ...options }, (result) => {
    if (result.status.isReady) node.produceBlock();
    if (result.status.isInvalid) reject(new Error("the transaction became invalid"));
    if (result.status.isInBlock) resolve(result);
  });
  stop.catch(reject);
  const { events, dispatchError } = await promise;
  (await stop)();
  return {
    events: events.map(({ event }) => `${event.section}.${event.method}`),
    error: dispatchError?.isModule ? api.registry.findMetaError(dispatchError.asModule).name : null,
  };
}

/** What the pool said: `code: data`. Fails when it took the transaction. */
export async function refused(sent: Promise<unknown>): Promise<string> {
  try {
    await sent;
  } catch (error) {
    const { code, data } = error as { code?: number; data?: unknown };
    return `${code}: ${data}`;
  }
  throw new Error("the pool took the transaction");
}

/** A storage value or runtime API answer as plain JSON. */
export const plain = async (value: Promise<Codec> | Codec): Promise<unknown> => (await value).toJSON();

/** Blocks until the height is reached. */
export function advanceTo(node: LocalNode, height: number): void {
  while (node.head() < height) node.produceBlock();
}
