import type { Server, ServerWebSocket } from "bun";
import { asHotkey, asNetuid, type Hotkey } from "../../src/base/units.ts";
import { ChainConnection } from "../../src/chain/connection.ts";
import {
  type GenesisNeuron,
  type LocalNode,
  type NodeOptions,
  startNode,
} from "../../src/localnet/node/node.ts";
import { hotkeyOf, keypairFromSeed } from "../../src/wallet/keypair.ts";
import { HotkeySecret } from "../../src/wallet/secret.ts";
import { createSigner, type HotkeySigner } from "../../src/wallet/signer.ts";

export const NETUID = asNetuid(1);
/** Fast, and still slow enough that a busy machine keeps up. */
export const BLOCK_MS = 150;
export const STRANGER = asHotkey("5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty");

export async function signerOf(number: number): Promise<HotkeySigner> {
  const pair = await keypairFromSeed(new Uint8Array(32).fill(number), "sr25519");
  return createSigner(new HotkeySecret("sr25519", hotkeyOf(pair.publicKey), pair.publicKey, pair.secretKey));
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

type Behaviour = "pass" | "mute" | { instead: string } | ((text: string) => string);
interface Link {
  node: WebSocket;
  waiting: string[] | null;
}

/** Stands between a client and a node, and spoils what the node says. */
export class Relay {
  /** What happens to messages of the node. */
  behaviour: Behaviour = "pass";
  /** Sees each request before the node does. */
  onRequest: (text: string) => void = () => undefined;
  connections = 0;
  readonly #server: Server<Link>;
  readonly #clients = new Set<ServerWebSocket<Link>>();

  constructor(node: { endpoint: string }) {
    this.#server = Bun.serve<Link>({
      hostname: "127.0.0.1",
      port: 0,
      fetch: (request, server) => {
        const data: Link = { node: new WebSocket(node.endpoint), waiting: [] };
        return server.upgrade(request, { data }) ? undefined : new Response("no websocket", { status: 400 });
      },
      websocket: {
        open: (client) => this.#open(client),
        message: (client, message) => {
          const text = String(message);
          this.onRequest(text);
          const { node: upstream, waiting } = client.data;
          if (waiting) waiting.push(text);
          else upstream.send(text);
        },
        close: (client) => {
          this.#clients.delete(client);
          client.data.node.close();
        },
      },
    });
  }

  get endpoint(): string {
    return `ws://127.0.0.1:${this.#server.port}`;
  }

  /** Clients that are connected now. */
  get open(): number {
    return this.#clients.size;
  }

  drop(): void {
    for (const client of this.#clients) client.terminate();
  }

  async stop(): Promise<void> {
    this.drop();
    await this.#server.stop(true);
  }

  #open(client: ServerWebSocket<Link>): void {
    this.connections++;
    this.#clients.add(client);
    const link = client.data;
    const forwardWaiting = (): void => {
      for (const text of link.waiting ?? []) link.node.send(text);
      link.waiting = null;
    };
    if (link.node.readyState === WebSocket.OPEN) forwardWaiting();
    else link.node.onopen = forwardWaiting;
    link.node.onclose = () => client.close();
    link.node.onmessage = ({ data }) => {
      if (this.behaviour === "mute") return;
      if (this.behaviour === "pass") client.send(String(data));
      else if (typeof this.behaviour === "function") client.send(this.behaviour(String(data)));
      else client.send(this.behaviour.instead);
    };
  }
}

/** Waits until `condition` holds; the test's own time limit is the deadline. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await Bun.sleep(10);
}
