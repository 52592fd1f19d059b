import type { AnyEvent } from "../../src/events/schema.ts";
import { anyEventV1 } from "../../src/events/version-1.ts";

/** A step of miners with these rewards, and further columns, as the journal holds it. */
export function stepEventOf(
  name: string,
  rewards: readonly number[],
  columns: Readonly<Record<string, (number | null)[]>> = {},
): AnyEvent {
  const list = <T>(value: T): T[] => rewards.map(() => value);
  return anyEventV1.parse({
    version: 1,
    kind: "step",
    time: "2026-01-01T00:00:00Z",
    genesis: "0x",
    netuid: 1,
    hotkey: "5",
    block: 1,
    name,
    forward: "f",
    step_length: 1,
    prompt: "p",
    uids: rewards.map((_, uid) => uid),
    hotkeys: list("5"),
    completions: list("c"),
    completion_times: list(1),
    completion_status_codes: list(200),
    completion_status_messages: list(""),
    rewards: [...rewards],
    gating_loss: null,
    best: "c",
    nan_columns: [],
    ...columns,
  });
}
