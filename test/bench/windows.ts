import { encodeAddress } from "@polkadot/util-crypto";
import { fetchMetagraph } from "../../src/chain/metagraph.ts";
import { submitWeights } from "../../src/chain/submission.ts";
import { connect, NETUID, neuron, signerOf, startChain } from "../chain/fixture.ts";
import { simulateApart } from "../sim/apart.ts";
import { type BenchRow, median } from "./row.ts";

const ROUNDS = 5;
const BLOCK_MS = 1_000;

function strangers(count: number) {
  return Array.from({ length: count }, (_, uid) => {
    const key = new Uint8Array(32).fill(9);
    new DataView(key.buffer).setUint32(0, uid);
    return neuron(encodeAddress(key, 42) as never, { validatorPermit: false, stakeTao: 0 });
  });
}

/** The chain side on a node of this machine: reading a subnet, setting weights, and what is asked of a node when nothing is wrong. */
export async function benchWindows(): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const count of [256, 4096]) {
    const { hotkey } = await signerOf(1);
    const accounts = [neuron(hotkey), ...strangers(count - 1)];
    const { node, signer } = await startChain({
      accounts,
      maxUids: count,
      blockTimeMs: BLOCK_MS,
      weightsRateLimit: 0,
    });
    const connection = await connect(node.endpoint);
    const msOf = async (work: () => Promise<unknown>): Promise<number> => {
      const start = performance.now();
      await work();
      return performance.now() - start;
    };
    const sync: number[] = [];
    for (let round = 0; round < ROUNDS; round++)
      sync.push(await msOf(() => fetchMetagraph(connection, NETUID)));
    rows.push({ name: `metagraph sync, ${count} uids`, value: median(sync), unit: "ms" });
    const uids = Array.from({ length: count }, (_, uid) => uid);
    const weights = { netuid: NETUID, uids, values: uids.map(() => 65_535), versionKey: 7 };
    const set: number[] = [];
    for (let round = 0; round < ROUNDS; round++)
      set.push((await msOf(() => submitWeights(connection, signer, weights))) / BLOCK_MS);
    rows.push({
      name: `window open to in block, ${count} uids`,
      value: median(set),
      unit: "blocks",
      goal: "≤ 2",
    });
    await connection.close();
    await node.stop();
  }
  const { requestsAMinute } = await simulateApart({ epochs: 6, seed: 1, faultRate: 0 });
  rows.push({
    name: "requests to the node in steady state, a reading of the subnet each 20 blocks",
    value: requestsAMinute,
    unit: "/min",
    goal: "≤ 60",
  });
  return rows;
}
