import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { writeFileAtomic, writeWhole } from "../base/atomic.ts";
import type { HistoryPart, RemoteRun, RunDetails } from "./remote-runs.ts";
import { parseRow, textOfPlain, toPlain } from "./row.ts";

/** What a downloaded run's folder says of it, beside `history.jsonl`. */
const noteSchema = z.object({
  version: z.literal(1),
  id: z.string(),
  entity: z.string(),
  project: z.string(),
  name: z.string(),
  state: z.string(),
  createdAt: z.string().nullable(),
  heartbeatAt: z.string().nullable(),
  tags: z.array(z.string()),
  notes: z.string(),
  config: z.record(z.string(), z.unknown()),
  /** Rows in the history; what lies behind `sizeBytes` was being written when a process was killed. */
  rows: z.int(),
  sizeBytes: z.int(),
  nextStep: z.int(),
  /** It has every row that the server had. */
  isWhole: z.boolean(),
});
export type RunNote = z.infer<typeof noteSchema>;

/** Where it is durable how far the history is known, so that a download that is killed goes on with exact rows. */
export class RunFolder {
  readonly directory: string;
  #note: RunNote | undefined;

  /** @throws the error of the file system */
  constructor(directory: string) {
    this.directory = directory;
    const path = join(directory, "run.json");
    if (existsSync(path)) this.#note = noteIn(readFileSync(path, "utf8"));
  }

  get note(): Readonly<RunNote> | undefined {
    return this.#note;
  }

  /** Whether there is nothing to fetch: of a run that goes on, as long as it gave no sign of life. */
  isCurrent({ state, heartbeatAt }: RemoteRun): boolean {
    const note = this.#note;
    if (!note?.isWhole) return false;
    if (note.state === "finished") return true;
    return note.state === state && note.heartbeatAt === (heartbeatAt ?? null);
  }

  /** To be called before rows come. */
  begin(at: { entity: string; project: string }, run: RemoteRun, details: RunDetails): RunNote {
    mkdirSync(this.directory, { recursive: true, mode: 0o700 });
    const { rows = 0, sizeBytes = 0, nextStep = 0 } = this.#note ?? {};
    const path = this.#history;
    if (existsSync(path)) truncateSync(path, sizeBytes);
    return this.#save({
      version: 1,
      id: run.name,
      ...at,
      name: run.displayName ?? run.name,
      state: details.state,
      createdAt: run.createdAt ?? null,
      heartbeatAt: details.heartbeatAt,
      tags: run.tags ?? [],
      notes: run.notes ?? "",
      config: details.config,
      rows,
      sizeBytes,
      nextStep,
      isWhole: false,
    });
  }

  append({ lines, nextStep }: HistoryPart): void {
    const note = this.#note!;
    const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(""), "utf8");
    const fd = openSync(this.#history, "a", 0o600);
    try {
      writeWhole(fd, bytes);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    this.#save({
      ...note,
      rows: note.rows + lines.length,
      sizeBytes: note.sizeBytes + bytes.length,
      nextStep,
    });
  }

  end(): void {
    this.#save({ ...this.#note!, isWhole: true });
  }

  get #history(): string {
    return join(this.directory, "history.jsonl");
  }

  #save(note: RunNote): RunNote {
    writeFileAtomic(join(this.directory, "run.json"), `${textOfPlain(toPlain(note))}\n`);
    this.#note = note;
    return note;
  }
}

/** undefined for a note that is none: the run is fetched anew. */
function noteIn(text: string): RunNote | undefined {
  try {
    return noteSchema.safeParse(parseRow(text)).data;
  } catch {
    return undefined;
  }
}
