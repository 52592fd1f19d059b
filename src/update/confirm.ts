import { z } from "zod";
import type { Pending } from "./update-record.ts";

/** What the status of a validator has to say for this; the rest of it is passed over. */
export const healthSchema = z.object({
  version: z.string().nullable(),
  run: z.string().nullable(),
  phase: z.enum(["starting", "running", "stopping"]),
  healthy: z.boolean(),
  reasons: z.array(z.string()),
  chain: z.object({ headAgeS: z.number().nullable() }),
  steps: z.object({ counted: z.number(), perMinute: z.number() }),
  weights: z.object({
    isEnabled: z.boolean(),
    included: z.number(),
    /** Blocks between two submissions; null when they are not known. */
    epochBlocks: z.number().nullable(),
  }),
  /** Whether the validator may be stopped now without missing anything, and if not why. */
  restart: z.object({ isSafe: z.boolean(), why: z.string().nullable() }),
});
export type Health = z.infer<typeof healthSchema>;

export type Verdict =
  | { kind: "waiting"; why: string; pending: Pending }
  | { kind: "confirmed" }
  | { kind: "failed"; why: string };

/** Steps that have to count before a release is well. */
const GOOD_STEPS = 2;
/** A head that is older is none to judge by: five blocks. */
const FRESH_HEAD_S = 60;
/** A release whose steps come so much more rarely than before is not well. */
const SLOWEST_SHARE = 1 / 3;
/** How long on end: the pace is counted over ten minutes, and of a clock that was set it shows the half. */
const SLOW_FOR_MS = 600_000;
/** More is not taken for time in which the release was watched: the watcher itself stood still. */
const MAX_WATCHED_MS = 60_000;

/** A machine may be started anew in the middle, or a person may restart the validator: once is no verdict. */
const MAX_RESTARTS = 1;

/**
 * Whether a new release is well, by one look at it. Pure; what has to be remembered until the next look is in `pending`.
 * @param health undefined when nobody answers
 * @param watchedMs since the look before, by a clock that nobody sets; 0 at the first one of a process
 */
export function judge(before: Pending, health: Health | undefined, watchedMs: number): Verdict {
  const timeMs = Math.min(watchedMs, MAX_WATCHED_MS);
  const { wellLeftMs, weightsLeftMs } = before;
  const pending: Pending = {
    ...before,
    wellLeftMs: wellLeftMs - timeMs,
    weightsLeftMs: weightsLeftMs === null ? null : weightsLeftMs - timeMs,
  };
  const answers = health?.version === pending.version && health.phase !== "stopping";
  if (health === undefined || !answers) {
    const why =
      health === undefined
        ? "it does not answer"
        : health.phase === "stopping"
          ? "it is ending"
          : `${health.version ?? "another version"} answers in its place`;
    return notYet(pending.isWell ? anew(pending) : pending, why);
  }
  const isOther = pending.run !== null && health.run !== null && health.run !== pending.run;
  if (isOther && pending.restarts >= MAX_RESTARTS)
    return { kind: "failed", why: "it ended by itself and was started again, twice" };
  const seen: Pending = isOther
    ? { ...anew(pending), slowMs: 0, run: health.run, restarts: pending.restarts + 1 }
    : { ...pending, run: pending.run ?? health.run };
  if (!seen.isWell) {
    const missing = missingFrom(health);
    if (missing !== undefined) return notYet(seen, missing);
    seen.isWell = true;
  }
  const slow = slowness(seen, health);
  if (slow !== undefined) {
    seen.slowMs += timeMs;
    return seen.slowMs > SLOW_FOR_MS
      ? { kind: "failed", why: slow }
      : { kind: "waiting", why: slow, pending: seen };
  }
  seen.slowMs = 0;
  seen.trialLeftMs -= timeMs;
  const hasWeights = seen.weightsLeftMs === null || health.weights.included > 0;
  if (hasWeights && seen.trialLeftMs <= 0) return { kind: "confirmed" };
  if (hasWeights) return { kind: "waiting", why: "it is well, and still on trial", pending: seen };
  if (seen.weightsLeftMs !== null && seen.weightsLeftMs < 0)
    return { kind: "failed", why: "no weights of its came on chain in the time of two epochs" };
  return { kind: "waiting", why: "its first weights are still to come", pending: seen };
}

function notYet(pending: Pending, why: string): Verdict {
  const { wellLeftMs, weightsLeftMs } = pending;
  // The second: one that is well now and then, and never for long enough.
  const isOver = wellLeftMs < 0 || (weightsLeftMs !== null && weightsLeftMs < 0);
  if (isOver) return { kind: "failed", why: `${why}, and its time is up` };
  return { kind: "waiting", why, pending };
}

/** As just put in place, with as much time to become well. */
function anew(pending: Pending): Pending {
  return { ...pending, wellLeftMs: pending.wellWithinMs, isWell: false };
}

function missingFrom({ phase, chain, steps, healthy, reasons }: Health): string | undefined {
  if (phase === "starting") return "it is not ready yet";
  if (chain.headAgeS === null || chain.headAgeS > FRESH_HEAD_S) return "it sees no fresh blocks";
  if (steps.counted < GOOD_STEPS) return "it has not made two good steps yet";
  return healthy ? undefined : `it is not healthy: ${reasons[0] ?? "no reason given"}`;
}

function slowness({ usualPerMinute }: Pending, { steps }: Health): string | undefined {
  if (usualPerMinute === null || steps.perMinute >= usualPerMinute * SLOWEST_SHARE) return undefined;
  return `it makes ${steps.perMinute.toFixed(2)} steps a minute where ${usualPerMinute.toFixed(2)} were usual`;
}
