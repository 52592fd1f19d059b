import { statSync } from "node:fs";
import { messageOf } from "../base/error.ts";
import { log } from "../base/log.ts";
import type { UpdateBody } from "../events/schema.ts";
import { inspectRecord, type Look, type News, type UpdateRecord } from "./update-record.ts";

/** One `stat` each time, on any file system: nobody waits for this news. */
const LOOK_MS = 10_000;
const MAX_TEXT = 300;

type Tell = (body: UpdateBody) => void;

/**
 * Tells in events what another process does about releases. That process replaces its record as a whole; here it is looked at
 * from time to time, and it may be absent, damaged or unreadable at any moment. Looks that this process was told of come in
 * by `note`. Nothing of this throws.
 */
export class UpdateWatch {
  readonly #path: string | undefined;
  #tell: Tell | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** Of the file as it was read last. */
  #stamp = "";
  #record: UpdateRecord | undefined;
  #look: Look | null = null;
  #isDamaged = false;

  /** @param path of the record (`Installation.recordFile`); undefined where nobody updates this program by one */
  constructor(path: string | undefined) {
    this.#path = path;
  }

  /** Tells how things stand, and from then on what is new. */
  open(tell: Tell): void {
    this.#tell = tell;
    this.#tellLook();
    this.check();
    if (this.#path === undefined) return;
    this.#timer = setInterval(() => this.check(), LOOK_MS);
    this.#timer.unref();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#tell = undefined;
  }

  /** A look of which no record tells. */
  note(look: Look): void {
    this.#look = { ...look, answeredAt: look.answeredAt ?? this.#look?.answeredAt ?? null };
    this.#tellLook();
  }

  /** Looks at the record now. */
  check(): void {
    const record = this.#read();
    if (record === undefined) return;
    const before = this.#record;
    this.#record = record;
    // The first time only what still counts: the rest was told by earlier runs.
    const news = before === undefined ? record.news.slice(-1) : newsSince(before.news, record.news);
    for (const one of news) this.#tell?.(bodyOfNews(one, record));
    if (record.look === null || record.look.at === before?.look?.at) return;
    this.#look = record.look;
    this.#tellLook();
  }

  #tellLook(): void {
    const look = this.#look;
    if (look === null) return;
    const { state, at, from, to, urgency, reason, why, isUnattended, answeredAt } = look;
    this.#tell?.({
      kind: "update",
      state,
      at,
      from,
      to,
      channel: this.#record?.channel ?? null,
      urgency,
      reason,
      detail: cut(why),
      unattended: isUnattended,
      answered_at: answeredAt,
      ...standing(this.#record),
    });
  }

  /** @returns undefined when it is as before, or says nothing */
  #read(): UpdateRecord | undefined {
    if (this.#path === undefined) return undefined;
    try {
      const found = statSync(this.#path, { throwIfNoEntry: false, bigint: true });
      const stamp = found === undefined ? "" : `${found.ino} ${found.mtimeNs} ${found.size}`;
      if (stamp === this.#stamp) return undefined;
      this.#stamp = stamp;
      if (found === undefined) return undefined;
      const { record, damage } = inspectRecord(this.#path);
      if (damage !== undefined) throw new Error(damage);
      this.#isDamaged = false;
      return record;
    } catch (error) {
      if (!this.#isDamaged)
        log.warn("The record of updates cannot be read, so nothing of them is told", {
          path: this.#path,
          reason: messageOf(error).slice(0, MAX_TEXT),
        });
      this.#isDamaged = true;
      return undefined;
    }
  }
}

/** The record forgets old news, so the last that is known is looked for from its end. */
function newsSince(before: readonly News[], now: readonly News[]): readonly News[] {
  const last = before.at(-1);
  if (last === undefined) return now;
  const known = now.findLastIndex(({ at, outcome }) => at === last.at && outcome === last.outcome);
  return now.slice(known + 1);
}

function bodyOfNews({ at, outcome, from, to, why }: News, record: UpdateRecord): UpdateBody {
  return {
    kind: "update",
    state: outcome,
    at,
    from,
    to,
    channel: record.channel,
    urgency: null,
    reason: outcome === "failed" ? "update.rollback-failed" : null,
    detail: cut(why),
    unattended: false,
    answered_at: record.look?.answeredAt ?? null,
    ...standing(record),
  };
}

/** How things stand by the record, whatever is told. */
function standing(record: UpdateRecord | undefined): Pick<UpdateBody, "on_trial" | "rollbacks"> {
  return {
    on_trial: record?.pending?.version ?? null,
    rollbacks: record?.news.filter(({ outcome }) => outcome === "rolled-back").length ?? 0,
  };
}

function cut(text: string | null): string | null {
  return text === null || text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT - 1)}…`;
}
