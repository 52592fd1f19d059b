import { Database } from "bun:sqlite";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import { Failure, messageOf } from "../../base/error.ts";
import { log } from "../../base/log.ts";
import type { Identity } from "../../base/vocabulary.ts";
import type { MovingScores } from "../../weights/scores.ts";
import {
  PARTS,
  type Part,
  type SavedState,
  type Settlement,
  type StepCommit,
  type StoredReveal,
  type Submission,
  type SubmissionRecord,
} from "./content.ts";
import { corrupt, type StateCode, stateFailure } from "./failure.ts";
import { badNumbers, PendingChanges } from "./pending.ts";
import { readState } from "./reading.ts";
import { RowTable } from "./rows.ts";
import { bind, migrate, readIdentity, requireIdentity, STATE_FILE, versionOf, writeMeta } from "./schema.ts";
import { SubmissionLog } from "./submissions.ts";

/** Five rows of 768 bytes, the history's vectors of 384 half floats, fill a page of this size. */
const PAGE_BYTES = 4096;
/**
 * Pages in the write-ahead log before they are carried into the file, within a commit: 1 MB, some 20 steps. Few enough to
 * take a few milliseconds, and enough that pages which every step writes are carried over once for all of them.
 */
const CHECKPOINT_PAGES = 256;
/** A log that grew meanwhile, while a backup read, is cut back to this. */
const WAL_LIMIT_BYTES = 4 << 20;
/** Only a backup or a `state show` can be in the way, for moments; the event loop must not wait for longer. */
const BUSY_MS = 50;

/**
 * The state of one validator: one SQLite file, one transaction per step. After a kill, a power cut or a full disk the
 * file holds the last commit that returned, or the one after it, whole. What could not be written stays here and goes
 * with the next commit.
 */
export class StateDatabase {
  readonly path: string;
  readonly #database: Database;
  readonly #submissions: SubmissionLog;
  readonly #tables: Record<Part, Map<string, RowTable>> = { judge: new Map(), router: new Map() };
  #pending = new PendingChanges();
  /** As they stand in the file. */
  #scores: MovingScores | undefined;

  private constructor(path: string, database: Database) {
    this.path = path;
    this.#database = database;
    this.#submissions = SubmissionLog.open(database, path);
    const tables = database
      .query<{ id: number; part: string; name: string }, []>("SELECT id, part, name FROM row_tables")
      .all();
    for (const { id, part, name } of tables) {
      const known = PARTS.find((one) => one === part);
      if (known === undefined) throw corrupt(path, `it has rows of an unknown part "${part}"`);
      this.#tables[known].set(name, RowTable.open(database, id));
    }
  }

  /**
   * Opens the state of this very validator, made anew where there is none.
   * @throws Failure `state.foreign`, `state.newer`, `state.corrupt`, `state.full`, `state.unwritable`
   */
  static open(directory: string, identity: Identity): StateDatabase {
    const path = join(directory, STATE_FILE);
    makeFile(directory, path);
    return orFailure(path, () => {
      const database = new Database(path, { create: true, strict: true });
      try {
        const isNew = versionOf(database) === 0;
        if (isNew) database.run(`PRAGMA page_size = ${PAGE_BYTES}`);
        configure(database, path);
        database
          .transaction(() => {
            if (migrate(database, path) === 0) bind(database, identity);
          })
          .immediate();
        requireSound(database, path);
        requireIdentity(readIdentity(database, path), identity, path);
        return new StateDatabase(path, database);
      } catch (error) {
        database.close();
        throw error;
      }
    });
  }

