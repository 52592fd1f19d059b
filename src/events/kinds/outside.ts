import { z } from "zod";

/** Kinds that tell of a change in something outside: the chain, the subnet, the miners, the disk. */

/** A change in the connection to the chain, or in what the chain says of this validator. */
export const chainBody = z.object({
  kind: z.literal("chain"),
  /**
   * connected · lost · switched (to another endpoint) · lagging (heads come late or are old) · caught-up · upgraded
   * (another runtime) · permit, registration (of this hotkey changed) · clock (this machine's differs from the chain's) · finality (blocks
   * do not become final any more, or do again).
   */
  state: z.enum([
    "connected",
    "lost",
    "switched",
    "lagging",
    "caught-up",
    "upgraded",
    "permit",
    "registration",
    "clock",
    "finality",
  ]),
  /** With user, password and keys left out; null where no endpoint is to blame (permit, registration, clock, finality). */
  endpoint: z.string().nullable(),
  /** One sentence for people. */
  detail: z.string().nullable(),
  /**
   * By state: lagging and caught-up: age of the head, seconds; upgraded: spec version of the runtime; permit: 1 or 0;
   * registration: uid, null when there is none; clock: how far this machine is ahead, seconds; finality: blocks that the last final one is behind, 0 when it is not.
   */
  value: z.number().nullable(),
});

/** What a reading of the subnet found changed since the last one; the first of a run changes nothing. */
export const metagraphBody = z.object({
  kind: z.literal("metagraph"),
  /** Registered neurons. */
  neurons: z.int(),
  /** Uids that another registration holds now. */
  replaced: z.array(z.int()),
  /** Hotkeys that kept their registration under another uid. */
  moved: z.array(z.object({ hotkey: z.string(), from: z.int(), to: z.int() })),
  /** New uids at the end. */
  added: z.array(z.int()),
  /** Uids that are no more. */
  removed: z.array(z.int()),
  /** Neurons that announce an address. */
  serving: z.int(),
});

/** The miners as a whole became unreachable, or reachable again. */
export const minersBody = z.object({
  kind: z.literal("miners"),
  state: z.enum(["reached", "outage"]),
  /** What all of them failed by, one sentence; null when they are reached. */
  cause: z.string().nullable(),
  /** In the step that showed it. */
  asked: z.int(),
  reached: z.int(),
  /** How long the state before had lasted, milliseconds. */
  since_ms: z.number(),
});

/** The disk under journal and state. */
export const diskBody = z.object({
  kind: z.literal("disk"),
  /** ok, low, full: space · journal-lost, journal-back, state-full, state-back: whether they can be written. */
  state: z.enum(["ok", "low", "full", "journal-lost", "journal-back", "state-full", "state-back"]),
  path: z.string(),
  free_bytes: z.number().nullable(),
  /** One sentence for people. */
  detail: z.string().nullable(),
});
