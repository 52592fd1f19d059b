import { isFailure } from "../../base/error.ts";
import { jsonText } from "../../base/text.ts";
import { loadConfiguration } from "../../config/load.ts";
import { MINERS_OPTIONS } from "../../config/miners-options.ts";
import { JOURNAL_OPTIONS } from "../../config/options.ts";
import { stateDirectory } from "../../config/paths.ts";
import { shortColumns } from "../../events/column-kinds.ts";
import { readEvents } from "../../events/reader.ts";
import { journalMark } from "../../events/segments.ts";
import type { ToldAnswer, ToldMiner } from "../../telemetry/live/miner.ts";
import { MinerBook } from "../../telemetry/live/miner-book.ts";
import type { MinerStatus } from "../../telemetry/status.ts";
import { readMiner, readMiners } from "../../telemetry/status-socket.ts";
import { type CommandContext, sourcesOf } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { screenWidth, wrapped } from "../fit.ts";
import { refuseJournalFlags } from "../idle-flags.ts";
import { journalFolder } from "../journal-folder.ts";
import { fittedTable, noRoomText } from "../table.ts";
import { printWatched } from "../watching.ts";

/** The last answers of every miner are in the newest segments; each may hold 32 MiB. */
const READ_SEGMENTS = 2;
/** Answers of one miner that are shown column by column; of the others one line is told. */
const SHOWN_WHOLE = 3;

/**
 * Shows the miners of a validator: of one that runs as it tells them itself, else from its journal. With --uid the last
 * answers of one miner, and what cost it the reward.
 */
export async function miners(context: CommandContext): Promise<number> {
  const { settings } = loadConfiguration({ ...MINERS_OPTIONS, ...JOURNAL_OPTIONS }, sourcesOf(context));
  const [folder] = context.words ?? [];
  refuseJournalFlags(context, context.words ?? []);
  const { uid } = settings;
  const asJson = context.flags.json === "true";
  const journal = new ReadJournal();
  await printWatched(context, async () => {
    const told = folder === undefined ? await tell(stateDirectory(settings), uid) : undefined;
    const found = bestFirst(told ?? fromBook(await journal.book(journalFolder(folder, settings)), uid));
    // One line for each time, so that a watched one can be read line by line.
    if (asJson) return { text: `${jsonText("answers" in found ? found : { miners: found })}\n` };
    const width = screenWidth(context.environment) ?? Number.POSITIVE_INFINITY;
    return { text: "answers" in found ? why(found, width) : tableOf(found, width) };
  });
  return EXIT.ok;
}

type Found = readonly MinerStatus[] | ToldMiner;

/** What a validator that runs says; undefined when none does. */
async function tell(directory: string, uid: number | undefined): Promise<Found | undefined> {
  try {
    return uid === undefined ? await readMiners(directory) : await readMiner(directory, uid);
  } catch (error) {
    if (isFailure(error)) return undefined;
    throw error;
  }
}

function bestFirst(found: Found): Found {
  if ("answers" in found) return found;
  return found.toSorted((a, b) => (b.score ?? -1) - (a.score ?? -1) || a.uid - b.uid);
}

function fromBook(book: MinerBook, uid: number | undefined): Found {
  return uid === undefined ? book.rows : book.miner(uid);
}

/** A journal that is read anew only when something was written to it: a watched one is asked for every two seconds. */
class ReadJournal {
  #book = new MinerBook();
  #mark = "";

  async book(folder: string): Promise<MinerBook> {
    const mark = journalMark(folder);
    if (mark === this.#mark) return this.#book;
    const book = new MinerBook();
    for await (const event of readEvents(folder, { closedSegments: READ_SEGMENTS })) book.apply(event);
    this.#book = book;
    this.#mark = mark;
    return book;
  }
}

function tableOf(rows: readonly MinerStatus[], width: number): string {
  if (rows.length === 0) return "No miner was asked yet.\n";
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row.columns)))];
  const head = [
    "uid",
    "hotkey",
    "score",
    "reward",
    "seconds",
    "answers",
    "status",
    ...columns.map(shortColumns(columns)),
  ];
  const lines = rows.map((row) => [
    row.uid,
    `${row.hotkey.slice(0, 8)}…`,
    digits(row.score, 4),
    digits(row.reward, 4),
    digits(row.latency, 2),
    `${row.answered}/${row.asked}`,
    row.lastStatus ?? "-",
    ...columns.map((name) => digits(row.columns[name] ?? null, 3)),
  ]);
  // Models and masks go first, then what is told of calls.
  const right = new Set(head.keys().filter((at) => at > 1));
  const { text, gone } = fittedTable(head, lines, { width, spare: (at) => (at < 4 ? 0 : at), right });
  const words =
    "Means are over the last 20 calls of each miner, failed ones included; the columns are those of the last one. --uid N tells why.";
  return `${text}${noRoomText(gone, "--json has all", width)}\n${wrapped(words, width)}\n`;
}

function why({ uid, hotkey, summary, answers }: ToldMiner, width: number): string {
  const head = `Miner ${uid}${hotkey === null ? "" : `, hotkey ${hotkey}`}`;
  const parts = [`${wrapped(head, width)}\n${wrapped(summary, width)}\n`];
  for (const [index, answer] of answers.entries())
    parts.push(
      index < SHOWN_WHOLE
        ? wholeAnswer(answer, width)
        : `${wordsOf([headOf(answer), answer.summary], width)}\n`,
    );
  return parts.join("\n");
}

/** A head, and what stands below it. */
function wordsOf([head, ...below]: readonly string[], width: number): string {
  const lines = below.map((line) => wrapped(line, width - 2).replace(/^/gm, "  "));
  return [wrapped(head!, width), ...lines].join("\n");
}

function wholeAnswer(answer: ToldAnswer, width: number): string {
  const lines = [headOf(answer), answer.summary];
  if (answer.completion !== "") lines.push(`Answer: ${answer.completion}`);
  const words = wordsOf(lines, width);
  if (answer.columns.length === 0) return `${words}\n`;
  const nameOf = shortColumns(answer.columns.map(({ column }) => column));
  const rows = answer.columns.map(({ column, kind, raw, words, isCost }) => [
    isCost ? "✗" : " ",
    nameOf(column),
    kind,
    digits(raw, 4),
    words,
  ]);
  const { text } = fittedTable(["", "column", "is", "raw", "what it did"], rows, {
    width: width - 2,
    spare: (at) => (at === 2 ? 1 : 0),
  });
  return `${words}\n${text.replace(/^/gm, "  ").trimEnd()}\n`;
}

function headOf({ step, name, time, status, seconds, reward }: ToldAnswer): string {
  const number = step === null ? "" : `step ${step} `;
  return `${number}${name} at ${time}: status ${status}, ${seconds.toFixed(2)} s, reward ${reward.toFixed(4)}`;
}

function digits(value: number | null, count: number): string {
  return value === null ? "-" : value.toFixed(count);
}
