import type { Event } from "../../../src/events/schema.ts";
import type { Status } from "../../../src/telemetry/status.ts";
import { StatusFold } from "../../../src/telemetry/status-fold.ts";

/** What `/api/status` says after these events, `seconds` after the last of them. */
export function statusAfter(events: readonly Event[], seconds: number): Status {
  const fold = new StatusFold();
  for (const event of events) fold.apply(event);
  const last = events.at(-1);
  return fold.snapshot((last === undefined ? 0 : Date.parse(last.time)) + seconds * 1000);
}
