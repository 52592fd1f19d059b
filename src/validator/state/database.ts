import type { Database } from "bun:sqlite";
import { join } from "node:path";
import { Failure } from "../../base/error.ts";
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
import { corrupt, orCorrupt, orFailure } from "./failure.ts";
import { type ImportedBin, retireBin } from "./import-bin.ts";
import { openFile } from "./opening.ts";
import { badNumbers, PendingChanges } from "./pending.ts";
import { FilePlace } from "./place.ts";
import { readState } from "./reading.ts";
import { RowTable } from "./rows.ts";
import { STATE_FILE, writeMeta } from "./schema.ts";
import { SubmissionLog } from "./submissions.ts";

/**
 * The state of one validator: one SQLite file, one transaction per step. After a kill, a power cut or a full disk the
 * file holds the last commit that returned, or the one after it, whole. What could not be written stays here and goes
 * with the next commit.
 */
export class StateDatabase {
  readonly path: string;
  readonly #database: Database;
  readonly #place: FilePlace;
  readonly #submissions: SubmissionLog;
  readonly #tables: Record<Part, Map<string, RowTable>> = { judge: new Map(), router: new Map() };
  #pending = new PendingChanges();
  /** As they stand in the file. */
  #scores: MovingScores | undefined;

  private constructor(path: string, database: Database) {
    this.path = path;
    this.#database = database;
    this.#place = new FilePlace(path);
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
    return orFailure(path, () => {
      const { database, bin } = openFile(directory, path, identity);
      try {
        const state = orCorrupt(path, () => new StateDatabase(path, database));
        if (bin) state.#import(directory, bin);
        return state;
      } catch (error) {
        database.close();
        throw error;
      }
    });
  }

  /** Takes the state of 0.1.0 over; a number in it that is none is left out. */
  #import(directory: string, { commit, digest }: ImportedBin): void {
    const refused = this.#pending.add(commit, undefined);
    this.#pending.imported = digest;
    this.#flush();
    retireBin(directory);
    log.info("The state of 0.1.0 was imported", { steps: commit.steps, refused: refused.length });
  }

  /**
   * What was committed last; undefined when nothing ever was.
   * @throws Failure `state.corrupt`
   */
  load(): SavedState | undefined {
    const saved = orCorrupt(this.path, () => readState(this.#database, this.path, this.#tables));
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
   * @throws Failure `state.full`, `state.unwritable`: it is kept for the next commit, and a crash until then would forget
   * that they were sent
   */
  recordSubmission(submission: Submission): void {
    this.#submissions.prepare(submission);
    this.#flush();
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
    this.#place.require();
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

  #writeMeta({ steps, evidence, imported, parts }: PendingChanges): void {
    writeMeta(this.#database, {
      ...(steps !== undefined && { steps }),
      ...(imported !== undefined && { imported }),
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
