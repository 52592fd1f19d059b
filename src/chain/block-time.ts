import type { BlockNumber } from "../base/units.ts";
import type { ChainConnection } from "./connection.ts";
import { numberOf, readStorage } from "./storage.ts";

/**
 * The time that the chain gave a block, in milliseconds since 1970: its author's clock at the start of the slot.
 * @throws Failure `chain.unreachable`, `chain.unsupported-runtime`
 */
export function fetchBlockTime(connection: ChainConnection, block: BlockNumber): Promise<number> {
  return connection.ask("reading the time of a block", async (api) => {
    const hash = (await api.rpc.chain.getBlockHash(block)).toHex();
    const item = { name: "timestamp.now", keys: [], decode: numberOf };
    return (await readStorage(api, hash, { item })).item;
  });
}
