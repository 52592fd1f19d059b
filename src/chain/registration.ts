import { asUid, type Hotkey, type Netuid, type Uid } from "../base/units.ts";
import type { ChainConnection } from "./connection.ts";
import { numberOf, optional, readStorage } from "./storage.ts";

/**
 * The uid of a hotkey on a subnet, null when it is not registered there.
 * @throws Failure `chain.unreachable`
 */
export function findUid(connection: ChainConnection, netuid: Netuid, hotkey: Hotkey): Promise<Uid | null> {
  return connection.ask("looking up the registration", async (api) => {
    const head = (await api.rpc.chain.getBlockHash()).toHex();
    const item = {
      name: "subtensorModule.uids",
      keys: [netuid, hotkey],
      decode: optional((value) => asUid(numberOf(value))),
    };
    return (await readStorage(api, head, { item })).item;
  });
}
