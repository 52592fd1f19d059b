import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { ApiPromise } from "@polkadot/api";
import { TypeRegistry } from "@polkadot/types";
import { isFailure } from "../../src/base/error.ts";
import { asNetuid } from "../../src/base/units.ts";
import type { ChainConnection } from "../../src/chain/connection.ts";
import { decodeMetagraph, fetchMetagraph, METAGRAPH_INDEXES } from "../../src/chain/metagraph.ts";
import type { LocalNode } from "../../src/localnet/node/node.ts";
import { benchMetagraph } from "../bench/chain.ts";
import { connect, NETUID, neuron, signerOf, startChain } from "./fixture.ts";

let node: LocalNode;
let connection: ChainConnection;
const axon = { ip: 0x01020304n, port: 8091, ipType: 4, version: 720, protocol: 4 };

beforeAll(async () => {
  const [a, b] = [await signerOf(1), await signerOf(2)];
  ({ node } = await startChain({
    accounts: [
      neuron(a.hotkey),
      neuron(b.hotkey, { validatorPermit: false, stakeTao: 2.5, axon: { ...axon } as never }),
    ],
    tempo: 30,
    minAllowedWeights: 2,
    versionKey: 9n,
    weightsRateLimit: 6,
    servingRateLimit: 5,
  }));
  connection = await connect(node.endpoint);
});
afterAll(async () => {
  await connection.close();
  await node.stop();
});

/** The connection to a runtime that lacks some runtime APIs. */
function without(lacking: (call: ApiPromise["call"]) => unknown): ChainConnection {
  return {
    ask: (name: string, work: (api: ApiPromise) => Promise<unknown>) =>
      connection.ask(name, (api) =>
        work({
          call: lacking(api.call),
          rpc: api.rpc,
          query: api.query,
          at: (hash: string) => api.at(hash),
        } as unknown as ApiPromise),
      ),
  } as unknown as ChainConnection;
}

describe("the metagraph", () => {
  test("holds the subnet at one block, with its parameters", async () => {
    const metagraph = await fetchMetagraph(connection, NETUID);
    expect<string[]>(metagraph.hotkeys).toEqual([(await signerOf(1)).hotkey, (await signerOf(2)).hotkey]);
    expect(metagraph.axons[0]!.ip).toBe(0n);
    expect(metagraph.axons[1]).toMatchObject(axon);
    expect(metagraph.validatorPermit).toEqual([true, false]);
    expect([...metagraph.stakeTao]).toEqual([1000, 2.5]);
    expect<number>(metagraph.block).toBeLessThanOrEqual(node.head());
    expect(metagraph.hyperparameters).toMatchObject({
      tempo: 30,
      minAllowedWeights: 2,
      maxWeightsLimit: 65_535,
      weightsVersion: 9,
      weightsRateLimit: 6,
      servingRateLimit: 5,
      commitRevealEnabled: false,
      commitRevealPeriod: 1,
    });
  });

  test("is the same from the older call of a runtime without the selective one", async () => {
    const older = without((call) => ({ neuronInfoRuntimeApi: call.neuronInfoRuntimeApi }));
    const [now, then] = [await fetchMetagraph(connection, NETUID), await fetchMetagraph(older, NETUID)];
    const { block: _, hyperparameters, ...lists } = now;
    expect(then).toMatchObject(lists);
    const { lastStep, blocksSinceLastStep, ...parameters } = hyperparameters;
    expect(then.hyperparameters).toMatchObject(parameters);
  });

  test("of a runtime with neither call is refused with a sentence", async () => {
    const error = await fetchMetagraph(
      without(() => ({})),
      NETUID,
    ).catch((thrown: unknown) => thrown);
    if (!isFailure(error)) throw error;
    expect(error.code).toBe("chain.unsupported-runtime");
  });

  test("of a subnet that does not exist is refused, by either call", async () => {
    const older = without((call) => ({ neuronInfoRuntimeApi: call.neuronInfoRuntimeApi }));
    for (const from of [connection, older]) {
      const error = await fetchMetagraph(from, asNetuid(99)).catch((thrown: unknown) => thrown);
      if (!isFailure(error)) throw error;
      expect(error.code).toBe("chain.unknown-subnet");
      expect(error.message).toContain("99");
    }
  });

  test("with a field that was not sent is refused, naming the field", async () => {
    const asked = METAGRAPH_INDEXES.filter((index) => index !== 57);
    const answer = await connection.ask("asking", async (api) =>
      api.call.subnetInfoRuntimeApi!.getSelectiveMetagraph!(NETUID, asked),
    );
    expect(() => decodeMetagraph(answer, NETUID)).toThrow("validatorPermit");
  });
});

describe("a runtime that answers with bytes of no type", () => {
  const bytes = new TypeRegistry().createType("Bytes", "0x0102");
  const runtimeVersion = { specVersion: 218 };
  /** A connection to a runtime with this call alone. */
  const old = (call: object): ChainConnection =>
    ({
      ask: (_name: string, work: (api: object) => Promise<unknown>) => {
        const at = async () => ({ call });
        const getHeader = async () => ({ number: { toNumber: () => 1 }, hash: { toHex: () => "0x00" } });
        return work({ call, runtimeVersion, at, rpc: { chain: { getHeader } } });
      },
    }) as unknown as ChainConnection;

  for (const [name, call] of Object.entries({
    "selective call": { subnetInfoRuntimeApi: { getSelectiveMetagraph: async () => bytes } },
    "list of neurons": { neuronInfoRuntimeApi: { getNeuronsLite: async () => bytes } },
  }))
    test(`is told to be too old, with its spec (${name})`, async () => {
      const error = await fetchMetagraph(old(call), NETUID).catch((thrown: unknown) => thrown);
      expect(isFailure(error, "chain.unsupported-runtime") && error.message).toBe(
        "this chain's runtime is too old: spec 218 gives its subnets as bytes without a type",
      );
    });
});

test("the bench of the decoding gives its rows all the fields that are read", async () => {
  expect((await benchMetagraph([3])).map(({ name }) => name)).toEqual([
    "metagraph decode, 3 uids, first",
    "metagraph decode, 3 uids",
  ]);
});
