import type { Value } from "./codec.ts";
import {
  ADMIN_ERROR_INDEX,
  type AdminError,
  CALL_FILTERED,
  ERROR_INDEX,
  type PalletError,
  SYSTEM_ERROR_INDEX,
} from "./errors.ts";
import { PALLET, type RuntimeEventValue, type SubtensorEvent } from "./runtime.ts";
import type { DispatchErrorValue } from "./types.ts";

export type SubtensorEventValue = Value<typeof SubtensorEvent>;
/** Of a pallet, the runtime's filter, or the one of the currency that transfers end with, or of who may not. */
export type CallError = PalletError | AdminError | typeof CALL_FILTERED | "FundsUnavailable" | "BadOrigin";
export type Outcome<E extends CallError = PalletError> = { events: SubtensorEventValue[] } | { error: E };

export const inSubtensor = (event: SubtensorEventValue): RuntimeEventValue => ({
  kind: "SubtensorModule",
  fields: { 0: event },
});

/** How events word the error of a call. */
export function dispatchError(error: CallError): DispatchErrorValue {
  if (error === "FundsUnavailable") return { kind: "Token", fields: { 0: { kind: error, fields: {} } } };
  if (error === "BadOrigin") return { kind: error, fields: {} };
  if (error === CALL_FILTERED) return moduleError(PALLET.System, SYSTEM_ERROR_INDEX[error]);
  if (isAdminError(error)) return moduleError(PALLET.AdminUtils, ADMIN_ERROR_INDEX[error]);
  return moduleError(PALLET.SubtensorModule, ERROR_INDEX[error]);
}

const isAdminError = (error: PalletError | AdminError): error is AdminError =>
  !Object.hasOwn(ERROR_INDEX, error);

const moduleError = (index: number, error: number): DispatchErrorValue => ({
  kind: "Module",
  fields: { 0: { index, error: Uint8Array.of(error, 0, 0, 0) } },
});
