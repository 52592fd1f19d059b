import { Failure, isFailure } from "../../base/error.ts";
import { log } from "../../base/log.ts";
import { Tracker } from "../../base/tracker.ts";
import { asBlock } from "../../base/units.ts";
import type { CommittedWeights, EventFeed, PreparedWeights } from "../ports.ts";
import type { Settlement, StepCommit, StoredReveal, SubmissionRecord } from "./content.ts";
import type { StateDatabase } from "./database.ts";
import type { StateCode } from "./failure.ts";

/**
 * Writes a run's state down. The run goes on without a disk: what is not written waits in memory for the next commit,
 * and that is told once when it begins and once when it ends. Weights are sent in any case, for a full disk should not
 * cost an epoch.
 */
export class Recorder {
  readonly #database: StateDatabase;
  readonly #disk: Tracker<"written" | "lost", unknown>;
  readonly #numbers: Tracker<"sound" | "unsound", unknown>;
  /** By mechanism, the weights that are on their way. */
  readonly #sending = new Map<number, string>();

  constructor(database: StateDatabase, feed: EventFeed) {
    this.#database = database;
    this.#disk = new Tracker<"written" | "lost", unknown>("written", ({ to }, error) =>
      tellDisk(feed, database.path, to, error),
    );
    this.#numbers = new Tracker<"sound" | "unsound", unknown>("sound", ({ to }, error) => {
      if (to === "unsound") log.error("Numbers that are none were kept out of the state", { error });
    });
  }

  get path(): string {
    return this.#database.path;
  }

  /** What the last step changed: scores, counts, statistics, routing. */
  saveStep(commit: StepCommit): void {
    this.#write(() => {
      try {
        this.#database.commit(commit);
        this.#numbers.set("sound", undefined);
      } catch (error) {
        // The disk took everything else, so this is no loss of the disk.
        if (!isFailure<StateCode>(error, "state.bad-number")) throw error;
        this.#numbers.set("unsound", error);
      }
    });
  }

  /** Each attempt has a record of its own; one that another follows was not taken. */
  saveSubmission({ block, path, uids, values, nonce }: PreparedWeights, mecid = 0): void {
    this.settleSubmission({ state: "refused", error: "sent once more" }, mecid);
    const id = crypto.randomUUID();
    this.#sending.set(mecid, id);
    this.#write(() => this.#database.recordSubmission({ id, mecid, block, path, uids, values, nonce }));
  }

  /** What became of the weights that `saveSubmission` wrote down last for this mechanism. */
  settleSubmission(settlement: Settlement, mecid = 0): void {
    const id = this.#sending.get(mecid);
    if (id === undefined) return;
    this.settleEarlier(id, settlement);
    this.#sending.delete(mecid);
  }

  /** What became of weights of an earlier run. */
  settleEarlier(id: string, settlement: Settlement): void {
    this.#write(() => this.#database.settleSubmission(id, settlement));
  }

  /** Those of which nobody knows whether the chain has them, oldest first; of one mechanism where it is named. */
  unsettled(mecid?: number): SubmissionRecord[] {
    return this.submissions.filter(
      (one) =>
        (one.state === "prepared" || one.state === "sent") && (mecid === undefined || one.mecid === mecid),
    );
  }

  /** Of the last days, oldest first. */
  get submissions(): readonly SubmissionRecord[] {
    return this.#database.submissions;
  }

  /** Commits of this run and of earlier ones whose fate is not known. */
  pendingReveals(): CommittedWeights[] {
    return this.#database.pendingReveals().map(({ id, committed, revealRound, ...rest }) => ({
      ...rest,
      id,
      uids: [...rest.uids],
      values: [...rest.values],
      committed: asBlock(committed),
      revealRound: revealRound ?? undefined,
    }));
  }

  /** A commit that is kept already stays as it is. */
  saveReveal({
    id,
    mecid = 0,
    committed,
    revealRound,
    revealBlock,
    uid,
    uids,
    values,
  }: CommittedWeights): void {
    if (this.#database.pendingReveals().some((known) => known.id === id)) return;
    const reveal: StoredReveal = {
      id,
      mecid,
      committed,
      revealRound: revealRound ?? null,
      revealBlock,
      uid,
      uids,
      values,
    };
    this.#write(() => this.#database.addReveal(reveal));
  }

  settleReveal({ id }: CommittedWeights): void {
    this.#write(() => this.#database.settleReveal(id));
  }

  /** The last commit of a run, with everything that was written only now and then. */
  close(last: StepCommit): void {
    try {
      this.saveStep(last);
    } catch (error) {
      // The run may end by another error, which should keep its name.
      log.error("The last state was not saved", { error });
    } finally {
      this.#database.close();
    }
  }

  #write(work: () => void): void {
    try {
      work();
      this.#disk.set("written", undefined);
    } catch (error) {
      // Anything else is a fault of this program, which no free space mends.
      if (!(error instanceof Failure)) throw error;
      this.#disk.set("lost", error);
    }
  }
}

function tellDisk(feed: EventFeed, path: string, to: "written" | "lost", error: unknown): void {
  if (to === "lost")
    log.error("The state cannot be written; the run goes on and tries again with every step", {
      error,
      hint: error instanceof Failure ? error.hint : undefined,
    });
  else log.warn("The state is written again; nothing of it was lost", { path });
  feed.emit({
    kind: "disk",
    state: to === "lost" ? "state-full" : "state-back",
    path,
    free_bytes: null,
    detail: error instanceof Error ? error.message : null,
  });
}