  /**
   * What was committed last; undefined when nothing ever was.
   * @throws Failure `state.corrupt`
   */
  load(): SavedState | undefined {
    const saved = orFailure(this.path, () => readState(this.#database, this.path, this.#tables));
    this.#scores = saved?.scores;
    return saved;
  }

  /**
   * Writes what a step changed, in one transaction, together with everything that waits. It is on the disk when this
   * returns.
   * @throws Failure `state.full`, `state.unwritable`: nothing of it is written and all of it is kept for the next commit;
   * `state.bad-number`: everything else is written
   */
  commit(step: StepCommit): void {
    const refused = this.#pending.add(step, this.#scores);
    this.#flush();
    if (refused.length > 0) throw badNumbers(refused);
  }

  /** Whether something waits for a disk that takes it. */
  get isBehind(): boolean {
    return !this.#pending.isEmpty || !this.#submissions.isWritten;
  }

  /** Submissions of the last days, oldest first. */
  get submissions(): readonly SubmissionRecord[] {
    return this.#submissions.submissions;
  }

  /**
   * Writes weights down before they are sent.
   * @throws Failure `state.full`, `state.unwritable`: it is not written, so they should not be sent
   */
  recordSubmission(submission: Submission): void {
    this.#submissions.prepare(submission);
    try {
      this.#flush();
    } catch (error) {
      this.#submissions.forget(submission.id);
      throw error;
    }
  }

  /**
   * Writes down what became of weights.
   * @throws Failure `state.full`, `state.unwritable`: it is kept for the next commit
   */
  settleSubmission(id: string, settlement: Settlement): void {
    this.#submissions.settle(id, settlement);
    this.#flush();
  }

  /** Commits whose reveal was not seen yet, oldest first; those of runs before are among them. */
  pendingReveals(): readonly StoredReveal[] {
    return this.#submissions.reveals;
  }

  /** @throws Failure `state.full`, `state.unwritable`: it is kept for the next commit */
  addReveal(reveal: StoredReveal): void {
    this.#submissions.addReveal(reveal);
    this.#flush();
  }

  /**
   * The reveal was seen, or is known to be lost.
   * @throws Failure `state.full`, `state.unwritable`: it is kept for the next commit
   */
  settleReveal(id: string): void {
    this.#submissions.settleReveal(id);
    this.#flush();
  }

  /** Writes what waits, if the disk takes it, and closes the file. Never throws. */
  close(): void {
    try {
      this.#flush();
    } catch (error) {
      log.error("The last changes of the state were not written", {
        error,
        hint: error instanceof Failure ? error.hint : undefined,
      });
    }
    this.#database.close();
  }

  #flush(): void {
    if (!this.isBehind) return;
    const pending = this.#pending;
    const accepted: (() => void)[] = [];
    orFailure(this.path, () =>
      this.#database
        .transaction(() => {
          this.#writeMeta(pending);
          if (pending.scores) this.#writeScores(pending.scores);
          for (const part of PARTS) this.#writeRows(part, pending, accepted);
          this.#submissions.write();
        })
        .immediate(),
    );
    for (const accept of accepted) accept();
    this.#submissions.accept();
    this.#scores = pending.scores ?? this.#scores;
    this.#pending = new PendingChanges();
  }

  #writeMeta({ steps, evidence, parts }: PendingChanges): void {
    writeMeta(this.#database, {
      ...(steps !== undefined && { steps }),
      ...(evidence && { counted_steps: evidence.countedSteps, blocks: evidence.blocks }),
      ...(parts.judge.json !== undefined && { judge: parts.judge.json }),
      ...(parts.router.json !== undefined && { router: parts.router.json }),
    });
  }

  /** Only rows that differ from those in the file. */
  #writeScores({ neurons, scores, asked }: MovingScores): void {
    const before = this.#scores;
    const neuron = this.#database.query(
      "INSERT OR REPLACE INTO neurons (uid, hotkey, registered_at) VALUES (?, ?, ?)",
    );
    const score = this.#database.query("INSERT OR REPLACE INTO scores (uid, score, asked) VALUES (?, ?, ?)");
    for (const [uid, { hotkey, registeredAt }] of neurons.entries()) {
      const held = before?.neurons[uid];
      if (held?.hotkey !== hotkey || held.registeredAt !== registeredAt)
        neuron.run(uid, hotkey, registeredAt ?? null);
      if (held === undefined || before!.scores[uid] !== scores[uid] || before!.asked[uid] !== asked[uid])
        score.run(uid, scores[uid]!, asked[uid]!);
    }
    if (before !== undefined && before.neurons.length <= neurons.length) return;
    for (const table of ["neurons", "scores"])
      this.#database.query(`DELETE FROM ${table} WHERE uid >= ?`).run(neurons.length);
  }

  #writeRows(part: Part, pending: PendingChanges, accepted: (() => void)[]): void {
    const tables = this.#tables[part];
    for (const [name, changes] of pending.parts[part].tables) {
      const table = tables.get(name) ?? RowTable.create(this.#database, part, name);
      const plan = table.plan(changes);
      table.write(plan);
      accepted.push(() => {
        table.accept(plan);
        tables.set(name, table);
      });
    }
  }
}

/** An empty file that only this user can read; SQLite gives its log the same rights. */
function makeFile(directory: string, path: string): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    closeSync(openSync(path, "a", 0o600));
  } catch (cause) {
    throw new Failure<StateCode>("state.unwritable", {
      message: `The state ${path} cannot be opened for writing: ${messageOf(cause)}`,
      hint: "choose another folder with --logging.logging_dir, or give this user the right to write there",
      cause,
    });
  }
}

function configure(database: Database, path: string): void {
  database.run(`PRAGMA busy_timeout = ${BUSY_MS}`);
  const { journal_mode: mode } = database
    .query<{ journal_mode: string }, []>("PRAGMA journal_mode = WAL")
    .get()!;
  // As safe, only slower; a file system without shared memory has no write-ahead log.
  if (mode !== "wal") log.warn("The state is kept without a write-ahead log", { path, mode });
  database.run("PRAGMA synchronous = FULL");
  database.run(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
  database.run(`PRAGMA journal_size_limit = ${WAL_LIMIT_BYTES}`);
}

/** Reads every page; some ten milliseconds for a full history. @throws Failure `state.corrupt` */
function requireSound(database: Database, path: string): void {
  const found = database.query<{ quick_check: string }, []>("PRAGMA quick_check(1)").get();
  if (found?.quick_check !== "ok") throw corrupt(path, found?.quick_check ?? "it cannot be checked");
}

/** Runs `work` with errors of SQLite as what an operator understands. */
function orFailure<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw stateFailure(error, path);
  }
}
