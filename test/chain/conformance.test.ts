import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expandMetadata, Metadata, TypeRegistry } from "@polkadot/types";
import type { Codec } from "@polkadot/types/types";
import { u8aToHex } from "@polkadot/util";
import { decodeMetagraph, decodeNeurons, METAGRAPH_INDEXES } from "../../src/chain/metagraph.ts";
import { describeRuntime } from "../../src/localnet/node/description.ts";
import { METAGRAPH_FIELDS } from "../../src/localnet/node/metagraph-type.ts";
import { NETUID, STRANGER, signerOf } from "./fixture.ts";

/** Metadata of the public network, spec 424: too large and not ours to keep in this repository. */
const FINNEY = resolve(import.meta.dir, "../../../shared/data/finney-424.metadata.scale.gz");
const CHAIN_SOURCES = resolve(import.meta.dir, "../../src/chain");
const METADATA_MAGIC = "meta";
const SOURCES = readdirSync(CHAIN_SOURCES)
  .map((name) => readFileSync(join(CHAIN_SOURCES, name), "utf8"))
  .join("\n");

type Runtime = ReturnType<typeof load>;

function load(bytes: Uint8Array) {
  const registry = new TypeRegistry();
  const metadata = new Metadata(registry, u8aToHex(bytes));
  const empty = { extrinsic: {}, payload: {} };
  const names = metadata.asLatest.extrinsic.transactionExtensions.map(({ identifier }) =>
    identifier.toString(),
  );
  const quiet = names.filter((name) => /^(?:Sudo|CheckShielded|Subtensor|DrandPriority)/.test(name));
  registry.setMetadata(metadata, undefined, Object.fromEntries(quiet.map((name) => [name, empty])));
  const { query, tx, errors, events } = expandMetadata(registry, metadata);
  return { registry, metadata, query, tx, errors, events, extensions: names };
}

function loadFinney(): Runtime {
  const bytes = Buffer.from(Bun.gunzipSync(readFileSync(FINNEY)));
  return load(bytes.subarray(bytes.indexOf(METADATA_MAGIC)));
}

/** Names that the sources of the chain room use, so that a new one is checked without being listed here. */
function namesUsed(...patterns: RegExp[]): string[] {
  return [
    ...new Set(patterns.flatMap((pattern) => [...SOURCES.matchAll(pattern)].map((match) => match[1]!))),
  ];
}

const ARGUMENTS: Record<string, unknown[]> = {
  uids: [1, STRANGER],
  axons: [1, STRANGER],
  keys: [1, 2],
  weights: [1, 2],
  blockAtRegistration: [1, 2],
  timelockedWeightCommits: [1, 2],
  stakeThreshold: [],
  commitRevealWeightsVersion: [],
  lastStoredRound: [],
  beaconConfig: [],
};
const CALLS: [string, unknown[], "serve-axon" | "set-weights" | "commit-weights"][] = [
  ["setWeights", [1, [0, 2, 255], [65_535, 1, 7], 10_300], "set-weights"],
  ["setMechanismWeights", [1, 2, [0, 2], [1, 2], 3], "set-weights"],
  ["serveAxon", [1, 720, 134_744_072n, 8091, 4, 4, 0, 0], "serve-axon"],
  ["commitTimelockedWeights", [1, [1, 2, 3], 123_456, 4], "commit-weights"],
  ["commitTimelockedMechanismWeights", [1, 0, [1, 2, 3], 123_456, 4], "commit-weights"],
];

const isPresent = existsSync(FINNEY);
if (!isPresent)
  process.stderr.write("conformance with finney is skipped: its metadata is not beside this repository\n");

