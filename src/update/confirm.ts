import { z } from "zod";
import type { Pending } from "./update-record.ts";

/** What the status of a validator has to say for this; the rest of it is passed over. */
export const healthSchema = z.object({
  version: z.string().nullable(),
  run: z.string().nullable(),
  phase: z.enum(["starting", "running", "stopping"]),
  startedAt: z.string().nullable(),
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
/** Over which the steps of a minute are counted. */
const PACE_WINDOW_MS = 600_000;

/** A machine may be started anew in the middle, or a person may restart the validator: once is no verdict. */
const MAX_RESTARTS = 1;

/**
 * Whether a new release is well, by one look at it. Pure; what has to be remembered until the next look is in `pending`.
 * @param health undefined when nobody answers
 */
export function judge(pending: Pending, health: Health | undefined, nowMs: number): Verdict {
  const answers = health?.version === pending.version && health.phase !== "stopping";
  if (health === undefined || !answers) {
    const why =
      health === undefined
        ? "it does not answer"
        : health.phase === "stopping"
          ? "it is ending"
          : `${health.version ?? "another version"} answers in its place`;
    return notYet(pending.isWell ? anew(pending, nowMs) : pending, why, nowMs);
  }
  const isOther = pending.run !== null && health.run !== null && health.run !== pending.run;
  if (isOther && pending.restarts >= MAX_RESTARTS)
    return { kind: "failed", why: "it ended by itself and was started again, twice" };
  const seen: Pending = isOther
    ? { ...anew(pending, nowMs), run: health.run, restarts: pending.restarts + 1 }
    : { ...pending, run: pending.run ?? health.run };
  if (!seen.isWell) {
    const missing = missingFrom(health);
    if (missing !== undefined) return notYet(seen, missing, nowMs);
    seen.isWell = true;
  }
  const slow = slowness(seen, health, nowMs);
  if (slow !== undefined) return { kind: "failed", why: slow };
  if (seen.weightsBy === null || health.weights.included > 0) return { kind: "confirmed" };
  if (nowMs > Date.parse(seen.weightsBy))
    return { kind: "failed", why: "no weights of its came on chain in the time of two epochs" };
  return { kind: "waiting", why: "its first weights are still to come", pending: seen };
}

function notYet(pending: Pending, why: string, nowMs: number): Verdict {
  if (nowMs > Date.parse(pending.wellBy)) return { kind: "failed", why: `${why}, and its time is up` };
  return { kind: "waiting", why, pending };
}

/** As just put in place, with as much time to become well. */
function anew(pending: Pending, nowMs: number): Pending {
  const timeMs = Date.parse(pending.wellBy) - Date.parse(pending.since);
  const since = new Date(nowMs).toISOString();
  return { ...pending, since, wellBy: new Date(nowMs + timeMs).toISOString(), isWell: false };
}

function missingFrom({ phase, chain, steps, healthy, reasons }: Health): string | undefined {
  if (phase === "starting") return "it is not ready yet";
  if (chain.headAgeS === null || chain.headAgeS > FRESH_HEAD_S) return "it sees no fresh blocks";
  if (steps.counted < GOOD_STEPS) return "it has not made two good steps yet";
  return healthy ? undefined : `it is not healthy: ${reasons[0] ?? "no reason given"}`;
}

function slowness(
  { usualPerMinute }: Pending,
  { startedAt, steps }: Health,
  nowMs: number,
): string | undefined {
  if (usualPerMinute === null || startedAt === null) return undefined;
  const isMeasured = nowMs - Date.parse(startedAt) >= PACE_WINDOW_MS;
  if (!isMeasured || steps.perMinute >= usualPerMinute * SLOWEST_SHARE) return undefined;
  return `it makes ${steps.perMinute.toFixed(2)} steps a minute where ${usualPerMinute.toFixed(2)} were usual`;
}
