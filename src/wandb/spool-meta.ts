import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";

/** What a run's folder says of it. */
export const spoolMeta = z.object({
  version: z.literal(1),
  /** Of the W&B run. */
  id: z.string().regex(/^[a-z0-9]{8,32}$/),
  /** ISO 8601, of its first event. */
  startedAt: z.string(),
  /** UUID of the process run whose events it has. */
  process: z.string(),
  /** Sequence number of its first event. */
  first: z.int(),
  description: z.object({
    entity: z.string(),
    project: z.string(),
    displayName: z.string(),
    notes: z.string(),
    tags: z.array(z.string()),
    config: z.record(z.string(), z.unknown()),
  }),
  /** Of the machine and the program, as W&B lists it beside the run. */
  environment: z.record(z.string(), z.json()).optional(),
  /** Once it has all its rows: how it ended, and the number after its last event. */
  sealed: z.object({ exitCode: z.int(), next: z.int() }).nullable(),
  /** The last values, as text of a row, once it has all its rows; missing in spools of before. */
  summary: z.string().optional(),
  /** What the server has confirmed. */
  delivered: z.object({
    /** Where the run is, which may be another entity than the wanted one; null before the server knows it. */
    at: z.object({ entity: z.string(), project: z.string() }).nullable(),
    history: z.int(),
    events: z.int(),
    complete: z.boolean(),
    /** Somebody pressed Stop on its page: the rest goes by hand only. */
    stopped: z.boolean().default(false),
  }),
});
export type SpoolMeta = z.infer<typeof spoolMeta>;

/** Where a run's folder says it. */
export function metaPath(folder: string): string {
  return join(folder, "meta.json");
}

/** Whether a folder is a run's, whose lines have names that files of a journal have too. */
export function isSpool(folder: string): boolean {
  return existsSync(metaPath(folder));
}
