import { EVENT_VERSION, type Event, type EventBody } from "../../src/events/schema.ts";
import { BODIES, IDENTITY, stepBodyOf } from "../events/bodies.ts";

export const START_MS = Date.parse("2026-01-01T00:00:00Z");

/** An event `atS` seconds after START_MS. */
export function stamped(body: EventBody, atS: number, block = 1000): Event {
  return {
    ...IDENTITY,
    version: EVENT_VERSION,
    time: new Date(START_MS + atS * 1000).toISOString(),
    block,
    run: "run",
    sequence: 0,
    ...body,
  } as Event;
}

/** The body of a kind as bodies.ts has it, with other fields. */
export function bodyOf(kind: EventBody["kind"], more: object = {}): EventBody {
  const body = kind === "step" ? stepBodyOf(4) : BODIES.find((one) => one.kind === kind)!;
  return { ...body, ...more } as EventBody;
}
