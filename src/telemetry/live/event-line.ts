import { counted, printable } from "../../base/text.ts";
import type { Event } from "../../events/schema.ts";
import { answeredIn, meanRewardIn } from "../../events/step-figures.ts";

/** An event in one sentence, for people. */
export interface EventLine {
  /** ISO 8601. */
  time: string;
  block: number;
  kind: Event["kind"];
  /** Printable; may hold a stranger's text. */
  text: string;
  /** good and bad are changes that an operator looks for; the rest is plain. */
  tone: "plain" | "good" | "bad";
}

const MAX_TEXT = 300;
const GOOD = new Set([
  "chain connected",
  "chain caught-up",
  "weights included",
  "reveal revealed",
  "miners reached",
  "disk ok",
  "disk journal-back",
  "disk state-back",
  "update confirmed",
]);
const BAD = new Set([
  "chain lost",
  "chain lagging",
  "chain clock",
  "weights refused",
  "reveal missing",
  "miners outage",
  "disk low",
  "disk full",
  "disk journal-lost",
  "disk state-full",
  "model lost",
  "model left-out",
  "forward failed",
  "update rolled-back",
  "update failed",
]);

export function lineOfEvent(event: Event): EventLine {
  const { time, block, kind } = event;
  const state = "state" in event ? event.state : "outcome" in event ? event.outcome : "";
  const name = `${kind} ${state}`;
  const tone = GOOD.has(name) ? "good" : BAD.has(name) || isStepLost(event) ? "bad" : "plain";
  return { time, block, kind, text: printable(textOf(event), MAX_TEXT), tone };
}

function isStepLost(event: Event): boolean {
  return event.kind === "step" && !event.counted;
}

function textOf(event: Event): string {
  switch (event.kind) {
    case "run":
      return `openvalidator ${event.program} starts as uid ${event.uid} with ${counted(event.models.length, "model")}`;
    case "stop":
      return `stops (${event.reason}) after ${counted(event.steps, "step")}`;
    case "model":
      return sentence([`${event.model} ${event.state}`, event.device && `on ${event.device}`], event.detail);
    case "gating":
      return `layer of ${counted(event.rows, "row")} after ${counted(event.trained, "step")}, on ${event.encoder}`;
    case "chain":
      return sentence([event.state, event.endpoint], event.detail);
    case "forward":
      return sentence(
        [`pass ${event.outcome}: ${counted(event.steps, "step")} in ${event.seconds.toFixed(1)} s`],
        event.cause ?? event.reason,
      );
    case "step":
      return stepText(event);
    case "weights":
      return sentence(
        [event.state, event.path, event.uids.length > 0 && `for ${counted(event.uids.length, "miner")}`],
        event.error ?? event.reason,
      );
    case "reveal":
      return sentence([`${event.state}, committed in block ${event.committed}`], event.error);
    case "scores":
      return `scores of ${counted(event.hotkeys.length, "miner")}`;
    case "metagraph":
      return `${event.neurons} neurons, ${event.serving} serve${changesOf(event)}`;
    case "miners":
      return sentence([`${event.state}: ${event.reached} of ${event.asked} reached`], event.cause);
    case "disk":
      return sentence([event.state, freeText(event.free_bytes), event.path], event.detail);
    case "update":
      return sentence(
        [event.state, event.to, event.state === "rolled-back" && `from ${event.from}`],
        event.detail,
      );
  }
}

function freeText(bytes: number | null): string {
  return bytes === null ? "" : `${(bytes / 1e9).toFixed(1)} GB free`;
}

function stepText(event: Extract<Event, { kind: "step" }>): string {
  const facts = `${event.step} ${event.name}: ${answeredIn(event)} of ${event.uids.length} answered`;
  if (!event.counted) return sentence([`${facts}, did not count`], event.cause);
  return `${facts}, mean reward ${meanRewardIn(event).toFixed(3)}, ${event.step_length.toFixed(1)} s`;
}

function changesOf(event: Extract<Event, { kind: "metagraph" }>): string {
  const counts = { replaced: event.replaced, moved: event.moved, added: event.added, removed: event.removed };
  return Object.entries(counts)
    .filter(([, list]) => list.length > 0)
    .map(([name, list]) => `, ${list.length} ${name}`)
    .join("");
}

function sentence(words: (string | null | false | 0 | undefined)[], detail: string | null): string {
  const head = words.filter(Boolean).join(" ");
  return detail ? `${head} (${detail})` : head;
}
