import { type CallError, dispatchError } from "./outcome.ts";
import { FREE, type RuntimeEventValue } from "./runtime.ts";

const inSystem = (event: Extract<RuntimeEventValue, { kind: "System" }>["fields"][0]): RuntimeEventValue => ({
  kind: "System",
  fields: { 0: event },
});
/** The event of an extrinsic that did what it says. */
export const SUCCESS = inSystem({ kind: "ExtrinsicSuccess", fields: { dispatchInfo: FREE } });
/** The same of an inherent. */
export const SUCCESS_MANDATORY = inSystem({
  kind: "ExtrinsicSuccess",
  fields: { dispatchInfo: { ...FREE, class: { kind: "Mandatory", fields: {} } } },
});

/** The event of an extrinsic that ended with an error. */
export const failed = (error: CallError): RuntimeEventValue =>
  inSystem({
    kind: "ExtrinsicFailed",
    fields: { dispatchError: dispatchError(error), dispatchInfo: FREE },
  });
