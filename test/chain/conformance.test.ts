import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expandMetadata, Metadata, TypeRegistry } from "@polkadot/types";
import type { Codec } from "@polkadot/types/types";
import { stringCamelCase, u8aToHex } from "@polkadot/util";
import { decodeMetagraph, decodeNeurons, METAGRAPH_INDEXES } from "../../src/chain/metagraph.ts";
import { BY_NAME, refusalNamed } from "../../src/chain/refusals.ts";
import { describeRuntime } from "../../src/localnet/node/description.ts";
import { METAGRAPH_FIELDS } from "../../src/localnet/node/metagraph-type.ts";
import { NETUID, STRANGER, signerOf } from "./fixture.ts";

/** Metadata of the public network, spec 424: too large and not ours to keep in this repository. */
const FINNEY = resolve(import.meta.dir, "../../../shared/data/finney-424.metadata.scale.gz");
/** Whatever reads the chain; localnet is the chain. */
const READERS = ["chain", "validator", "cli/doctor"].map((room) =>
  resolve(import.meta.dir, "../../src", room),
);
const METADATA_MAGIC = "meta";
const SOURCES = READERS.flatMap((room) =>
  readdirSync(room)
    .filter((name) => name.endsWith(".ts"))
    .map((name) => readFileSync(join(room, name), "utf8")),
).join("\n");

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

/** Names that the sources use, so that a new one is checked without being listed here. */
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
  account: [STRANGER],
  events: [],
  now: [],
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
    ...namesUsed(
      /subtensorModule\.([a-z]\w+)/g,
      /(?<![.\w])(?:numberItem|subtensorItem|named|one)\(\s*"([a-z]\w+)"/g,
    )
      .filter((name) => !CALLS.some(([call]) => call === name))
      // Newer than finney's metadata, and read only where it is.
      .filter((name) => name !== "subnetEpochConsensus")
      .map((name) => ["subtensorModule", name] as const),
    ...["drand", "system", "timestamp"].flatMap((pallet) =>
      namesUsed(new RegExp(`"${pallet}\\.([a-z]\\w+)"`, "g"))
        .filter((name) => name !== "json")
        .map((name) => [pallet, name] as const),
    ),
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
        "mechanismCountCurrent",
        "mechanismEmissionSplit",
        "beaconConfig",
        "account",
        "events",
        "now",
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
          // Of the events, those that a validator looks for are compared by themselves.
          type: name === "events" ? null : registry.createType(value).toRawType(),
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
    const { subtensorModule, system } = finney.errors;
    const names = Object.keys(BY_NAME);
    expect(names).toContain("SettingWeightsTooFast");
    expect(names.filter((name) => !subtensorModule![name] && !system![name])).toEqual([]);
  });

  test("every error of every pallet there is told in one sentence, with what happens next", () => {
    const names = Object.values(finney.errors).flatMap((errors) => Object.keys(errors));
    expect(names.length).toBeGreaterThan(300);
    const told = names.map((name) => ({ name, ...refusalNamed(name) }));
    const isSentence = ({ message }: { message: string }) => /^[a-z][^\n]{15,160}$/.test(message);
    expect(told.filter((refusal) => !isSentence(refusal))).toEqual([]);
    // What is not explained says so, with its name and what to do.
    const strange = told.filter(({ name }) => !(name in BY_NAME));
    expect(strange.filter(({ message, name, hint }) => !message.includes(name) || !hint)).toEqual([]);
    expect(refusalNamed("NotEnoughBalanceToSwap").message).toBe(
      "the chain refused the extrinsic: not enough balance to swap (NotEnoughBalanceToSwap)",
    );
  });

  test("every error that a validator's calls can end with there is explained", () => {
    const calls = [
      // pallets/subtensor/src/subnets/weights.rs: internal_set_weights, internal_commit_timelocked_weights, do_reveal_weights
      ...["CanNotSetRootNetworkWeights", "WeightVecNotEqualSize", "MechanismDoesNotExist", "SubnetNotExists"],
      ...["UidsLengthExceedUidsInSubNet", "HotKeyNotRegisteredInSubNet", "NotEnoughStakeToSetWeights"],
      ...["IncorrectWeightVersionKey", "SettingWeightsTooFast", "NeuronNoValidatorPermit", "DuplicateUids"],
      ...["UidVecContainInvalidOne", "WeightVecLengthIsLow", "MaxWeightExceeded", "CommitRevealEnabled"],
      ...["CommitRevealDisabled", "IncorrectCommitRevealVersion", "CommittingWeightsTooFast"],
      ...["TooManyUnrevealedCommits", "InvalidRevealRound", "NoWeightsCommitFound", "RevealTooEarly"],
      ...["ExpiredWeightCommit", "InvalidRevealCommitHashNotMatch", "InputLengthsUnequal", "CallDisabled"],
      // serving.rs: do_serve_axon
      ...["HotKeyNotRegisteredInNetwork", "InvalidIpType", "InvalidIpAddress", "ServingRateLimitExceeded"],
      "InvalidPort",
      // extensions: coldkey swap; filter of calls
      ...["ColdkeySwapAnnounced", "ColdkeySwapDisputed", "CallFiltered", "DisabledTemporarily", "Deprecated"],
    ];
    const known = { ...finney.errors.subtensorModule, ...finney.errors.system };
    expect(calls.filter((name) => known[name] === undefined)).toEqual([]);
    expect(calls.filter((name) => !(name in BY_NAME))).toEqual([]);
  });

  const apis = [...SOURCES.matchAll(/\.call\.(\w+)[?!]*\.(\w+)/g)].map((match) => `${match[1]}.${match[2]}`);

  test("every runtime API that is asked there has the same inputs", () => {
    expect(new Set(apis)).toEqual(
      new Set(["subnetInfoRuntimeApi.getSelectiveMetagraph", "neuronInfoRuntimeApi.getNeuronsLite"]),
    );
    for (const name of new Set(apis)) expect(inputsOf(local, name)).toEqual(inputsOf(finney, name));
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

/** Names and types of what a runtime API takes. @param name as clients write it: `api.method` */
function inputsOf({ registry, metadata }: Runtime, name: string): string[] {
  const [api, method] = name.split(".") as [string, string];
  const found = metadata.asLatest.apis
    .find((one) => stringCamelCase(one.name.toString()) === api)!
    .methods.find((one) => stringCamelCase(one.name.toString()) === method)!;
  return found.inputs.map(
    (input) => `${input.name}: ${registry.createType(registry.createLookupType(input.type)).toRawType()}`,
  );
}

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