describe.skipIf(!isPresent)("against finney's own metadata", () => {
  const finney = isPresent ? loadFinney() : load(describeRuntime(424, 12_000).v15);
  const local = load(describeRuntime(424, 12_000).v15);

  const items = [
    ...namesUsed(/subtensorModule\.([a-z]\w+)/g, /(?<![.\w])(?:numberItem|named|one)\("([a-z]\w+)"/g)
      .filter((name) => !CALLS.some(([call]) => call === name))
      // Newer than finney's metadata, and read only where it is.
      .filter((name) => name !== "subnetEpochConsensus")
      .map((name) => ["subtensorModule", name] as const),
    ...namesUsed(/"drand\.(\w+)"/g).map((name) => ["drand", name] as const),
  ];

  test("there are items to compare", () => {
    expect(items.map(([, name]) => name)).toEqual(
      expect.arrayContaining([
        "uids",
        "keys",
        "weights",
        "tempo",
        "lastUpdate",
        "subnetEpochIndex",
        "beaconConfig",
      ]),
    );
  });

  for (const [pallet, name] of items) {
    test(`the storage item ${pallet}.${name} has the same key, type and default`, () => {
      const facts = ({ query, registry }: Runtime) => {
        const entry = query[pallet]![name]!;
        const args = ARGUMENTS[name] ?? [1];
        const { type, modifier, fallback } = entry.meta;
        const value = registry.createLookupType(type.isPlain ? type.asPlain : type.asMap.value);
        return {
          key: u8aToHex(entry(...args)),
          type: registry.createType(value).toRawType(),
          isOptional: modifier.isOptional,
          fallback: modifier.isOptional ? null : fallback.toHex(),
        };
      };
      expect(facts(local)).toEqual(facts(finney));
    });
  }

  for (const [name, args, kind] of CALLS) {
    test(`the call ${name} has the same bytes, and the wallet signs them as ${kind} only`, async () => {
      const bytes = finney.tx.subtensorModule![name]!(...args).toU8a();
      expect(local.tx.subtensorModule![name]!(...args).toU8a()).toEqual(bytes);
      const signer = await signerOf(1);
      const payload = Uint8Array.of(...bytes, ...new Uint8Array(90));
      for (const other of ["serve-axon", "set-weights", "commit-weights"] as const) {
        if (other === kind) expect(signer.signExtrinsic(other, payload)).toHaveLength(65);
        else expect(() => signer.signExtrinsic(other, payload)).toThrow("does not sign");
      }
    });
  }

  test("the wallet signs nothing else that finney's metadata knows in that pallet", async () => {
    const signer = await signerOf(1);
    const allowed = new Set(CALLS.map(([name]) => name));
    const others = Object.entries(finney.tx.subtensorModule!).filter(([name]) => !allowed.has(name));
    expect(others.length).toBeGreaterThan(50);
    for (const [, call] of others) {
      const payload = Uint8Array.of(...call.callIndex, ...new Uint8Array(400));
      for (const kind of ["serve-axon", "set-weights", "commit-weights"] as const)
        expect(() => signer.signExtrinsic(kind, payload)).toThrow("does not sign");
    }
  });

  test("every refusal that we explain exists there by that name", () => {
    // CallFiltered is of pallet System, which every chain has.
    const names = namesUsed(/^ {2}([A-Z][A-Za-z]+): (?:\{|[A-Z_]+[,(])/gm).filter(
      (name) => name !== "CallFiltered",
    );
    expect(names).toContain("SettingWeightsTooFast");
    expect(names.filter((name) => finney.errors.subtensorModule![name] === undefined)).toEqual([]);
  });

  test("the transaction extensions follow each other in the same order", () => {
    expect(local.extensions).toEqual(finney.extensions);
  });

  test("the reveal event exists with an index and a hotkey", () => {
    const fields = ({ events }: Runtime) =>
      events.subtensorModule!.TimelockedWeightsRevealed!.meta.fields.length;
    expect([fields(local), fields(finney)]).toEqual([2, 2]);
  });

  test("the metagraph has its fields at the indexes that we ask for", () => {
    const names = Object.keys(METAGRAPH_FIELDS);
    expect(fieldsOf(finney, "SubnetInfoRuntimeApi", "get_selective_metagraph")).toEqual(names);
    expect(METAGRAPH_INDEXES.map((index) => names[index])).toEqual([
      "block",
      "tempo",
      "lastStep",
      "blocksSinceLastStep",
      "minAllowedWeights",
      "maxWeightsLimit",
      "weightsVersion",
      "weightsRateLimit",
      "servingRateLimit",
      "commitRevealWeightsEnabled",
      "commitRevealPeriod",
      "hotkeys",
      "coldkeys",
      "axons",
      "active",
      "validatorPermit",
      "lastUpdate",
      "blockAtRegistration",
      "totalStake",
    ]);
  });

  test("a metagraph in finney's encoding is read as in localnet's", () => {
    const axon = { ip: 5, port: 8091, ipType: 4, version: 720, protocol: 4, block: 9 };
    const value = {
      netuid: 1,
      block: 5,
      tempo: 360,
      lastStep: 4,
      blocksSinceLastStep: 1,
      minAllowedWeights: 8,
      maxWeightsLimit: 65_535,
      weightsVersion: 3,
      weightsRateLimit: 100,
      servingRateLimit: 50,
      commitRevealWeightsEnabled: true,
      commitRevealPeriod: 2,
      hotkeys: [STRANGER],
      coldkeys: [STRANGER],
      axons: [axon],
      active: [true],
      validatorPermit: [true],
      lastUpdate: [77],
      blockAtRegistration: [66],
      totalStake: ["1500000000"],
    };
    const answers = [finney, local].map((runtime) =>
      outputOf(runtime, "SubnetInfoRuntimeApi", "get_selective_metagraph", value),
    );
    expect(answers[0]!.toHex()).toBe(answers[1]!.toHex());
    const metagraph = decodeMetagraph(answers[0]!, NETUID);
    expect(metagraph).toEqual(decodeMetagraph(answers[1]!, NETUID));
    expect(metagraph.stakeTao[0]).toBe(1.5);
  });

  test("neurons in finney's encoding are read as in localnet's", () => {
    const neuron = {
      hotkey: STRANGER,
      coldkey: STRANGER,
      uid: 0,
      netuid: 1,
      active: true,
      stake: [[STRANGER, 2_000_000_000]],
      lastUpdate: 5,
      validatorPermit: true,
    };
    const answers = [finney, local].map((runtime) =>
      outputOf(runtime, "NeuronInfoRuntimeApi", "get_neurons_lite", [neuron]),
    );
    expect(answers[0]!.toHex()).toBe(answers[1]!.toHex());
    expect(decodeNeurons(answers[0]!)[0]).toMatchObject({ hotkey: STRANGER, stakeTao: 2, lastUpdate: 5 });
  });
});

function outputType({ registry, metadata }: Runtime, api: string, method: string): string {
  const found = metadata.asLatest.apis
    .find(({ name }) => name.toString() === api)!
    .methods.find(({ name }) => name.toString() === method)!;
  return registry.createLookupType(found.output);
}

function outputOf(runtime: Runtime, api: string, method: string, value: unknown): Codec {
  return runtime.registry.createType(outputType(runtime, api, method), value);
}

function fieldsOf(runtime: Runtime, api: string, method: string): string[] {
  const value = runtime.registry.createType(outputType(runtime, api, method), { netuid: 1 });
  return [...(value as unknown as { unwrap(): Map<string, unknown> }).unwrap().keys()];
}
