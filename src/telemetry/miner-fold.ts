import { meanOf } from "../base/mean.ts";
import { printable } from "../base/text.ts";
import { columnsOf, type EventOf, SHADOW_PREFIX } from "../events/schema.ts";
import { ANSWERED } from "../events/step-figures.ts";
import type { MinerStatus } from "./status.ts";

/** Answers that means are taken over. */
const RECENT = 20;
const MAX_COMPLETION = 300;
const MAX_MESSAGE = 120;
/** A uid is 16 bits on chain. */
const MAX_UID = 65_535;

interface Row {
  hotkey: string;
  score: number | null;
  askedInAll: number | null;
  asked: number;
  answered: number;
  rewards: number[];
  latencies: number[];
  lastStatus: number | null;
  lastMessage: string;
  lastCompletion: string;
  columns: Record<string, number | null>;
}

/** What is known of each miner, by uid; a uid that another hotkey took begins anew. */
export class MinerFold {
  #rows = new Map<number, Row>();

  note(event: EventOf<"step"> | EventOf<"scores"> | EventOf<"metagraph">): void {
    if (event.kind === "step") this.#noteStep(event);
    else if (event.kind === "scores") this.#noteScores(event);
    else this.#noteMetagraph(event);
  }

  get size(): number {
    return this.#rows.size;
  }

  snapshot(): MinerStatus[] {
    const entries = [...this.#rows].sort(([a], [b]) => a - b);
    return entries.map(([uid, { latencies, rewards, columns, ...row }]) => ({
      uid,
      ...row,
      columns: { ...columns },
      rewards: [...rewards],
      reward: meanOf(rewards),
      latency: meanOf(latencies),
    }));
  }

  #noteStep(step: EventOf<"step">): void {
    const columns = Object.entries(columnsOf(step)).filter(
      ([name, values]) => !name.startsWith(SHADOW_PREFIX) && values.length === step.uids.length,
    );
    for (const [index, uid] of step.uids.entries()) {
      if (uid < 0 || uid > MAX_UID) continue;
      const row = this.#rowOf(uid, step.hotkeys[index] ?? "");
      const status = step.completion_status_codes[index] ?? 0;
      row.asked++;
      if (status === ANSWERED) row.answered++;
      if (step.counted) push(row.rewards, step.rewards[index]);
      push(row.latencies, step.completion_times[index]);
      row.lastStatus = status;
      row.lastMessage = printable(step.completion_status_messages[index] ?? "", MAX_MESSAGE);
      row.lastCompletion = (step.completions[index] ?? "").slice(0, MAX_COMPLETION).toWellFormed();
      row.columns = Object.fromEntries(columns.map(([name, values]) => [name, values[index] ?? null]));
    }
  }

  #noteScores({ hotkeys, moving_averaged_scores: scores, asked }: EventOf<"scores">): void {
    for (const [uid, hotkey] of hotkeys.entries()) {
      const row = this.#rowOf(uid, hotkey);
      row.score = scores[uid] ?? null;
      row.askedInAll = asked[uid] ?? null;
    }
    for (const uid of this.#rows.keys()) if (uid >= hotkeys.length) this.#rows.delete(uid);
  }

  #noteMetagraph({ replaced, moved, removed }: EventOf<"metagraph">): void {
    const moving = moved.map(({ from, to }) => [to, this.#rows.get(from)] as const);
    for (const uid of [...replaced, ...removed, ...moved.map(({ from }) => from)]) this.#rows.delete(uid);
    for (const [uid, row] of moving) if (row !== undefined) this.#rows.set(uid, row);
  }

  #rowOf(uid: number, hotkey: string): Row {
    const known = this.#rows.get(uid);
    if (known?.hotkey === hotkey) return known;
    const row: Row = {
      hotkey,
      score: null,
      askedInAll: null,
      asked: 0,
      answered: 0,
      rewards: [],
      latencies: [],
      lastStatus: null,
      lastMessage: "",
      lastCompletion: "",
      columns: {},
    };
    this.#rows.set(uid, row);
    return row;
  }
}

function push(list: number[], value: number | undefined): void {
  if (value === undefined) return;
  list.push(value);
  if (list.length > RECENT) list.shift();
}
