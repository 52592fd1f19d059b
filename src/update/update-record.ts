import { randomUUID } from "node:crypto";
import { existsSync, readFileSync, renameSync } from "node:fs";
import { z } from "zod";
import { writeFileAtomic } from "../base/atomic.ts";
import { messageOf } from "../base/error.ts";
import { log } from "../base/log.ts";
import { CHANNELS, isVersion } from "./release.ts";

const version = z.string().refine(isVersion, "no version");
const time = z.iso.datetime();

/** A release that was put in place and has not shown yet that it is well. */
const pendingSchema = z.object({
  version,
  /** What takes its place again if it is not. */
  previous: version,
  /** When it was put in place. */
  since: time,
  /**
   * How long it may be watched until it is well: the right version, ready, at fresh blocks, with steps. Only time in which
   * somebody watched counts, so that neither a clock that is set nor a night without power makes a verdict.
   */
  wellWithinMs: z.number(),
  /** What is left of that; below zero when it is over. */
  wellLeftMs: z.number(),
  /** The same for weights of its on chain; null where weights are not set, or were not before either. */
  weightsLeftMs: z.number().nullable(),
  /** For how long it still has to be seen well: what goes wrong after some minutes is to be seen as well. */
  trialLeftMs: z.number(),
  /** Steps a minute of the version before; null when it was not known. */
  usualPerMinute: z.number().nullable(),
  /** For how long it was seen to make far fewer, since it was last seen to make enough. */
  slowMs: z.number(),
  /** UUID of its process run, once it was seen; another one means that it ended. */
  run: z.string().nullable(),
  /** How often another run was seen. */
  restarts: z.int(),
  /** Whether it was found well; then only its weights are waited for. */
  isWell: z.boolean(),
});
export type Pending = z.infer<typeof pendingSchema>;

/** What became of a release; `failed`: it was not well, and the one before did not come back. */
const OUTCOMES = ["installed", "confirmed", "rolled-back", "failed"] as const;
const MAX_NEWS = 50;
/** Characters of a sentence in it. */
export const MAX_WHY = 300;

/** What a look for a release came to. A later program may know more of them: theirs is passed over. */
const lookSchema = z.object({
  at: time,
  /** As the event `update` has them (events/kinds/process.ts). */
  state: z.enum(["checked", "available", "waiting", "downloaded", "failed"]),
  /** In place then. */
  from: version,
  /** The release that was found; null when there was none to be told of. */
  to: version.nullable(),
  urgency: z.enum(["low", "medium", "high"]).nullable(),
  /** Code of the failure. */
  reason: z.string().max(60).nullable(),
  /** One sentence for people. */
  why: z.string().max(MAX_WHY).nullable(),
  isUnattended: z.boolean(),
  /** The last look that a server answered; null before the first. */
  answeredAt: time.nullable(),
});
export type Look = z.infer<typeof lookSchema>;

const recordSchema = z.object({
  schema: z.literal(1),
  channel: z.enum(CHANNELS),
  /** Of this installation, random: its place in a roll-out. Told to nobody. */
  installId: z.string().min(1).max(64),
  /** The last version that was well; null before the first update. */
  confirmed: version.nullable(),
  pending: pendingSchema.nullable(),
  /** Versions that failed here; nobody but a person tries them again. */
  bad: z.array(z.object({ version, why: z.string(), at: time })),
  /** The oldest version that reads what the one in place leaves behind; null when that was never told. */
  rollbackTo: version.nullable(),
  /** The last news, oldest first. */
  news: z
    .array(
      z.object({
        at: time,
        outcome: z.enum(OUTCOMES),
        from: version,
        to: version.nullable(),
        /** One sentence for people. */
        why: z.string().nullable(),
      }),
    )
    .max(MAX_NEWS),
  /** The last look for a release; null before the first. */
  look: lookSchema.nullable().catch(null),
});
export type UpdateRecord = z.infer<typeof recordSchema>;
export type News = UpdateRecord["news"][number];

/**
 * What is known of the updates of an installation; changes nothing. Of a file that cannot be read as such nothing is known,
 * with a warning.
 * @throws what the system says of a folder that may not be read
 */
export function readRecord(path: string): UpdateRecord {
  const { record, damage } = inspectRecord(path);
  if (damage !== undefined)
    log.warn("The record of updates cannot be read, so nothing is known of versions that failed before", {
      path,
      reason: damage,
    });
  return record;
}

/** As readRecord, without a word. @returns `damage`: what is wrong with the file, in one sentence */
export function inspectRecord(path: string): { record: UpdateRecord; damage?: string } {
  if (existsSync(path)) {
    try {
      return { record: recordSchema.parse(JSON.parse(readFileSync(path, "utf8"))) };
    } catch (error) {
      if (error instanceof Error && "code" in error && typeof error.code === "string") throw error;
      return { record: emptyRecord(), damage: messageOf(error).slice(0, 200) };
    }
  }
  return { record: emptyRecord() };
}

/**
 * THE way to change the record, for whoever holds the lock of the installation. A file that cannot be read is set aside
 * first, for what it said of versions that failed here is lost to the program with it, and not to people.
 * Anybody may read it: it holds no secret.
 * @throws what the system says
 */
export function changeRecord(path: string, changesOf: (record: UpdateRecord) => Partial<UpdateRecord>): void {
  const { record, damage } = inspectRecord(path);
  if (damage !== undefined) {
    const aside = `${path}.damaged`;
    renameSync(path, aside);
    log.warn("The record of updates begins anew; versions that failed before may be tried again", {
      path: aside,
      reason: damage,
    });
  }
  const changed = { ...record, ...changesOf(record) };
  writeFileAtomic(
    path,
    `${JSON.stringify({ ...changed, news: changed.news.slice(-MAX_NEWS) }, null, 2)}\n`,
    0o644,
  );
}

/** What became of the release that the last look found. @throws as changeRecord */
export function noteLook(
  path: string,
  nowMs: number,
  found: Pick<Look, "state" | "to" | "reason" | "why">,
): void {
  const at = new Date(nowMs).toISOString();
  const why = found.why?.slice(0, MAX_WHY) ?? null;
  changeRecord(path, ({ look }) => (look === null ? {} : { look: { ...look, ...found, why, at } }));
}

function emptyRecord(): UpdateRecord {
  return {
    schema: 1,
    channel: "stable",
    installId: randomUUID(),
    confirmed: null,
    pending: null,
    bad: [],
    rollbackTo: null,
    news: [],
    look: null,
  };
}
