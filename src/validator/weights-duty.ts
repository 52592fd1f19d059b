import { Failure, isFailure, messageOf } from "../base/error.ts";
import { log } from "../base/log.ts";
import { Told } from "../base/told.ts";
import { asBlock, type BlockNumber } from "../base/units.ts";
import { missingEvidence } from "../weights/evidence.ts";
import { canBeAsked } from "./choose.ts";
import { claimsOf } from "./claims.ts";
import type { Duty } from "./clock.ts";
import { lastUpdateOf } from "./own-mechanisms.ts";
import type { Neuron, SentWeights } from "./ports.ts";
import { followReveal } from "./reveals.ts";
import type { Session } from "./session.ts";
import { noteTurns } from "./subnet-coverage.ts";
import { confirmFinality, type Finality } from "./taken-back.ts";
import { settleEarlierWeights } from "./unsettled.ts";
import { mechanismOf, tellWeights, weightsOf } from "./weights-event.ts";
import { nextWeights, openingBefore } from "./weights-schedule.ts";

/** After a failure that may pass, the next attempts: half a minute on the public chain at first, then a minute. */
const RETRY_BLOCKS = [2, 3, 5];
/** So many fit on a line of the log; `weights show` has all. */
const TOLD_WEIGHTS = 10;

/**
 * Sends weights once per epoch, counted from the last weights on chain, so a restart neither repeats nor skips one.
 * The first ones wait for evidence: weights of a few steps would be noise.
 */
export class WeightsDuty<N extends Neuron> implements Duty {
  readonly name: string;
  readonly #session: Session<N>;
  readonly #mecid: number;
  #lastSent: number;
  #notBefore = 0;
  /** Block of weights that may still be taken back, because it is not final. */
  #unconfirmed: BlockNumber | undefined;
  /** Block of weights that were taken back. */
  #takenBack: number | undefined;
  /** Attempts that failed since the last weights. */
  #failures = 0;
  /** Set once the history has been enough; it does not shrink again. */
  #hasEvidence = false;
  /** What the weights wait for. */
  readonly #waitsFor = new Told();

  /** @param mecid the mechanism of the subnet that they are for */
  constructor(session: Session<N>, mecid = 0) {
    this.name = mecid === 0 ? "weights" : `weights of mechanism ${mecid}`;
    this.#session = session;
    this.#mecid = mecid;
    this.#lastSent = this.#lastOnChain;
    this.#unconfirmed = this.#notFinalYet;
  }

  /** Block of weights of the run before this one, where it may still be taken back. */
  get #notFinalYet(): BlockNumber | undefined {
    const { recorder, modules } = this.#session;
    const last = recorder.submissions.findLast(
      (one) => one.mecid === this.#mecid && one.state === "included",
    );
    if (last === undefined || last.block !== this.#lastSent) return undefined;
    return last.block > (modules.chain.finalized() ?? 0) ? asBlock(last.block) : undefined;
  }

  get #lastOnChain(): number {
    return lastUpdateOf(this.#session.state.subnet, this.#mecid);
  }

