import { existsSync, rmSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { replaceFile } from "../base/atomic.ts";
import { freeBytesOf } from "../base/disk.ts";
import { log } from "../base/log.ts";
import { abandonedFiles, type ClosedSegment, closedSegments, compressedName } from "./segments.ts";

/** What is kept of old events however short the disk is: hours of them, compressed. */
const LEAST_KEPT_BYTES = 32 << 20;

export interface ArchiveBudget {
  /** Of the closed segments together. */
  budgetBytes: number;
  /** They give way as long as the disk has less free, as journald's do for SystemKeepFree=; 0 = never. */
  keptFreeBytes: number;
  /** Replaced by tests. */
  freeBytes?: ((directory: string) => number) | undefined;
}

/**
 * The closed segments of a journal: compresses them one after another beside the event loop, and drops the oldest to
 * stay within the budget. A segment that a crash or a full disk left plain is compressed at the next occasion.
 */
export class Archive {
  readonly #directory: string;
  readonly #budget: ArchiveBudget;
  #work = Promise.resolve();
  #isCompressing = false;
  #hasRecovered = false;
  #isStopping = false;
  #isFailing = false;

  constructor(directory: string, budget: ArchiveBudget) {
    this.#directory = directory;
    this.#budget = budget;
  }

  /** Removes what a killed process left half done, once, and takes up its work. Call when the folder is there. */
  recover(): void {
    if (this.#hasRecovered) return;
    this.#hasRecovered = true;
    for (const name of abandonedFiles(this.#directory)) rmSync(join(this.#directory, name), { force: true });
    this.tend();
  }

  /** A segment was closed: keeps the budget now and compresses in the background. */
  tend(): void {
    try {
      this.#keepBudget();
    } catch (error) {
      this.#warnOnce("The oldest segment of the journal could not be dropped", error);
    }
    if (!this.#isCompressing) this.#work = this.#compressAll();
  }

  /** Ends after the segment that is being compressed; the others wait for the next start. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#work;
  }

  /** When everything that was closed is compressed, or cannot be. */
  async settled(): Promise<void> {
    await this.#work;
  }

  async #compressAll(): Promise<void> {
    this.#isCompressing = true;
    try {
      for (let next = this.#nextPlain(); next && !this.#isStopping; next = this.#nextPlain()) {
        await this.#compress(next);
        this.#isFailing = false;
        this.#keepBudget();
      }
    } catch (error) {
      // The plain file is read as well as the compressed one, so nothing is lost by waiting for the next occasion.
      this.#warnOnce("A closed segment of the journal could not be compressed and stays as it is", error);
    } finally {
      this.#isCompressing = false;
    }
  }

  /** At the transition alone: what fails now would fail at every segment. */
  #warnOnce(message: string, error: unknown): void {
    if (!this.#isFailing) log.warn(message, { folder: this.#directory, error });
    this.#isFailing = true;
  }

  #nextPlain(): ClosedSegment | undefined {
    return closedSegments(this.#directory).find((segment) => !segment.isCompressed);
  }

  /** The compressed file is durable before the plain one goes; a crash between leaves both, and readers take the first. */
  async #compress({ name, number }: ClosedSegment): Promise<void> {
    const plain = join(this.#directory, name);
    const compressed = join(this.#directory, compressedName(number));
    if (!existsSync(compressed)) {
      const content = await readFile(plain).catch((error: NodeJS.ErrnoException) => {
        if (error.code === "ENOENT") return undefined; // dropped for the budget meanwhile
        throw error;
      });
      if (content === undefined) return;
      await replaceFile(compressed, [await Bun.zstdCompress(content)]);
    }
    rmSync(plain, { force: true });
  }

  /** @param total of all closed segments now */
  #allowedBytes(total: number): number {
    const { budgetBytes, keptFreeBytes, freeBytes = freeBytesOf } = this.#budget;
    if (keptFreeBytes === 0 || total === 0) return budgetBytes;
    const spared = total + freeBytes(this.#directory) - keptFreeBytes;
    return Math.min(budgetBytes, Math.max(LEAST_KEPT_BYTES, spared));
  }

  #keepBudget(): void {
    const segments = closedSegments(this.#directory).map(({ name }) => ({
      name,
      sizeBytes: statSync(join(this.#directory, name), { throwIfNoEntry: false })?.size ?? 0,
    }));
    let total = segments.reduce((sum, segment) => sum + segment.sizeBytes, 0);
    const allowed = this.#allowedBytes(total);
    for (const segment of segments) {
      if (total <= allowed) return;
      rmSync(join(this.#directory, segment.name), { force: true });
      total -= segment.sizeBytes;
      log.info("Dropped the oldest events to stay within the disk budget", { segment: segment.name });
    }
  }
}
