/**
 * Branded scalars of the Bittensor domain. A brand costs nothing at run time and keeps a uid from being passed
 * where a block number is wanted.
 */
declare const brand: unique symbol;
type Brand<T, Name extends string> = T & { readonly [brand]: Name };

/** Index of a neuron inside a subnet, 0..65535. */
export type Uid = Brand<number, "Uid">;
/** Index of a subnet, 0..65535. */
export type Netuid = Brand<number, "Netuid">;
/** Height of a block. */
export type BlockNumber = Brand<number, "BlockNumber">;
/** SS58 address with prefix 42 (48 characters) of a hotkey. */
export type Hotkey = Brand<string, "Hotkey">;

export const asUid = (value: number): Uid => value as Uid;
export const asNetuid = (value: number): Netuid => value as Netuid;
export const asBlock = (value: number): BlockNumber => value as BlockNumber;
export const asHotkey = (value: string): Hotkey => value as Hotkey;

/** The chain keeps weights as u16; the largest of a row stands for this. */
export const U16_MAX = 65_535;

/** TAO has nine decimals. */
export const RAO_PER_TAO = 1_000_000_000;
export const taoOf = (rao: bigint): number => Number(rao) / RAO_PER_TAO;
