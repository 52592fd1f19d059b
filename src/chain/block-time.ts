import type { ApiPromise } from "@polkadot/api";
import type { BlockNumber, Netuid, Uid } from "../base/units.ts";
import type { ChainConnection } from "./connection.ts";
import { hasSchedule, scheduleItems } from "./items.ts";
import { type Mechanism, readMechanisms } from "./mechanism.ts";
import { legacyNextEpochBlock, nextEpochBlock } from "./schedule.ts";
import { numberOf, readStorage } from "./storage.ts";

/** What of one validator's subnet stands beside the metagraph: when the block was made, when the next epoch comes, its mechanisms. */
export interface SubnetMoment {
  /** The time that the chain gave the block, in milliseconds since 1970: its author's clock at the start of the slot. */
  timeMs: number;
  /** undefined for a subnet without a tempo. */
  nextEpochBlock: number | undefined;
  /** In the order in which they were asked for. */
  mechanisms: Mechanism[];
}

/** Whose moment it is. */
export interface MomentQuestion {
  netuid: Netuid;
  block: BlockNumber;
  uid: Uid;
  mecids: readonly number[];
  /** The validator's last update of weights in the first mechanism, as the metagraph has it. */
  lastUpdate: number;
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
export function fetchMoment(connection: ChainConnection, question: MomentQuestion): Promise<SubnetMoment> {
  return connection.ask("reading the time and the mechanisms of a subnet", async (api) => {
    const hash = (await api.rpc.chain.getBlockHash(question.block)).toHex();
    const [times, mechanisms] = await Promise.all([
      readTimes(api, hash, question),
      readMechanisms(api, hash, question),
    ]);
    return { ...times, mechanisms };
  });
}

async function readTimes(
  api: ApiPromise,
  hash: string,
  { netuid, block }: MomentQuestion,
): Promise<Omit<SubnetMoment, "mechanisms">> {
  const items = scheduleItems(netuid);
  if (!hasSchedule(api)) {
    const { timeMs, tempo } = await readStorage(api, hash, { timeMs: TIME, tempo: items.tempo });
    return { timeMs, nextEpochBlock: legacyNextEpochBlock(block, netuid, tempo) };
  }
  const { timeMs, ...schedule } = await readStorage(api, hash, { timeMs: TIME, ...items });
  return { timeMs, nextEpochBlock: nextEpochBlock({ head: block, ...schedule }) };
}
