import { Failure, messageOf } from "../base/error.ts";
import { log } from "../base/log.ts";
import { usablePassage } from "./passage.ts";
import type { Random } from "./templates.ts";
import type { Feed, PromptsCode } from "./text-feed.ts";

/** Texts among which the next one is drawn, as openvalidators 1.2.0 had (dataset.py buffer_size). */
const BUFFER_TEXTS = 10_000;
/** Their length in all; JavaScript keeps 1 or 2 bytes a character, so at most 128 MiB. */
const BUFFER_CHARACTERS = 64 * 2 ** 20;
/**
 * A text is not drawn again within so many draws while the source has others; of a source with fewer texts, and of one
 * that cannot be read, not within half as many draws as there are texts. A forward pass draws one text.
 */
export const WINDOW_DRAWS = 1000;
/** Rows looked at before the event loop runs again: some 10 ms of work. */
const ROWS_AT_ONCE = 50;
/** Reads without one usable text after which the dataset is not what it should be. */
const MAX_EMPTY_READS = 8;
/** Most draws between two reads of a source that had nothing new the last time. */
const MAX_PAUSE_DRAWS = 64;

/**
 * Draws texts of a feed at random, each once: a drawn text is remembered and passed over when it is read again. Each
 * draw from a feed that has more brings further rows in the background, from another random place, until the buffer is
 * full. When nothing new can be had, the texts that were drawn longest ago come again, rather than an end.
 */
export class ShuffledTexts {
  readonly #feed: Feed;
  readonly #random: Random;
  readonly #stop = new AbortController();
  /** Not drawn yet, in no order. */
  #fresh: string[] = [];
  #characters = 0;
  /** Drawn, the oldest first; at most WINDOW_DRAWS. Without their text when the source has changed since. */
  #drawn: { hash: number | bigint; text: string | undefined }[] = [];
  /** Hashes of both. */
  readonly #known = new Set<number | bigint>();
  /** Of the feed when it was read last. */
  #version: string | undefined;
  /** Usable texts of the last read, by which the next one is expected to fill the buffer. */
  #lastYield = 0;
  /** Draws until the next read, after reads that brought nothing new. */
  #pauseDraws = 0;
  #nextPauseDraws = 1;
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
    if (this.#isStale()) await this.#fillOrGoOn(asked);
    else if (this.#fresh.length > 0 && !this.#feed.isWhole && this.#hasRoomForRead()) this.#fillBehind();
    // Others who waited for the same read may have drawn all it brought.
    while (this.#fresh.length === 0) {
      if (this.#isFailing && this.#drawn.length > 0) this.#fillBehind();
      else await this.#fillOrGoOn(asked);
      if (this.#fresh.length === 0) this.#takeBack();
    }
    return this.#draw();
  }

  close(): void {
    this.#stop.abort();
    this.#forget();
  }

  #draw(): string {
    const index = Math.floor(this.#random() * this.#fresh.length);
    const text = this.#fresh[index]!;
    // The last one takes its place: order means nothing here.
    const last = this.#fresh.pop()!;
    if (index < this.#fresh.length) this.#fresh[index] = last;
    this.#characters -= text.length;
    this.#drawn.push({ hash: Bun.hash(text), text });
    if (this.#drawn.length > WINDOW_DRAWS) this.#known.delete(this.#drawn.shift()!.hash);
    return text;
  }

  /** The half that was drawn longest ago may be drawn, or read, again. */
  #takeBack(): void {
    for (const { hash, text } of this.#drawn.splice(0, Math.ceil(this.#drawn.length / 2))) {
      if (text === undefined) this.#known.delete(hash);
      else {
        this.#fresh.push(text);
        this.#characters += text.length;
      }
    }
  }

  /** What was read is of a source that is no more; what was drawn is still not to be drawn again soon. */
  #forget(): void {
    for (const text of this.#fresh) this.#known.delete(Bun.hash(text));
    for (const drawn of this.#drawn) drawn.text = undefined;
    this.#fresh = [];
    this.#characters = 0;
  }

  #isStale(): boolean {
    return this.#version !== undefined && this.#version !== this.#feed.version();
  }

  #hasRoom(): boolean {
    return this.#fresh.length < BUFFER_TEXTS && this.#characters < BUFFER_CHARACTERS;
  }

  /** A read of a thousand rows for the one that was drawn would be waste. */
  #hasRoomForRead(): boolean {
    if (this.#pauseDraws > 0) {
      this.#pauseDraws--;
      return false;
    }
    return this.#hasRoom() && this.#fresh.length + this.#lastYield <= BUFFER_TEXTS;
  }

  /** Waits for a read; one that fails is an error only where there is no text at all. */
  async #fillOrGoOn(asked: AbortSignal): Promise<void> {
    try {
      await until(asked, this.#fill());
      this.#tellWhetherFailing(undefined);
    } catch (error) {
      if (asked.aborted || this.#fresh.length + this.#drawn.length === 0) throw error;
      this.#tellWhetherFailing(error);
    }
  }

  #fillBehind(): void {
    this.#fill().then(
      () => this.#tellWhetherFailing(undefined),
      (error: unknown) => this.#tellWhetherFailing(error),
    );
  }

  #tellWhetherFailing(error: unknown): void {
    if (this.#stop.signal.aborted) return;
    const isFailing = error !== undefined;
    if (isFailing && !this.#isFailing)
      log.warn("The dataset cannot be read; going on with the texts at hand", {
        dataset: this.name,
        texts: this.#fresh.length + this.#drawn.length,
        reason: messageOf(error),
      });
    if (!isFailing && this.#isFailing) log.info("The dataset can be read again", { dataset: this.name });
    this.#isFailing = isFailing;
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
      const version = this.#feed.version();
      const usable: string[] = [];
      for (const [index, row] of rows.entries()) {
        if (index % ROWS_AT_ONCE === ROWS_AT_ONCE - 1) await new Promise((resolve) => setImmediate(resolve));
        const text = usablePassage(row);
        if (text !== undefined) usable.push(text);
      }
      if (usable.length === 0) continue;
      if (this.#version !== undefined && this.#version !== version) this.#forget();
      this.#version = version;
      this.#add(usable);
      return;
    }
    const { columns } = this.#feed;
    throw new Failure<PromptsCode>("prompts.no-text", {
      message: `${this.name} gave no text that can be asked about`,
      hint: `a text needs 200 characters of prose with four full stops; ${
        columns.length > 0
          ? `name its column if it is another: ${columns.slice(0, 20).join(", ")}`
          : "name its column if it is not `text`"
      }`,
      retry: "soon",
    });
  }

  #add(texts: readonly string[]): void {
    const before = this.#fresh.length;
    for (const text of texts) {
      const hash = Bun.hash(text);
      if (this.#known.has(hash) || !this.#hasRoom()) continue;
      this.#known.add(hash);
      this.#fresh.push(text);
      this.#characters += text.length;
    }
    this.#lastYield = this.#fresh.length - before;
    this.#pauseDraws = this.#lastYield > 0 ? 0 : this.#nextPauseDraws;
    this.#nextPauseDraws = this.#lastYield > 0 ? 1 : Math.min(MAX_PAUSE_DRAWS, 2 * this.#nextPauseDraws);
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
