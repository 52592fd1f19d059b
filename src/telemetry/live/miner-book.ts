import { meanOf } from "../../base/mean.ts";
import { printable } from "../../base/text.ts";
import { kindsOfColumns } from "../../events/column-kinds.ts";
import { liftStep } from "../../events/reader.ts";
import { type AnyEvent, columnsOf, type EventOf, type StepEvent } from "../../events/schema.ts";
import { ANSWERED } from "../../events/step-figures.ts";
import type { MinerStatus } from "../status.ts";
import { type Answer, answersOf, MAX_HOTKEY } from "./answers.ts";
import { type ToldMiner, tellMiner } from "./miner.ts";

/** Answers kept per miner, and those that means are over: 20 · 256 miners · 1.5 KB are 8 MB. */
const KEPT_ANSWERS = 20;
/** No subnet has more neurons; a journal that says so is not believed. */
const MAX_UIDS = 4096;

interface Known {
  hotkey: string;
  score: number | null;
  askedInAll: number | null;
  asked: number;
  answered: number;
  /** Newest first. */
  answers: Answer[];
  /** Columns of the last answer that are shown: models, masks and penalties. */
  shown: readonly string[];
}

/**
 * What the events tell of every miner: scores, last answers, and why. In memory and bounded. A uid that another hotkey
 * took begins anew.
 */
export class MinerBook {
  readonly #known = new Map<number, Known>();

  apply(event: AnyEvent): void {
    if (event.kind === "step") this.#noteStep(event.version === 1 ? (liftStep(event) as StepEvent) : event);
    else if (event.kind === "scores") this.#noteScores(event);
    else if (event.kind === "metagraph") this.#noteMetagraph(event);
  }

  /** By uid. */
  get rows(): MinerStatus[] {
    return [...this.#known].sort(([a], [b]) => a - b).map(([uid, known]) => rowOf(uid, known));
  }

  miner(uid: number): ToldMiner {
    return tellMiner(uid, this.#known.get(uid)?.score ?? null, this.answers(uid));
  }

  /** Newest first. */
  answers(uid: number): readonly Answer[] {
    return this.#known.get(uid)?.answers ?? [];
  }

  #noteStep(step: StepEvent): void {
    const columns = Object.entries(columnsOf(step)).filter(
      ([, values]) => values.length === step.uids.length,
    );
    const kinds = [...kindsOfColumns(columns.map(([name]) => name))];
    const shown = kinds.flatMap(([name, kind]) => (kind === "detail" || kind === "shadow" ? [] : [name]));
    for (const [index, answer] of answersOf(step, Object.fromEntries(columns)).entries()) {
      const uid = step.uids[index]!;
      if (uid < 0 || uid >= MAX_UIDS) continue;
      const known = this.#of(uid, answer.hotkey);
      known.asked++;
      if (answer.status === ANSWERED) known.answered++;
      known.answers = [answer, ...known.answers].slice(0, KEPT_ANSWERS);
      known.shown = shown;
    }
  }

  #noteScores(event: Extract<AnyEvent, { kind: "scores" }>): void {
    const { hotkeys, moving_averaged_scores: scores } = event;
    for (const [uid, hotkey] of hotkeys.slice(0, MAX_UIDS).entries()) {
      const known = this.#of(uid, hotkey);
      known.score = scores[uid] ?? null;
      known.askedInAll = event.version === 1 ? null : (event.asked[uid] ?? null);
    }
    for (const uid of this.#known.keys()) if (uid >= hotkeys.length) this.#known.delete(uid);
  }

  #noteMetagraph({ replaced, moved, removed }: EventOf<"metagraph">): void {
    const moving = moved.map(({ from, to }) => [to, this.#known.get(from)] as const);
    for (const uid of [...replaced, ...removed, ...moved.map(({ from }) => from)]) this.#known.delete(uid);
    for (const [uid, known] of moving) if (known !== undefined) this.#known.set(uid, known);
  }

  #of(uid: number, told: string): Known {
    const hotkey = printable(told, MAX_HOTKEY);
    const known = this.#known.get(uid);
    if (known?.hotkey === hotkey) return known;
    const fresh: Known = {
      hotkey,
      score: null,
      askedInAll: null,
      asked: 0,
      answered: 0,
      answers: [],
      shown: [],
    };
    this.#known.set(uid, fresh);
    return fresh;
  }
}

function rowOf(uid: number, { answers, shown, ...known }: Known): MinerStatus {
  const [last] = answers;
  const rewards = answers.filter(({ step }) => step.counted).map(({ reward }) => reward);
  return {
    uid,
    ...known,
    reward: meanOf(rewards),
    rewards: rewards.reverse(),
    latency: meanOf(answers.map(({ seconds }) => seconds)),
    lastStatus: last?.status ?? null,
    lastMessage: last?.message ?? "",
    lastCompletion: last?.completion ?? "",
    columns: Object.fromEntries(shown.map((name) => [name, last?.columns[name] ?? null])),
  };
}
