import type { Value } from "./codec.ts";
import type { CALL_FILTERED, PalletError } from "./errors.ts";
import type { RuntimeEventValue, SubtensorEvent } from "./runtime.ts";

export type SubtensorEventValue = Value<typeof SubtensorEvent>;
/** Of the pallet, the runtime's filter, or the one of the currency that transfers end with, or of who may not. */
export type CallError = PalletError | typeof CALL_FILTERED | "FundsUnavailable" | "BadOrigin";
export type Outcome = { events: SubtensorEventValue[] } | { error: PalletError };

export const inSubtensor = (event: SubtensorEventValue): RuntimeEventValue => ({
  kind: "SubtensorModule",
  fields: { 0: event },
});
