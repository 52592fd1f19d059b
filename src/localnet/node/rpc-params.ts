import { decodeAddress } from "@polkadot/util-crypto";
import { Failure } from "../../base/error.ts";
import type { LocalnetCode } from "./scale.ts";
import { type AccountHex, toHex } from "./types.ts";

/** Hex digits of a parameter, with 0x or, as SDK 10 sends them, without. */
export function hexOf(value: unknown): string {
  if (typeof value !== "string" || !/^(?:0x)?(?:[0-9a-f]{2})*$/i.test(value))
    throw badRequest("a hex string is expected");
  return value.replace(/^0x/, "").toLowerCase();
}

/** A list of storage keys. */
export function keysOf(value: unknown): string[] {
  if (!Array.isArray(value)) throw badRequest("a list of storage keys is expected");
  return value.map(hexOf);
}

/** The account of an SS58 address. */
export function accountOf(value: unknown): AccountHex {
  try {
    return toHex(decodeAddress(String(value)));
  } catch (cause) {
    throw badRequest(
      `an account address is expected, not ${JSON.stringify(String(value).slice(0, 64))}`,
      cause,
    );
  }
}

function badRequest(reason: string, cause?: unknown): Failure<LocalnetCode> {
  return new Failure<LocalnetCode>("localnet.bad-request", { message: `Invalid params: ${reason}`, cause });
}
