import type { Database } from "bun:sqlite";
import { z } from "zod";
import type { Settlement, StoredReveal, Submission, SubmissionRecord } from "./content.ts";
import { corrupt } from "./failure.ts";

/** Settled submissions that stay, to be looked at. */
const KEPT = 20;

const numbers = z.string().transform((text) => z.array(z.number()).parse(JSON.parse(text)));
/** Columns that came later are missing in a file that is only looked at: whoever works with it adds them. */
const submissionRow = z.object({
  id: z.string(),
  block: z.number(),
  path: z.enum(["plain", "timelocked"]),
  uids: numbers,
  values: numbers,
  state: z.enum(["prepared", "sent", "included", "refused"]),
  extrinsic: z.string().nullable(),
  error: z.string().nullable(),
  nonce: z.number().nullable().default(null),
  mecid: z.number().default(0),
});
const revealRow = z
  .object({
    id: z.string(),
    committed: z.number(),
    reveal_round: z.number().nullable(),
    reveal_block: z.number(),
    uid: z.number(),
    uids: numbers,
    values: numbers,
    mecid: z.number().default(0),
  })
  .transform(({ reveal_round: revealRound, reveal_block: revealBlock, ...rest }): StoredReveal => {
    return { ...rest, revealRound, revealBlock };
  });

/**
 * The write-ahead record of weights, and the commits that wait for their reveal. What becomes of weights that are on their
 * way must not be forgotten for want of disk space, so it is kept here until it is written.
 */
export class SubmissionLog {
  readonly #database: Database;
  /** Oldest first. */
  #submissions: Map<string, SubmissionRecord>;
  #reveals: Map<string, StoredReveal>;
  /** Ids whose row in the file is another one than here. */
  readonly #unwritten = new Set<string>();

  private constructor(database: Database, submissions: SubmissionRecord[], reveals: StoredReveal[]) {
    this.#database = database;
    this.#submissions = new Map(submissions.map((record) => [record.id, record]));
    this.#reveals = new Map(reveals.map((reveal) => [reveal.id, reveal]));
  }

  /** @throws Failure `state.corrupt` */
  static open(database: Database, path: string): SubmissionLog {
    const rowsOf = (table: string): unknown[] =>
      database.query(`SELECT * FROM ${table} ORDER BY rowid`).all();
    const submissions = z.array(submissionRow).safeParse(rowsOf("submissions"));
    const reveals = z.array(revealRow).safeParse(rowsOf("reveals"));
    if (!submissions.success) throw corrupt(path, "its record of submissions is none", submissions.error);
    if (!reveals.success) throw corrupt(path, "its record of reveals is none", reveals.error);
    return new SubmissionLog(database, submissions.data, reveals.data);
  }

  get submissions(): readonly SubmissionRecord[] {
    return [...this.#submissions.values()];
  }

  get reveals(): readonly StoredReveal[] {
    return [...this.#reveals.values()];
  }

  get records(): { submissions: readonly SubmissionRecord[]; reveals: readonly StoredReveal[] } {
    return { submissions: this.submissions, reveals: this.reveals };
  }

  get isWritten(): boolean {
    return this.#unwritten.size === 0;
  }

  prepare(submission: Submission): void {
    this.#submissions.set(submission.id, {
      ...submission,
      nonce: submission.nonce ?? null,
      mecid: submission.mecid ?? 0,
      state: "prepared",
      extrinsic: null,
      error: null,
    });
    this.#unwritten.add(submission.id);
    const settled = this.submissions.filter(({ state }) => state === "included" || state === "refused");
    for (const { id } of settled.slice(0, Math.max(0, settled.length - KEPT))) {
      this.#submissions.delete(id);
      this.#unwritten.add(id);
    }
  }

  settle(id: string, { state, block, extrinsic, error }: Settlement): void {
    const record = this.#submissions.get(id);
    if (record === undefined) throw new RangeError(`no submission ${id}`);
    this.#submissions.set(id, {
      ...record,
      state,
      block: block ?? record.block,
      extrinsic: extrinsic ?? record.extrinsic,
      error: error ?? null,
    });
    this.#unwritten.add(id);
  }

  addReveal(reveal: StoredReveal): void {
    this.#reveals.set(reveal.id, reveal);
    this.#unwritten.add(reveal.id);
  }

  settleReveal(id: string): void {
    if (this.#reveals.delete(id)) this.#unwritten.add(id);
  }

  /** Part of the caller's transaction; `accept` follows when it stands. */
  write(): void {
    for (const id of this.#unwritten) {
      const record = this.#submissions.get(id);
      if (record) this.#writeSubmission(record);
      else this.#database.query("DELETE FROM submissions WHERE id = ?").run(id);
      const reveal = this.#reveals.get(id);
      if (reveal) this.#writeReveal(reveal);
      else this.#database.query("DELETE FROM reveals WHERE id = ?").run(id);
    }
  }

  accept(): void {
    this.#unwritten.clear();
  }

  #writeSubmission({
    id,
    block,
    path,
    uids,
    values,
    state,
    extrinsic,
    error,
    nonce,
    mecid,
  }: SubmissionRecord): void {
    this.#database
      .query(
        `INSERT INTO submissions (id, block, path, uids, "values", state, extrinsic, error, nonce, mecid)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (id) DO UPDATE SET block = excluded.block, state = excluded.state, extrinsic = excluded.extrinsic, error = excluded.error`,
      )
      .run(
        id,
        block,
        path,
        JSON.stringify(uids),
        JSON.stringify(values),
        state,
        extrinsic,
        error,
        nonce,
        mecid,
      );
  }

  #writeReveal({ id, committed, revealRound, revealBlock, uid, uids, values, mecid }: StoredReveal): void {
    this.#database
      .query(
        `INSERT OR REPLACE INTO reveals (id, committed, reveal_round, reveal_block, uid, uids, "values", mecid)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(id, committed, revealRound, revealBlock, uid, JSON.stringify(uids), JSON.stringify(values), mecid);
  }
}