  /** For the log, where there are several mechanisms. */
  get #place(): { mechanism?: number } {
    const { mecids } = this.#session.settings;
    return mecids.length > 1 || this.#mecid > 0 ? { mechanism: this.#mecid } : {};
  }

  get #epochBlocks(): number {
    const { settings, state } = this.#session;
    return settings.epochBlocks || state.subnet.tempo;
  }

  get #isWanted(): boolean {
    const { setsWeights, isDryRun } = this.#session.settings;
    return setsWeights || isDryRun;
  }

  /** Whether weights may be on their way at this block, or are waited for there by nothing but the block's number. */
  isWindow(block: BlockNumber): boolean {
    if (!this.#isWanted || this.#session.watch.permit.state === "missing") return false;
    return !this.#isTooEarly(block) && this.#missing() === undefined;
  }

  isDue(block: BlockNumber): boolean {
    const { watch } = this.#session;
    if (!this.#isWanted || block < this.#notBefore || watch.permit.state === "missing") return false;
    if (this.#isConfirmable()) return true;
    if (this.#isTooEarly(block)) return false;
    const missing = this.#missing();
    if (missing !== undefined) this.#wait(missing, null);
    return missing === undefined;
  }

  async run(block: BlockNumber): Promise<void> {
    const { modules, recorder, signal, settings } = this.#session;
    const mecid = this.#mecid;
    try {
      if (this.#isConfirmable() && !(await this.#confirm(block))) return;
      const { included, nonce } = await settleEarlierWeights(this.#session, mecid);
      if (included !== undefined) {
        this.#lastSent = this.#unconfirmed = included;
        this.#count(1);
        if (this.#isTooEarly(block)) return;
      }
      this.#tell({ state: "due" });
      // Of several mechanisms the first one counts.
      const unasked = mecid === settings.mecids[0] ? noteTurns(this.#session, this.#lastSent) : undefined;
      if (settings.isDryRun) return await this.#rehearse(block);
      const sent = await modules.chain.sendWeights({
        mecid,
        ...claimsOf(this.#session),
        nonce,
        before: (prepared) => {
          recorder.saveSubmission(prepared, mecid);
          this.#tell({ state: "sent", ...weightsOf(prepared) });
        },
        signal,
      });
      // With one nonce, what was taken excludes what was sent before.
      for (const { id } of recorder.unsettled(mecid).slice(0, -1))
        recorder.settleEarlier(id, { state: "refused", error: "others of the same nonce took their place" });
      this.#lastSent = this.#unconfirmed = sent.block;
      this.#failures = 0;
      this.#count(1);
      this.#waitsFor.over();
      this.#tellIncluded(sent, unasked);
      const { pending, extrinsicHash: id, block: committed, revealRound } = sent;
      recorder.settleSubmission({ state: "included", block: committed, extrinsic: id }, mecid);
      if (pending) followReveal(this.#session, { ...pending, mecid, id, committed, revealRound });
    } catch (error) {
      if (signal.aborted) return;
      const waitBlocks = this.#waitBlocks(error, block);
      this.#failures++;
      this.#notBefore = block + waitBlocks;
      // What nobody saw fail may still be on its way.
      const fate = isFailure(error, "chain.outcome-unknown") ? "sent" : "refused";
      recorder.settleSubmission({ state: fate, error: messageOf(error) }, mecid);
      if (isFailure(error, "chain.rate-limited")) return this.#wait("the chain's rate limit", waitBlocks);
      this.#tell({ state: fate, error: messageOf(error), blocks_left: waitBlocks });
      if (isFatal(error)) throw error;
      log.error("Weights were not set", {
        ...this.#place,
        error,
        hint: error instanceof Failure ? error.hint : undefined,
        retryInBlocks: waitBlocks,
      });
    }
  }

  /** A dry run: what would be sent is told in its place. */
  async #rehearse(block: BlockNumber): Promise<void> {
    const order = { mecid: this.#mecid, ...claimsOf(this.#session) };
    const { uids, values, lines } = await this.#session.modules.chain.proposeWeights(order);
    this.#lastSent = block;
    const sum = values.reduce((total, value) => total + value, 0);
    const largest = uids
      .map((uid, index) => ({ uid, value: values[index]! }))
      .sort((a, b) => b.value - a.value)
      .slice(0, TOLD_WEIGHTS);
    log.info("Dry run: these weights would be set", {
      ...this.#place,
      miners: uids.length,
      largest: largest.map(({ uid, value }) => `${uid}: ${((100 * value) / sum).toFixed(1)} %`).join(", "),
      rules: lines.length > 0 ? lines.join("; ") : undefined,
    });
    this.#tell({
      state: "waiting",
      ...weightsOf({ uids, values }),
      reason: "a run that is no dry run",
      blocks_left: null,
    });
  }

  #isTooEarly(block: BlockNumber): boolean {
    // The chain may have taken weights whose fate was not known when they were sent.
    const last = Math.max(
      ...[this.#lastSent, this.#lastOnChain].map((one) => (one === this.#takenBack ? 0 : one)),
    );
    return block < nextWeights(this.#session, last, block);
  }

  #isConfirmable(): boolean {
    const finalized = this.#session.modules.chain.finalized();
    return this.#unconfirmed !== undefined && finalized !== undefined && finalized >= this.#unconfirmed;
  }

  /** @returns whether weights that were in a block are to be set again; where nobody knows, it is asked again soon */
  async #confirm(now: BlockNumber): Promise<boolean> {
    const block = this.#unconfirmed!;
    let found: Finality;
    try {
      found = await confirmFinality(this.#session, this.#mecid, block);
    } catch (error) {
      if (isFatal(error)) throw error;
      // Nothing was sent, so nothing was refused either.
      log.debug("It is unknown whether the weights are final", { ...this.#place, block, error });
      this.#notBefore = now + RETRY_BLOCKS[0]!;
      return false;
    }
    this.#unconfirmed = undefined;
    if (found.state === "moved") this.#lastSent = this.#unconfirmed = found.block;
    if (found.state !== "taken-back") return false;
    this.#takenBack = block;
    this.#count(-1);
    return true;
  }

  #count(change: 1 | -1): void {
    const { weightsSet } = this.#session.state;
    // What an earlier run set is not counted in this one, and cannot be taken off either.
    weightsSet.set(this.#mecid, Math.max(0, (weightsSet.get(this.#mecid) ?? 0) + change));
  }

  /** What is missing before these scores may become weights; undefined when nothing is. */
  #missing(): string | undefined {
    const { state, watch } = this.#session;
    // A commit is locked until a time, which a wrong clock would choose wrongly.
    if (watch.clock.state === "wrong") return "a clock that agrees with the chain";
    const miners = state.subnet.neurons.filter((neuron) => canBeAsked(this.#session, neuron));
    const { burnsIdle } = this.#session.settings;
    if (!burnsIdle && !miners.some(({ uid }) => state.scores[uid]! > 0))
      return "a miner with a score above 0";
    if (this.#hasEvidence) return undefined;
    const missing = missingEvidence({
      head: state.countedAt,
      blocks: state.evidence.blocks,
      epochBlocks: this.#epochBlocks,
      asked: miners.map(({ uid }) => state.asked[uid]!),
    });
    this.#hasEvidence = missing === undefined;
    return missing;
  }

  #waitBlocks(error: unknown, block: BlockNumber): number {
    const soon = RETRY_BLOCKS[Math.min(this.#failures, RETRY_BLOCKS.length - 1)]!;
    if (!(error instanceof Failure)) return soon;
    if (error.retryInBlocks !== undefined) return Math.max(1, error.retryInBlocks);
    if (error.retry === "soon") return soon;
    // `no` is for the same weights at the same block: by the next window both are others.
    const opens = openingBefore(this.#session.settings, this.#session.state.subnet, block);
    if (opens === undefined) return this.#epochBlocks;
    return Math.max(1, opens + this.#session.state.subnet.tempo - block);
  }

  #wait(reason: string, blocksLeft: number | null): void {
    if (!this.#waitsFor.isNews(reason)) return;
    log.info("Weights wait", { ...this.#place, for: reason, blocks: blocksLeft ?? undefined });
    this.#tell({ state: "waiting", reason, blocks_left: blocksLeft });
  }

  /** @param unasked miners that had no turn since the weights before */
  #tellIncluded(sent: SentWeights, unasked: number | undefined): void {
    log.info("Weights were set", {
      ...this.#place,
      path: sent.path,
      block: sent.block,
      miners: sent.uids.length,
      round: sent.revealRound,
    });
    this.#tell(
      {
        state: "included",
        ...weightsOf(sent),
        path: sent.path,
        reveal_round: sent.revealRound ?? null,
        extrinsic: sent.extrinsicHash,
        ...(unasked !== undefined && { unasked }),
        // Without such a schedule an epoch later, which goes without saying.
        ...(openingBefore(this.#session.settings, this.#session.state.subnet, sent.block) !== undefined && {
          blocks_left: nextWeights(this.#session, sent.block, sent.block) - sent.block,
        }),
      },
      sent.block,
    );
  }

  #tell(facts: Parameters<typeof tellWeights>[1], block?: BlockNumber): void {
    tellWeights(this.#session.modules.feed, { ...mechanismOf({ mecid: this.#mecid }), ...facts }, block);
  }
}

/** A validator without a uid has nothing to do; the supervisor must not start it again and again. */
export function isFatal(error: unknown): boolean {
  return isFailure(error, "chain.not-registered");
}
