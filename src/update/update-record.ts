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
  /** Steps a minute of the version before; null when it was not known. */
  usualPerMinute: z.number().nullable(),
  /** For how long on end it was seen to make far fewer. */
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
});
export type UpdateRecord = z.infer<typeof recordSchema>;
export type News = UpdateRecord["news"][number];

/**
 * What is known of the updates of an installation. A file that cannot be read as such is set aside, with a warning, for
 * what it said of versions that failed here is lost with it.
 * @throws what the system says of a folder that may not be read
 */
export function readRecord(path: string): UpdateRecord {
  if (existsSync(path)) {
    try {
      return recordSchema.parse(JSON.parse(readFileSync(path, "utf8")));
    } catch (error) {
      if (error instanceof Error && "code" in error && typeof error.code === "string") throw error;
      const aside = `${path}.damaged`;
      renameSync(path, aside);
      log.warn(
        "The record of updates could not be read and begins anew; versions that failed before may be tried again",
        {
          path: aside,
          reason: messageOf(error).slice(0, 200),
        },
      );
    }
  }
  return {
    schema: 1,
    channel: "stable",
    installId: randomUUID(),
    confirmed: null,
    pending: null,
    bad: [],
    rollbackTo: null,
    news: [],
  };
}

/** Without those who may read: it holds no secret. @throws what the system says */
export function writeRecord(path: string, record: UpdateRecord): void {
  writeFileAtomic(
    path,
    `${JSON.stringify({ ...record, news: record.news.slice(-MAX_NEWS) }, null, 2)}\n`,
    0o644,
  );
}
