import { blake2AsU8a } from "@polkadot/util-crypto";
import { encode, height, u16, u32, u64, type Value } from "./codec.ts";
import { EXTENSIONS, Extrinsic, marker } from "./extensions.ts";
import { encodeMetadata, type RuntimeDescription } from "./metadata.ts";
import {
  AdminCall,
  AdminUtilsError,
  BalancesCall,
  BalancesEvent,
  DrandEvent,
  PALLET,
  RuntimeCall,
  RuntimeError,
  RuntimeEvent,
  ShieldCall,
  ShieldEvent,
  STORAGE_PALLET,
  SubtensorCall,
  SubtensorError,
  SubtensorEvent,
  SystemCall,
  SystemEvent,
  SystemPalletError,
  TimestampCall,
} from "./runtime.ts";
import { API_DESCRIPTIONS } from "./runtime-apis.ts";
import { STATEFUL_CALL, STATEFUL_ITEMS, STATEFUL_SPEC_VERSION } from "./schedule.ts";
import { DRAND, STORAGE, SUBTENSOR, SYSTEM, TIMESTAMP } from "./storage.ts";
import { BALANCES, MEV_SHIELD, NEWER, READ_ONLY } from "./storage-clients.ts";
import { AccountId, MultiAddress, MultiSignature, RuntimeVersion } from "./types.ts";

/** frame_system's BlockHashCount: hashes of older blocks cannot anchor a mortal transaction. */
export const BLOCK_HASH_COUNT = 2400;
export const SS58_PREFIX = 42;
const EXISTENTIAL_DEPOSIT_RAO = 500n;

/** Names and versions by which a node announces its runtime APIs; the rest of the list is in API_DESCRIPTIONS. */
const API_VERSIONS: [string, number][] = [
  ["Core", 5],
  ["Metadata", 2],
  ...API_DESCRIPTIONS.map(({ name }): [string, number] => [name, 1]),
];

export type RuntimeVersionValue = Value<typeof RuntimeVersion>;

export const runtimeVersion = (specVersion: number): RuntimeVersionValue => ({
  specName: "node-subtensor",
  implName: "node-subtensor",
  authoringVersion: 1,
  specVersion,
  implVersion: 1,
  apis: API_VERSIONS.map(([name, version]) => [blake2AsU8a(name, 64), version]),
  transactionVersion: 1,
  systemVersion: 1,
});

/** Both metadata versions of one runtime. Call after each upgrade: the spec version is a constant in it. */
export function describeRuntime(
  specVersion: number,
  blockTimeMs: number,
): { v14: Uint8Array; v15: Uint8Array } {
  const description = runtimeDescription(specVersion, blockTimeMs);
  return { v14: encodeMetadata(description, 14), v15: encodeMetadata(description, 15) };
}

function runtimeDescription(specVersion: number, blockTimeMs: number): RuntimeDescription {
  const version = encode(RuntimeVersion, runtimeVersion(specVersion));
  const isStateful = specVersion >= STATEFUL_SPEC_VERSION;
  return {
    pallets: [
      {
        name: "System",
        index: PALLET.System,
        storage: Object.values(SYSTEM),
        call: SystemCall,
        event: SystemEvent,
        error: SystemPalletError,
        constants: [
          { name: "BlockHashCount", codec: u32, value: encode(u32, BLOCK_HASH_COUNT) },
          { name: "Version", codec: RuntimeVersion, value: version },
          { name: "SS58Prefix", codec: u16, value: encode(u16, SS58_PREFIX) },
        ],
      },
      {
        name: "Timestamp",
        index: PALLET.Timestamp,
        storage: Object.values(TIMESTAMP),
        call: TimestampCall,
        constants: [
          { name: "MinimumPeriod", codec: height, value: encode(height, Math.floor(blockTimeMs / 2)) },
        ],
      },
      {
        name: "Aura",
        index: PALLET.Aura,
        constants: [{ name: "SlotDuration", codec: height, value: encode(height, Math.round(blockTimeMs)) }],
      },
      {
        name: "Balances",
        index: PALLET.Balances,
        storage: Object.values(BALANCES),
        call: BalancesCall,
        event: BalancesEvent,
        constants: [{ name: "ExistentialDeposit", codec: u64, value: encode(u64, EXISTENTIAL_DEPOSIT_RAO) }],
      },
      {
        name: "SubtensorModule",
        index: PALLET.SubtensorModule,
        storage: [...Object.values(SUBTENSOR), ...Object.values(READ_ONLY), ...Object.values(NEWER)].filter(
          ({ name }) => isStateful || !STATEFUL_ITEMS.has(name),
        ),
        call: SubtensorCall,
        event: SubtensorEvent,
        error: SubtensorError,
        constants: [],
      },
      {
        name: "Drand",
        index: PALLET.Drand,
        storage: Object.values(DRAND),
        event: DrandEvent,
        constants: [],
      },
      {
        name: "AdminUtils",
        index: PALLET.AdminUtils,
        call: AdminCall,
        error: AdminUtilsError,
        constants: [],
      },
      {
        name: "MevShield",
        index: PALLET.MevShield,
        storage: Object.values(MEV_SHIELD),
        call: ShieldCall,
        event: ShieldEvent,
        constants: [],
      },
      ...STORAGE.filter(({ pallet }) => pallet in STORAGE_PALLET).map(({ pallet, items }) => ({
        name: pallet,
        index: STORAGE_PALLET[pallet as keyof typeof STORAGE_PALLET],
        storage: items,
        constants: [],
      })),
    ],
    account: AccountId,
    address: MultiAddress,
    call: RuntimeCall,
    signature: MultiSignature,
    extensions: EXTENSIONS,
    extrinsic: Extrinsic,
    event: RuntimeEvent,
    error: RuntimeError,
    runtime: marker("node_subtensor_runtime::Runtime"),
    apis: API_DESCRIPTIONS.map((api) => ({
      ...api,
      methods: api.methods.filter(({ name }) => isStateful || name !== STATEFUL_CALL),
    })),
  };
}
