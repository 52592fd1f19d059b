import {
  at,
  bare,
  bool,
  bytes,
  type Codec,
  compact,
  compactBig,
  fixedBytes,
  height,
  i64,
  i128,
  str,
  struct,
  tuple,
  u8,
  u16,
  u32,
  u64,
  u128,
  unit,
  type Value,
  variant,
  vec,
  wrapped,
} from "./codec.ts";

// Names, order and indexes in this file and its neighbours are those of finney's runtime, spec 424. What a validator
// never meets is left out.

/** A public key as 64 lower-case hex digits: cheap to compare and to use as a map key. */
export type AccountHex = string;
/** A 32-byte hash, as 64 lower-case hex digits. */
export type HashHex = string;

/** The account of nobody: what owners read as where there is none. */
export const NOBODY: AccountHex = "00".repeat(32);

export const toHex = (value: Uint8Array): string =>
  Buffer.from(value.buffer, value.byteOffset, value.length).toString("hex");
export const fromHex = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, "hex"));

const bytes32 = fixedBytes(32);
const hex32: Codec<string> = {
  shape: bytes32.shape,
  write: (out, value) => bytes32.write(out, fromHex(value)),
  read: (input) => toHex(bytes32.read(input)),
};
export const AccountId = wrapped<AccountHex>("sp_core::crypto::AccountId32", hex32);
export const Hash = wrapped<HashHex>("primitive_types::H256", hex32);

export const FixedU128 = struct("substrate_fixed::FixedU128", { bits: u128 });
export const FixedI128 = struct("substrate_fixed::FixedI128", { bits: i128 });
export const FixedI64 = struct("substrate_fixed::FixedI64", { bits: i64 });

export const bounded = <T>(of: Codec<T>): Codec<T> =>
  wrapped("bounded_collections::bounded_vec::BoundedVec", of);
/** Pairs in the order of their keys. */
export const btreeMap = <K, V>(key: Codec<K>, value: Codec<V>): Codec<[K, V][]> =>
  wrapped("BTreeMap", vec(tuple(key, value)), [
    { name: "K", codec: key },
    { name: "V", codec: value },
  ]);
const boundedBytes = (maxBytes: number): Codec<Uint8Array> =>
  wrapped("bounded_collections::bounded_vec::BoundedVec", bytes(maxBytes));

/** MAX_CRV3_COMMIT_SIZE_BYTES of the runtime. */
export const MAX_COMMIT_BYTES = 5000;
export const CommitBytes = boundedBytes(MAX_COMMIT_BYTES);
export const ShieldedBytes = boundedBytes(8192);

export const AxonInfo = struct("pallet_subtensor::pallet::AxonInfo", {
  block: height,
  version: u32,
  ip: u128,
  port: u16,
  ipType: u8,
  protocol: u8,
  placeholder1: u8,
  placeholder2: u8,
});
export type AxonRecord = Value<typeof AxonInfo>;
export const NO_AXON: AxonRecord = {
  block: 0,
  version: 0,
  ip: 0n,
  port: 0,
  ipType: 0,
  protocol: 0,
  placeholder1: 0,
  placeholder2: 0,
};

export const PrometheusInfo = struct("pallet_subtensor::pallet::PrometheusInfo", {
  block: height,
  version: u32,
  ip: u128,
  port: u16,
  ipType: u8,
});

export const NEURON_FIELDS = {
  hotkey: AccountId,
  coldkey: AccountId,
  uid: compact(u16),
  netuid: compact(u16),
  active: bool,
  axonInfo: AxonInfo,
  prometheusInfo: PrometheusInfo,
  stake: vec(tuple(AccountId, compactBig(u64))),
  rank: compact(u16),
  emission: compactBig(u64),
  incentive: compact(u16),
  consensus: compact(u16),
  trust: compact(u16),
  validatorTrust: compact(u16),
  dividends: compact(u16),
  lastUpdate: compact(height),
  validatorPermit: bool,
  pruningScore: compact(u16),
};
export const NeuronInfoLite = struct(
  "pallet_subtensor::rpc_info::neuron_info::NeuronInfoLite",
  NEURON_FIELDS,
);

export const TimelockedCommit = tuple(AccountId, height, CommitBytes, u64);

// Drand pallet: byte strings are bounded, the public key of a beacon on G2 has 96 bytes.
export const Pulse = struct("pallet_drand::types::Pulse", {
  round: u64,
  randomness: boundedBytes(32),
  signature: boundedBytes(144),
});
export const BeaconConfiguration = struct("pallet_drand::types::BeaconConfiguration", {
  publicKey: boundedBytes(96),
  period: u32,
  genesisTime: u32,
  hash: boundedBytes(32),
  groupHash: boundedBytes(32),
  schemeId: boundedBytes(32),
  metadata: struct("pallet_drand::types::Metadata", { beaconId: boundedBytes(32) }),
});

