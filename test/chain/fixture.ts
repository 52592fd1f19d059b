import { asHotkey, asNetuid, type Hotkey } from "../../src/base/units.ts";
import { ChainConnection } from "../../src/chain/connection.ts";
import {
  type GenesisNeuron,
  type LocalNode,
  type NodeOptions,
  startNode,
} from "../../src/localnet/node/node.ts";
import { hotkeyOf, keypairFromSeed } from "../../src/wallet/keypair.ts";
import { KeySecret } from "../../src/wallet/secret.ts";
import { createSigner, type HotkeySigner } from "../../src/wallet/signer.ts";

export const NETUID = asNetuid(1);
/** Fast, and still slow enough that a busy machine keeps up. */
export const BLOCK_MS = 150;
export const STRANGER = asHotkey("5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty");

export async function signerOf(number: number): Promise<HotkeySigner> {
  const pair = await keypairFromSeed(new Uint8Array(32).fill(number), "sr25519");
  return createSigner(new KeySecret("sr25519", hotkeyOf(pair.publicKey), pair.publicKey, pair.secretKey));
}

export function neuron(hotkey: Hotkey, more: Partial<GenesisNeuron> = {}): GenesisNeuron {
  return { hotkey, coldkey: hotkey, stakeTao: 1000, validatorPermit: true, ...more };
}

/** A real node with our validator as uid 0 and two miners. */
export async function startChain(
  options: Partial<NodeOptions> = {},
): Promise<{ node: LocalNode; signer: HotkeySigner; miner: HotkeySigner }> {
  const [signer, miner, other] = await Promise.all([signerOf(1), signerOf(2), signerOf(3)]);
  const node = await startNode({
    accounts: [
      neuron(signer.hotkey),
      neuron(miner.hotkey, { validatorPermit: false, stakeTao: 1.5 }),
      neuron(other.hotkey, { validatorPermit: false, stakeTao: 0 }),
    ],
    blockTimeMs: BLOCK_MS,
    netuid: NETUID,
    tempo: 8,
    weightsRateLimit: 4,
    commitReveal: false,
    ...options,
  });
  return { node, signer, miner };
}

export function connect(...endpoints: string[]): Promise<ChainConnection> {
  return ChainConnection.connect({ endpoints });
}

/** Waits until `condition` holds; the test's own time limit is the deadline. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await Bun.sleep(10);
}
