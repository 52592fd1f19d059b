import {
  type AnyCodec,
  at,
  bare,
  bytes,
  compact,
  compactBig,
  fixedBytes,
  option,
  struct,
  tuple,
  u8,
  u32,
  u64,
  unit,
  variant,
  wrapped,
} from "./codec.ts";
import { RuntimeCall } from "./runtime.ts";
import { Hash, MultiAddress, MultiSignature } from "./types.ts";

/** 255 mortal variants, the second byte as their content. The codec itself is in extrinsic.ts. */
const Era = variant(
  "sp_runtime::generic::era::Era",
  Object.fromEntries([
    ["Immortal", bare(0)],
    ...Array.from({ length: 255 }, (_, index) => [`Mortal${index + 1}`, at(index + 1, { 0: u8 })]),
  ]),
);

export const marker = (path: string): AnyCodec => struct(path, {});
const noExtra = (identifier: string, path: string, implicit: AnyCodec = unit) => ({
  identifier,
  extra: marker(path),
  implicit,
});

/** All 13 transaction extensions, in the order in which their bytes follow each other. */
export const EXTENSIONS = [
  noExtra("CheckNonZeroSender", "frame_system::extensions::check_non_zero_sender::CheckNonZeroSender"),
  noExtra("CheckSpecVersion", "frame_system::extensions::check_spec_version::CheckSpecVersion", u32),
  noExtra("CheckTxVersion", "frame_system::extensions::check_tx_version::CheckTxVersion", u32),
  noExtra("CheckGenesis", "frame_system::extensions::check_genesis::CheckGenesis", Hash),
  {
    identifier: "CheckMortality",
    extra: wrapped("node_subtensor_runtime::check_mortality::CheckMortality", Era),
    implicit: Hash,
  },
  {
    identifier: "CheckNonce",
    extra: wrapped("node_subtensor_runtime::check_nonce::CheckNonce", compact(u32)),
    implicit: unit,
  },
  noExtra("CheckWeight", "frame_system::extensions::check_weight::CheckWeight"),
  {
    identifier: "ChargeTransactionPayment",
    extra: wrapped("pallet_transaction_payment::ChargeTransactionPayment", compactBig(u64)),
    implicit: unit,
  },
  noExtra("SudoTransactionExtension", "node_subtensor_runtime::sudo_wrapper::SudoTransactionExtension"),
  noExtra("CheckShieldedTxValidity", "pallet_shield::extension::CheckShieldedTxValidity"),
  noExtra(
    "SubtensorTransactionExtension",
    "pallet_subtensor::extensions::subtensor::SubtensorTransactionExtension",
  ),
  noExtra("DrandPriority", "pallet_drand::drand_priority::DrandPriority"),
  {
    identifier: "CheckMetadataHash",
    extra: struct("frame_metadata_hash_extension::CheckMetadataHash", {
      mode: variant("frame_metadata_hash_extension::Mode", { Disabled: bare(0), Enabled: bare(1) }),
    }),
    implicit: option(fixedBytes(32)),
  },
];

export const Extrinsic = wrapped("sp_runtime::generic::unchecked_extrinsic::UncheckedExtrinsic", bytes(), [
  { name: "Address", codec: MultiAddress },
  { name: "Call", codec: RuntimeCall },
  { name: "Signature", codec: MultiSignature },
  { name: "Extra", codec: tuple(...EXTENSIONS.map(({ extra }) => extra)) },
]);