export const AccountData = struct("pallet_balances::types::AccountData", {
  free: u64,
  reserved: u64,
  frozen: u64,
  flags: wrapped("pallet_balances::types::ExtraFlags", u128),
});
export const AccountInfo = struct(
  "frame_system::AccountInfo",
  { nonce: u32, consumers: u32, providers: u32, sufficients: u32, data: AccountData },
  [
    { name: "Nonce", codec: u32 },
    { name: "AccountData", codec: AccountData },
  ],
);

const Weight = struct("sp_weights::weight_v2::Weight", {
  refTime: compactBig(u64),
  proofSize: compactBig(u64),
});
const DispatchClass = variant("frame_support::dispatch::DispatchClass", {
  Normal: bare(0),
  Operational: bare(1),
  Mandatory: bare(2),
});
export const FeeInfo = struct("pallet_transaction_payment::types::RuntimeDispatchInfo", {
  weight: Weight,
  class: DispatchClass,
  partialFee: u64,
});
export const DispatchInfo = struct("frame_system::DispatchEventInfo", {
  weight: Weight,
  class: DispatchClass,
  paysFee: variant("frame_support::dispatch::Pays", { Yes: bare(0), No: bare(1) }),
});

const plain = (path: string, names: string[]): Codec<{ kind: string; fields: Record<never, never> }> =>
  variant(path, Object.fromEntries(names.map((name, index) => [name, bare(index)])));

/** Only `Module` is ever produced here; the others are what a client must be able to tell apart. */
export const DispatchError = variant("sp_runtime::DispatchError", {
  Other: bare(0),
  CannotLookup: bare(1),
  BadOrigin: bare(2),
  Module: at(3, { 0: struct("sp_runtime::ModuleError", { index: u8, error: fixedBytes(4) }) }),
  ConsumerRemaining: bare(4),
  NoProviders: bare(5),
  TooManyConsumers: bare(6),
  Token: at(7, {
    0: plain("sp_runtime::TokenError", [
      "FundsUnavailable",
      "OnlyProvider",
      "BelowMinimum",
      "CannotCreate",
      "UnknownAsset",
      "Frozen",
      "Unsupported",
      "CannotCreateHold",
      "NotExpendable",
      "Blocked",
    ]),
  }),
  Arithmetic: at(8, {
    0: plain("sp_arithmetic::ArithmeticError", ["Underflow", "Overflow", "DivisionByZero"]),
  }),
  Transactional: at(9, { 0: plain("sp_runtime::TransactionalError", ["LimitReached", "NoLayer"]) }),
  Exhausted: bare(10),
  Corruption: bare(11),
  Unavailable: bare(12),
  RootNotAllowed: bare(13),
  Trie: at(14, {
    0: plain("sp_runtime::proving_trie::TrieError", [
      "InvalidStateRoot",
      "IncompleteDatabase",
      "ValueAtIncompleteKey",
      "DecoderError",
      "InvalidHash",
      "DuplicateKey",
      "ExtraneousNode",
      "ExtraneousValue",
      "ExtraneousHashReference",
      "InvalidChildReference",
      "ValueMismatch",
      "IncompleteProof",
      "RootMismatch",
      "DecodeError",
    ]),
  }),
});

export type DispatchErrorValue = Value<typeof DispatchError>;

export const Phase = variant("frame_system::Phase", {
  ApplyExtrinsic: at(0, { 0: u32 }),
  Finalization: bare(1),
  Initialization: bare(2),
});

export const MultiAddress = variant(
  "sp_runtime::multiaddress::MultiAddress",
  {
    Id: at(0, { 0: AccountId }),
    Index: at(1, { 0: { ...unit, shape: { kind: "compact", of: unit } } as typeof unit }),
    Raw: at(2, { 0: bytes() }),
    Address32: at(3, { 0: bytes32 }),
    Address20: at(4, { 0: fixedBytes(20) }),
  },
  [
    { name: "AccountId", codec: AccountId },
    { name: "AccountIndex", codec: unit },
  ],
);

export const MultiSignature = variant("sp_runtime::MultiSignature", {
  Ed25519: at(0, { 0: fixedBytes(64) }),
  Sr25519: at(1, { 0: fixedBytes(64) }),
  Ecdsa: at(2, { 0: fixedBytes(65) }),
});

const copyOnWrite = <T>(codec: Codec<T>): Codec<T> => wrapped("Cow", codec, [{ name: "T", codec }]);

export const RuntimeVersion = struct("sp_version::RuntimeVersion", {
  specName: copyOnWrite(str),
  implName: copyOnWrite(str),
  authoringVersion: u32,
  specVersion: u32,
  implVersion: u32,
  apis: copyOnWrite(vec(tuple(fixedBytes(8), u32))),
  transactionVersion: u32,
  systemVersion: u8,
});
