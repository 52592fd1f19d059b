import { meanOf } from "../../base/mean.ts";
import { kindsOfColumns } from "../../events/column-kinds.ts";
import type { AnyEvent } from "../../events/schema.ts";
import { ANSWERED } from "../../events/step-figures.ts";
import { AnswerHistory } from "./answers.ts";
import { type ToldMiner, tellMiner } from "./miner.ts";

/** One line of the table of miners; the means are over the answers that are kept (answers.ts). */
export interface MinerRow {
  uid: number;
  hotkey: string;
  /** Moving average of its rewards at the last checkpoint, 0..1; null before the first. */
  score: number | null;
  /** Times it was asked, of the answers that are kept. */
  asked: number;
  answered: number;
  /** Mean of the steps that counted, 0..1; null when none did. */
  reward: number | null;
  /** Mean time of the answers, seconds; null when there is none. */
  seconds: number | null;
  lastStatus: number;
  /** Printable, at most 200 characters. */
  lastMessage: string;
  /** Of its last answer: models, masks and penalties by their columns. */
  columns: Record<string, number | null>;
}

/** What the events tell of every miner: scores, last answers, and why. In memory and bounded. */
export class MinerBook {
  readonly #answers = new AnswerHistory();
  #scores: readonly number[] = [];
  #hotkeys: readonly string[] = [];

  apply(event: AnyEvent): void {
    this.#answers.apply(event);
    if (event.kind !== "scores") return;
    this.#scores = event.moving_averaged_scores;
    this.#hotkeys = event.hotkeys;
  }

  /** Best score first. */
  get rows(): MinerRow[] {
    const rows = this.#answers.uids.map((uid) => this.#row(uid));
    return rows.sort((a, b) => (b.score ?? -1) - (a.score ?? -1) || a.uid - b.uid);
  }

  miner(uid: number): ToldMiner {
    const answers = this.#answers.of(uid);
    return tellMiner(uid, this.#scoreOf(uid, answers[0]?.hotkey), answers);
  }

  /** null where the score at hand is that of the hotkey before. */
  #scoreOf(uid: number, hotkey: string | undefined): number | null {
    if (hotkey !== undefined && this.#hotkeys[uid] !== hotkey) return null;
    return this.#scores[uid] ?? null;
  }

  #row(uid: number): MinerRow {
    const answers = this.#answers.of(uid);
    const [last] = answers;
    const answered = answers.filter(({ status }) => status === ANSWERED);
    const kinds = kindsOfColumns(Object.keys(last!.columns));
    const columns = Object.entries(last!.columns).filter(([name]) => kinds.get(name) !== "detail");
    return {
      uid,
      hotkey: last!.hotkey,
      score: this.#scoreOf(uid, last!.hotkey),
      asked: answers.length,
      answered: answered.length,
      reward: meanOf(answers.filter(({ step }) => step.counted).map(({ reward }) => reward)),
      seconds: meanOf(answered.map(({ seconds }) => seconds)),
      lastStatus: last!.status,
      lastMessage: last!.message,
      columns: Object.fromEntries(columns),
    };
  }
}
