import { Failure, messageOf } from "../base/error.ts";
import { log } from "../base/log.ts";
import type { Feed, PromptsCode } from "./feed.ts";
import { usablePassage } from "./passage.ts";
import type { Random } from "./templates.ts";

/** Texts among which the next one is drawn, as openvalidators 1.2.0 had (dataset.py buffer_size). */
const BUFFER_TEXTS = 10_000;
/** Their length in all; JavaScript keeps 1 or 2 bytes a character, so at most 128 MiB. */
const BUFFER_CHARACTERS = 64 * 2 ** 20;
/** Rows looked at before the event loop runs again: some 10 ms of work. */
const ROWS_AT_ONCE = 50;
/** Reads without one usable text after which the dataset is not what it should be. */
const MAX_EMPTY_READS = 8;

/**
 * Draws texts of a feed at random. A text leaves the buffer when it is drawn; each draw from a feed that has more
 * brings further rows in the background, from another random place, until the buffer is full. While the feed cannot
 * be read the buffer goes on serving, with repetitions rather than an end.
 */
export class ShuffledTexts {
  readonly #feed: Feed;
  readonly #random: Random;
  readonly #stop = new AbortController();
  #texts: string[] = [];
  #characters = 0;
  /** Usable texts of the last read, by which the next one is expected to fill the buffer. */
  #lastYield = 0;
  #reading: Promise<void> | undefined;
  #isFailing = false;

  constructor(feed: Feed, random: Random) {
    this.#feed = feed;
    this.#random = random;
  }

  get name(): string {
    return this.#feed.name;
  }

  async next(signal?: AbortSignal): Promise<string> {
    const asked = signal ? AbortSignal.any([signal, this.#stop.signal]) : this.#stop.signal;
    asked.throwIfAborted();
    if (this.#texts.length > 0 && !this.#feed.isWhole && this.#hasRoomForRead()) this.#fillBehind();
    // Others who waited for the same read may have drawn all it brought.
    while (this.#texts.length === 0) await until(asked, this.#fill());
    const index = Math.floor(this.#random() * this.#texts.length);
    const text = this.#texts[index]!;
    if (!this.#isFailing) this.#remove(index);
    return text;
  }

  close(): void {
    this.#stop.abort();
    this.#texts = [];
  }

  #hasRoom(): boolean {
    return this.#texts.length < BUFFER_TEXTS && this.#characters < BUFFER_CHARACTERS;
  }

  /** A read of a thousand rows for the one that was drawn would be waste. */
  #hasRoomForRead(): boolean {
    return this.#hasRoom() && this.#texts.length + this.#lastYield <= BUFFER_TEXTS;
  }

  #fillBehind(): void {
    this.#fill().then(
      () => {
        if (this.#isFailing) log.info("The dataset can be read again", { dataset: this.name });
        this.#isFailing = false;
      },
      (error) => {
        if (!this.#isFailing && !this.#stop.signal.aborted)
          log.warn("The dataset cannot be read; going on with the texts at hand", {
            dataset: this.name,
            texts: this.#texts.length,
            reason: messageOf(error),
          });
        this.#isFailing = true;
      },
    );
  }

  /** One read at a time, shared by all who wait for it. */
  #fill(): Promise<void> {
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #read(): Promise<void> {
    for (let read = 0; read < MAX_EMPTY_READS; read++) {
      const rows = await this.#feed.read(this.#stop.signal);
      const before = this.#texts.length;
      for (const [index, row] of rows.entries()) {
        if (index % ROWS_AT_ONCE === ROWS_AT_ONCE - 1) await new Promise((resolve) => setImmediate(resolve));
        const text = usablePassage(row);
        if (text !== undefined && this.#hasRoom()) this.#add(text);
      }
      this.#lastYield = this.#texts.length - before;
      if (this.#lastYield > 0) return;
    }
    throw new Failure<PromptsCode>("prompts.no-text", {
      message: `${this.name} gave no text that can be asked about`,
      hint: "a text needs 200 characters of prose with four full stops; name its column if it is not `text`",
      retry: "soon",
    });
  }

  #add(text: string): void {
    this.#texts.push(text);
    this.#characters += text.length;
  }

  #remove(index: number): void {
    this.#characters -= this.#texts[index]!.length;
    // The last one takes its place: order means nothing here.
    const last = this.#texts.pop()!;
    if (index < this.#texts.length) this.#texts[index] = last;
  }
}

/** Waits for work that others may share, but not longer than the signal allows. */
async function until<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort!);
  }
}
