import { asNetuid, taoOf } from "../../base/units.ts";
import { stakeThresholdItem } from "../../chain/items.ts";
import { readShares } from "../../chain/mechanism.ts";
import { fetchMetagraph, type Metagraph } from "../../chain/metagraph.ts";
import { hasStorage, readStorage } from "../../chain/storage.ts";
import type { Nodes, NodeView } from "./nodes.ts";

/** The subnet as the best endpoint shows it. */
export interface SubnetFacts {
  node: NodeView;
  metagraph: Metagraph;
  /** Stake below which this chain takes no weights; 0 where it asks for none or does not tell. */
  stakeThresholdTao: number;
  /** Share of the subnet's emission by mechanism, 0..1. */
  shares: readonly number[];
}

/** Reads the subnet once, for every check that looks at it. */
export class SubnetView {
  readonly #nodes: Nodes;
  readonly #netuid: number;
  #facts: Promise<SubnetFacts | undefined> | undefined;

  constructor(nodes: Nodes, netuid: number) {
    this.#nodes = nodes;
    this.#netuid = netuid;
  }

  /** undefined when no endpoint can be asked. @throws Failure of a `ChainCode`, the same to every caller */
  facts(): Promise<SubnetFacts | undefined> {
    this.#facts ??= this.#read();
    return this.#facts;
  }

  /** undefined also where the subnet cannot be read, which `subnet.exists` says. */
  async factsOrNone(): Promise<SubnetFacts | undefined> {
    try {
      return await this.facts();
    } catch {
      return undefined;
    }
  }

  async #read(): Promise<SubnetFacts | undefined> {
    const node = await this.#nodes.best();
    if (node === undefined) return undefined;
    const { connection } = node;
    const metagraph = await fetchMetagraph(connection, asNetuid(this.#netuid));
    const item = stakeThresholdItem();
    const { threshold, shares } = await connection.ask(
      "reading mechanisms and the stake that the chain asks for",
      async (api) => {
        const hash = (await api.rpc.chain.getBlockHash()).toHex();
        return {
          threshold: hasStorage(api, item.name) ? (await readStorage(api, hash, { item })).item : 0n,
          shares: await readShares(api, hash, this.#netuid),
        };
      },
    );
    return { node, metagraph, stakeThresholdTao: taoOf(threshold), shares };
  }
}
