import type { BlockNumber, Netuid } from "../base/units.ts";
import type { ChainConnection } from "./connection.ts";
import { legacyNextEpochBlock, nextEpochBlock } from "./schedule.ts";
import { hasStorage, numberItem, numberOf, readStorage } from "./storage.ts";

/** When a block was made, and when the next epoch of a subnet comes. */
export interface BlockTimes {
  /** The time that the chain gave the block, in milliseconds since 1970: its author's clock at the start of the slot. */
  timeMs: number;
  /** undefined for a subnet without a tempo. */
  nextEpochBlock: number | undefined;
}

const TIME = { name: "timestamp.now", keys: [], decode: numberOf };

/**
 * The time alone, milliseconds since 1970.
 * @throws Failure `chain.unreachable`, `chain.unsupported-runtime`
 */
export function fetchBlockTime(connection: ChainConnection, block: BlockNumber): Promise<number> {
  return connection.ask("reading the time of a block", async (api) => {
    const hash = (await api.rpc.chain.getBlockHash(block)).toHex();
    return (await readStorage(api, hash, { item: TIME })).item;
  });
}

/** @throws Failure `chain.unreachable`, `chain.unsupported-runtime` */
export function fetchBlockTimes(
  connection: ChainConnection,
  netuid: Netuid,
  block: BlockNumber,
): Promise<BlockTimes> {
  return connection.ask("reading the time of a block", async (api) => {
    const hash = (await api.rpc.chain.getBlockHash(block)).toHex();
    const one = (name: string) => numberItem(name, netuid);
    if (!hasStorage(api, "subtensorModule.subnetEpochIndex")) {
      const values = await readStorage(api, hash, { timeMs: TIME, tempo: one("tempo") });
      return {
        timeMs: values.timeMs,
        nextEpochBlock: legacyNextEpochBlock(block, netuid, values.tempo),
      };
    }
    const { timeMs: time, ...schedule } = await readStorage(api, hash, {
      timeMs: TIME,
      tempo: one("tempo"),
      lastEpochBlock: one("lastEpochBlock"),
      pendingEpochAt: one("pendingEpochAt"),
      subnetEpochIndex: one("subnetEpochIndex"),
      blocksSinceLastStep: one("blocksSinceLastStep"),
    });
    return { timeMs: time, nextEpochBlock: nextEpochBlock({ head: block, ...schedule }) };
  });
}
