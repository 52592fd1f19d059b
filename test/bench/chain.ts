import { Metadata, TypeRegistry } from "@polkadot/types";
import { u8aToHex } from "@polkadot/util";
import { encodeAddress } from "@polkadot/util-crypto";
import { asNetuid } from "../../src/base/units.ts";
import { decodeMetagraph, decodeNeurons } from "../../src/chain/metagraph.ts";
import { describeRuntime } from "../../src/localnet/node/description.ts";
import { type BenchRow, median } from "./row.ts";

const NETUID = asNetuid(1);
const BLOCK_TIME_MS = 12_000;
const ROUNDS = 15;

/**
 * Decoding of a metagraph from the bytes of get_selective_metagraph, for a usual and for a large subnet. The ratio is to
 * get_neurons_lite, the call that older validators make, both with the addresses of the hotkeys already known.
 */
export async function benchMetagraph(counts: readonly number[] = [256, 4096]): Promise<BenchRow[]> {
  const registry = new TypeRegistry();
  const metadata = new Metadata(registry, u8aToHex(describeRuntime(424, BLOCK_TIME_MS).v15));
  const empty = { extrinsic: {}, payload: {} };
  const extensions = metadata.asLatest.extrinsic.transactionExtensions.map(({ identifier }) =>
    identifier.toString(),
  );
  registry.setMetadata(metadata, undefined, Object.fromEntries(extensions.map((name) => [name, empty])));
  const typeOf = (api: string, method: string): string => {
    const methods = metadata.asLatest.apis.find(({ name }) => name.toString() === api)!.methods;
    return registry.createLookupType(methods.find(({ name }) => name.toString() === method)!.output);
  };
  const selectiveType = typeOf("SubnetInfoRuntimeApi", "get_selective_metagraph");
  const neuronsType = typeOf("NeuronInfoRuntimeApi", "get_neurons_lite");
  return counts.flatMap((count): BenchRow[] => {
    const selective = registry.createType(selectiveType, metagraphOf(count)).toU8a();
    const neurons = registry.createType(neuronsType, neuronsOf(count)).toU8a();
    const decode = () => decodeMetagraph(registry.createType(selectiveType, selective), NETUID);
    const first = msOf(decode);
    const again = median(Array.from({ length: ROUNDS }, () => msOf(decode)));
    const older = median(
      Array.from({ length: ROUNDS }, () =>
        msOf(() => decodeNeurons(registry.createType(neuronsType, neurons))),
      ),
    );
    return [
      { name: `metagraph decode, ${count} uids, first`, value: first, unit: "ms" },
      { name: `metagraph decode, ${count} uids`, value: again, unit: "ms", ratio: older / again },
    ];
  });
}

function msOf(work: () => unknown): number {
  const start = performance.now();
  work();
  return performance.now() - start;
}

function accountOf(uid: number): string {
  const key = new Uint8Array(32).fill(7);
  new DataView(key.buffer).setUint32(0, uid);
  return encodeAddress(key, 42);
}

const axonOf = (uid: number) => ({
  block: 4_000_000 + uid,
  version: 10_002_000,
  ip: 0x01020304 + uid,
  port: 8091,
  ipType: 4,
  protocol: 4,
});
const fill = <T>(count: number, make: (uid: number) => T): T[] =>
  Array.from({ length: count }, (_, uid) => make(uid));

function metagraphOf(count: number): Record<string, unknown> {
  return {
    netuid: NETUID,
    block: 5_000_000,
    tempo: 360,
    lastStep: 4_999_900,
    blocksSinceLastStep: 100,
    minAllowedWeights: 8,
    maxWeightsLimit: 65_535,
    weightsVersion: 0,
    weightsRateLimit: 100,
    servingRateLimit: 50,
    commitRevealWeightsEnabled: true,
    commitRevealPeriod: 1,
    hotkeys: fill(count, accountOf),
    coldkeys: fill(count, accountOf),
    axons: fill(count, axonOf),
    active: fill(count, () => true),
    validatorPermit: fill(count, (uid) => uid < 64),
    lastUpdate: fill(count, (uid) => 4_999_000 + uid),
    blockAtRegistration: fill(count, (uid) => 3_000_000 + uid),
    totalStake: fill(count, (uid) => 1_000_000_000 * uid),
  };
}

function neuronsOf(count: number): Record<string, unknown>[] {
  return fill(count, (uid) => ({
    hotkey: accountOf(uid),
    coldkey: accountOf(uid),
    uid,
    netuid: NETUID,
    active: true,
    axonInfo: axonOf(uid),
    stake: [[accountOf(uid), 1_000_000_000 * uid]],
    emission: 5,
    lastUpdate: 4_999_000 + uid,
    validatorPermit: uid < 64,
  }));
}
