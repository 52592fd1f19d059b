import { describe, expect, test } from "bun:test";
import { liftStep } from "../../src/events/reader.ts";
import { columnsOf, EVENT_KINDS, parseEvent, type StepEvent } from "../../src/events/schema.ts";
import type { StepEventV1 } from "../../src/events/version-1.ts";
import { BODIES, IDENTITY, stepBodyOf } from "./bodies.ts";
import { stepEventOf } from "./step-event.ts";

const base = { ...IDENTITY, version: 2, time: "2026-01-01T00:00:00.000Z", block: 5, run: "r", sequence: 0 };

/** Fields that came later: absent in events of before. */
const LATER = new Set(["routed", "mecid", "mechanisms", "unasked", "next_weights_block"]);

describe("version 2 of the events", () => {
  test("has a body of every kind, which a line gives back as it was", () => {
    expect(BODIES.map(({ kind }) => kind).sort()).toEqual(Object.keys(EVENT_KINDS).sort() as never);
    for (const body of BODIES) {
      const event = JSON.parse(JSON.stringify({ ...base, ...body }));
      expect(parseEvent(event)).toEqual(event);
    }
  });

  test("is no event without any one of its fields, or with a number that is none", () => {
    for (const body of BODIES) {
      const event: Record<string, unknown> = { ...base, ...body };
      for (const name of Object.keys(EVENT_KINDS[body.kind].shape).concat(Object.keys(base)))
        if (!LATER.has(name))
          expect([body.kind, name, parseEvent({ ...event, [name]: undefined })]).toEqual([
            body.kind,
            name,
            undefined,
          ]);
    }
    const step = BODIES.find(({ kind }) => kind === "step")!;
    expect(parseEvent({ ...base, ...step, rewards: [null, 1] })).toBeUndefined();
  });

  test("tell who was routed only since that is told", () => {
    const step = { ...base, ...stepBodyOf(2) };
    expect(parseEvent(step)).toEqual(step as never);
    const told = { ...step, routed: [1, 0] } as const;
    expect(parseEvent(told)).toEqual(told as never);
    expect(columnsOf(told as unknown as StepEvent)).toEqual({});
    expect(parseEvent({ ...step, routed: [2, 0] })).toBeUndefined();
  });

  test("tell of mechanisms only since that is told", () => {
    const weights = BODIES.find(({ kind }) => kind === "weights")!;
    const told = { ...base, ...weights, mecid: 1 };
    expect(parseEvent(told)).toEqual(told as never);
    expect(parseEvent({ ...told, mecid: "1" })).toBeUndefined();
  });

  test("are not read from other versions, kinds or values", () => {
    const stop = { ...base, kind: "stop", reason: "signal", exit_code: 0, steps: 1 };
    for (const raw of [null, 1, "x", [], {}, { ...stop, version: 3 }, { ...stop, kind: "constructor" }])
      expect(parseEvent(raw)).toBeUndefined();
  });

  test("has the columns of a step beside its fixed fields", () => {
    const step = BODIES.find(({ kind }) => kind === "step")!;
    expect(columnsOf({ ...base, ...step } as StepEvent)).toEqual({
      relevance_filter: [1, null],
      relevance_filter_normalized: [0.5, null],
    });
  });
});

describe("a step of version 1", () => {
  test("is lifted to version 2 with null for what was not told, and its columns", () => {
    const old = stepEventOf("followup3", [0.5, 0], { relevance_filter: [1, null] }) as StepEventV1;
    const lifted = liftStep(old);
    expect(lifted).toMatchObject({ ...old, task: "followup", origin: "dataset", counted: true });
    expect([lifted.run, lifted.step, lifted.stages, lifted.base_prompt]).toEqual([null, null, null, null]);
    const current = BODIES.find(({ kind }) => kind === "step") as object;
    for (const name of Object.keys({ ...base, ...current }))
      if (!name.startsWith("relevance_")) expect(lifted).toHaveProperty(name);
  });
});
